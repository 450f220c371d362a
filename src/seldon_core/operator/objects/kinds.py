"""The kinds of objects that the controller reads and makes.

A row in `OWNED` is all that a new kind needs: it is then watched, applied in its place of the order, and pruned.
"""

from collections.abc import Mapping
from typing import Any, Final

from seldon_core.api.types import GROUP, KIND, STORED_VERSION
from seldon_core.kube import Resource
from seldon_core.kube.resources import DEPLOYMENTS, HORIZONTAL_POD_AUTOSCALERS, POD_DISRUPTION_BUDGETS, SERVICES
from seldon_core.operator.render.config import OperatorConfig

FIELD_MANAGER: Final = "seldon-core-operator"

SELDON_DEPLOYMENTS: Final = Resource(GROUP, STORED_VERSION, "seldondeployments", KIND)
SCALED_OBJECTS: Final = Resource("keda.sh", "v1alpha1", "scaledobjects", "ScaledObject")
DESTINATION_RULES: Final = Resource("networking.istio.io", "v1beta1", "destinationrules", "DestinationRule")
VIRTUAL_SERVICES: Final = Resource("networking.istio.io", "v1beta1", "virtualservices", "VirtualService")
TLS_CONTEXTS: Final = Resource("getambassador.io", "v2", "tlscontexts", "TLSContext")
MAPPINGS: Final = Resource("getambassador.io", "v2", "mappings", "Mapping")
HTTP_ROUTES: Final = Resource("gateway.networking.k8s.io", "v1", "httproutes", "HTTPRoute")
NETWORK_POLICIES: Final = Resource("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy")
GRPC_ROUTES: Final = Resource("gateway.networking.k8s.io", "v1", "grpcroutes", "GRPCRoute")

SCALERS: Final[tuple[Resource, ...]] = (HORIZONTAL_POD_AUTOSCALERS, SCALED_OBJECTS)
"""Who decides about the replicas of a Deployment; each names it in `spec.scaleTargetRef`."""

ROUTES: Final[tuple[Resource, ...]] = (
    DESTINATION_RULES,
    VIRTUAL_SERVICES,
    TLS_CONTEXTS,
    MAPPINGS,
    HTTP_ROUTES,
    GRPC_ROUTES,
)
"""What leads requests from outside to the Services; what others name comes before them."""

OWNED: Final[tuple[Resource, ...]] = (
    SERVICES,
    *SCALERS,
    POD_DISRUPTION_BUDGETS,
    NETWORK_POLICIES,
    DEPLOYMENTS,
    *ROUTES,
)
"""What a SeldonDeployment consists of, in the order in which it is applied: an address first, then who answers there,
and who leads requests to it last. Source: specification 1.6."""

OPTIONAL: Final = frozenset({SCALED_OBJECTS, *ROUTES, NETWORK_POLICIES})
"""Kinds that are made where a value asks for them. Most are defined by others: they may not be there, or come and
go."""

LABELLED: Final = frozenset({SERVICES, DEPLOYMENTS})
"""Kinds whose objects carry `MANAGED_SELECTOR`. The others have v1.17.1's labels, which are few; of those what belongs
to a SeldonDeployment is picked out by its owner."""

DEPLOYMENT_ID: Final = "seldon-deployment-id"
MANAGED_SELECTOR: Final = DEPLOYMENT_ID
"""Whatever carries this label. The label `app.kubernetes.io/managed-by` is not on an orchestrator's own Deployment, and
elsewhere a user's label of that name wins."""
CONTROLLER_ID: Final = "seldon.io/controller-id"
REVISION: Final = "deployment.kubernetes.io/revision"


def owned_kinds(config: OperatorConfig) -> tuple[Resource, ...]:
    """The rows of `OWNED` that an installation makes: what others define only where it says that it uses them."""
    used: set[Resource] = set()
    if config.keda:
        used.add(SCALED_OBJECTS)
    if config.istio:
        used |= {DESTINATION_RULES, VIRTUAL_SERVICES}
    if config.ambassador and config.ambassador.as_objects:
        used |= {TLS_CONTEXTS, MAPPINGS}
    if config.gateway:
        used |= {HTTP_ROUTES, GRPC_ROUTES}
    if config.network:
        used.add(NETWORK_POLICIES)
    return tuple(resource for resource in OWNED if resource not in OPTIONAL or resource in used)


def owned_resource(manifest: Mapping[str, Any]) -> Resource:
    """The row of a rendered object.

    Raises:
        LookupError: The kind is none that the controller makes.
    """
    for resource in OWNED:
        if (manifest["apiVersion"], manifest["kind"]) == (resource.api_version, resource.kind):
            return resource
    raise LookupError(f"no row in OWNED for {manifest['apiVersion']} {manifest['kind']}")
