"""The NetworkPolicy of a SeldonDeployment's pods, where an installation wants one (values `networkPolicies.models`)."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from seldon_core.api.shapes import Json

from . import explainer, labels
from .config import OperatorConfig
from .scope import Scope

_DNS: Final = {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}


def of_deployment(
    scopes: Sequence[Scope], services: Iterable[Json], deployments: Iterable[Json], config: OperatorConfig
) -> list[Json]:
    """The policy, in a list; none where the installation wants none.

    Requests and metrics may be asked for by those whom the installation names; the nodes of a graph by each other.
    """
    wanted = config.network
    if wanted is None:
        return []
    first = scopes[0]
    own = {labels.DEPLOYMENT_ID: first.seldon_id}
    peers = {"podSelector": {"matchLabels": own}}
    public = {scope.key for scope in scopes} | {explainer.name(scope) for scope in scopes}
    numbers = _requests(services, public) | _metrics(deployments, config)
    asked: dict[str, Any] = {"ports": [{"port": number, "protocol": "TCP"} for number in sorted(numbers)]}
    if wanted.ingress_from:
        asked["from"] = list(wanted.ingress_from)
    spec: dict[str, Any] = {
        "podSelector": {"matchLabels": own},
        "policyTypes": ["Ingress"],
        "ingress": [{"from": [peers]}, asked],
    }
    if wanted.egress:
        spec["policyTypes"] = ["Egress", "Ingress"]
        spec["egress"] = [_DNS, {"to": [peers]}, *wanted.egress]
    metadata = {"name": first.name, "namespace": first.namespace, "labels": dict(labels.MANAGED_BY) | own}
    return [{"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}]


def _requests(services: Iterable[Json], public: set[str]) -> set[int]:
    """The ports that requests from outside are sent to."""
    return {
        port["targetPort"]
        for service in services
        if service["metadata"]["name"] in public
        for port in service["spec"]["ports"]
    }


def _metrics(deployments: Iterable[Json], config: OperatorConfig) -> set[int]:
    names = {config.metrics_port_name, config.executor.metrics_port_name}
    return {
        port["containerPort"]
        for deployment in deployments
        for container in deployment["spec"]["template"]["spec"]["containers"]
        for port in container.get("ports") or ()
        if port.get("name") in names
    }
