"""A node's container: the user's, or the one that was injected for a prepackaged server, with everything that it needs.

Fields that the user set are kept. Source: specification 1.2, 1.4.
"""

from collections.abc import Iterable
from typing import Any, Final

from seldon_core.api import names
from seldon_core.api.defaulting import port_of
from seldon_core.api.shapes import Json
from seldon_core.api.types import PredictiveUnit

from . import environment, kinds, probes, security, servers
from .kinds import MODEL_FOLDER, Kind
from .scope import Scope

PODINFO_VOLUME: Final = "seldon-podinfo"
CERT_VOLUME: Final = "seldon-cert-volume"
CERT_MOUNT: Final[Json] = {"name": CERT_VOLUME, "mountPath": environment.CERT_FOLDER, "readOnly": True}
PODINFO_MOUNT: Final[Json] = {"name": PODINFO_VOLUME, "mountPath": "/etc/podinfo"}


def of_unit(scope: Scope, pod: Json, container: Json, unit: PredictiveUnit) -> Json:
    """The container of a node, complete. `pod` is the pod spec that it is in; `container` has its image and ports."""
    container = servers.prepared(scope, container, unit)
    result = with_mounts(container, [PODINFO_MOUNT, *([CERT_MOUNT] if scope.certificate else [])])
    result.setdefault("imagePullPolicy", "IfNotPresent")
    result["env"] = environment.of_unit(scope, container, unit)
    result["ports"] = servers.ports(scope, container, unit)
    for field, probe in _probes(scope, container, unit).items():
        result.setdefault(field, probe)
    result.setdefault("lifecycle", servers.PRE_STOP)
    if scope.is_injected(unit.name):
        result["securityContext"] = security.restricted(pod, read_only_root=scope.is_embedded(unit))
    elif scope.is_embedded(unit):
        # Listed for its resources, say: what the user adds may write beside the model.
        result.setdefault("securityContext", security.restricted(pod, read_only_root=False))
    return result


def with_mounts(container: Json, mounts: Iterable[Json]) -> Json:
    """The container with those mounts whose volume and path are not mounted yet: Kubernetes refuses a path twice."""
    result = list(container.get("volumeMounts") or ())
    for mount in mounts:
        if not any(m.get("name") == mount["name"] or m.get("mountPath") == mount["mountPath"] for m in result):
            result.append(dict(mount))
    return {**container, "volumeMounts": result} if result else container


def model_mount(container: str) -> Json:
    """The mount of the model that was fetched for a container."""
    return {"name": names.provision_volume(container), "mountPath": MODEL_FOLDER, "readOnly": True}


def _probes(scope: Scope, container: Json, unit: PredictiveUnit) -> dict[str, Any]:
    # With a certificate the server speaks TLS on its port, which a TCP probe bears and an HTTP probe does not.
    http = port_of(container, "http") or 0
    if not scope.certificate and kinds.of(scope, unit) is Kind.MLSERVER:
        return probes.v2(http)
    if not scope.certificate and scope.is_embedded(unit):
        return probes.server(http)
    port = unit.endpoint.service_port if unit.endpoint else http
    return probes.tcp(port, container)
