"""Kinds of Kubernetes objects as values, and the paths that the API server serves them under.

An object itself stays a plain dict: the controller passes on fields that it does not know, so a class for each kind
would only lose some.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

Object = dict[str, Any]
"""A Kubernetes object in its JSON shape."""

Key = tuple[str, str]
"""Namespace (empty where the kind has none) and name."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind at one version.

    Args:
        group: API group, empty for the core group.
        version: Version in the group, such as `v1`.
        plural: Name in paths and in RBAC rules, such as `deployments`.
        kind: Name in manifests, such as `Deployment`.
        namespaced: Whether objects live in a namespace.
    """

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """The manifest's apiVersion."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def rbac_name(self) -> str:
        """The name as RBAC messages print it, such as `deployments.apps`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def path(self, *, namespace: str | None = None, name: str | None = None, subresource: str | None = None) -> str:
        """The URL path of a collection or of one object.

        Args:
            namespace: None for the collection of all namespaces.
            name: None for the collection.
            subresource: Such as `status` or `log`; needs a name.

        Raises:
            ValueError: An object of a namespaced kind is asked for without its namespace.
        """
        # A name may come from a manifest: one with a slash or a question mark must not lead to another object.
        parts = ["/apis", self.group, self.version] if self.group else ["/api", self.version]
        if self.namespaced and namespace:
            parts += ["namespaces", _segment(namespace)]
        elif self.namespaced and name:
            raise ValueError(f"{self.kind} {name} needs a namespace")
        parts.append(self.plural)
        if name:
            parts.append(_segment(name))
        if subresource:
            parts.append(subresource)
        return "/".join(parts)


def _segment(name: str) -> str:
    return "%2E" * len(name) if name in {".", ".."} else quote(name, safe="")


def key_of(manifest: Mapping[str, Any]) -> Key:
    """Namespace and name of an object."""
    metadata = manifest["metadata"]
    return (metadata.get("namespace") or "", metadata["name"])


CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap")
DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment")
EVENTS = Resource("", "v1", "events", "Event")
HORIZONTAL_POD_AUTOSCALERS = Resource("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler")
LEASES = Resource("coordination.k8s.io", "v1", "leases", "Lease")
NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
PODS = Resource("", "v1", "pods", "Pod")
POD_DISRUPTION_BUDGETS = Resource("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget")
REPLICA_SETS = Resource("apps", "v1", "replicasets", "ReplicaSet")
SECRETS = Resource("", "v1", "secrets", "Secret")
SERVICES = Resource("", "v1", "services", "Service")
SERVICE_ACCOUNTS = Resource("", "v1", "serviceaccounts", "ServiceAccount")
VALIDATING_WEBHOOK_CONFIGURATIONS = Resource(
    "admissionregistration.k8s.io",
    "v1",
    "validatingwebhookconfigurations",
    "ValidatingWebhookConfiguration",
    namespaced=False,
)
