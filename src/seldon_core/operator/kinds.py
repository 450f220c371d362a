"""The kinds of objects that the controller reads and makes.

A row in `OWNED` is all that a new kind needs: it is then watched, applied in its place of the order, and pruned.
"""

from collections.abc import Mapping
from typing import Any, Final

from seldon_core.api.types import GROUP, KIND, STORED_VERSION
from seldon_core.kube import Resource
from seldon_core.kube.resources import DEPLOYMENTS, SERVICES

FIELD_MANAGER: Final = "seldon-core-operator"

SELDON_DEPLOYMENTS: Final = Resource(GROUP, STORED_VERSION, "seldondeployments", KIND)

OWNED: Final[tuple[Resource, ...]] = (SERVICES, DEPLOYMENTS)
"""What a SeldonDeployment consists of, in the order in which it is applied: an address first, then who answers
there."""

MANAGED_BY: Final = "app.kubernetes.io/managed-by"
MANAGED_BY_VALUE: Final = "seldon-core"
MANAGED_SELECTOR: Final = f"{MANAGED_BY}={MANAGED_BY_VALUE}"
DEPLOYMENT_ID: Final = "seldon-deployment-id"
CONTROLLER_ID: Final = "seldon.io/controller-id"
REVISION: Final = "deployment.kubernetes.io/revision"


def owned_resource(manifest: Mapping[str, Any]) -> Resource:
    """The row of a rendered object.

    Raises:
        LookupError: The kind is none that the controller makes.
    """
    for resource in OWNED:
        if (manifest["apiVersion"], manifest["kind"]) == (resource.api_version, resource.kind):
            return resource
    raise LookupError(f"no row in OWNED for {manifest['apiVersion']} {manifest['kind']}")
