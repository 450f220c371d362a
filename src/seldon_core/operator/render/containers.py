"""A node's container: the user's, or the one that was injected for a prepackaged server, with everything that it needs.

Fields that the user set are kept. Source: specification 1.2, 1.4.
"""

from typing import Any, Final

from seldon_core.api import names
from seldon_core.api.defaulting import port_of
from seldon_core.api.shapes import Json
from seldon_core.api.types import PredictiveUnit

from . import environment, probes, security
from .scope import Scope

PODINFO_VOLUME: Final = "seldon-podinfo"
CERT_VOLUME: Final = "seldon-cert-volume"
CERT_MOUNT: Final = {"name": CERT_VOLUME, "mountPath": environment.CERT_FOLDER, "readOnly": True}
PODINFO_MOUNT: Final = {"name": PODINFO_VOLUME, "mountPath": "/etc/podinfo"}
# Requests that were sent before the endpoint went away still arrive; the container waits for them.
_PRE_STOP: Final = {"preStop": {"exec": {"command": ["/bin/sh", "-c", "/bin/sleep 10"]}}}


def of_unit(scope: Scope, pod: Json, container: Json, unit: PredictiveUnit) -> Json:
    """The container of a node, complete. `pod` is the pod spec that it is in; `container` has its image and ports."""
    result = dict(container)
    result.setdefault("imagePullPolicy", "IfNotPresent")
    result["env"] = environment.of_unit(scope, container, unit)
    result["volumeMounts"] = _mounts(scope, container, unit)
    for field, probe in _probes(scope, container, unit).items():
        result.setdefault(field, probe)
    result.setdefault("lifecycle", _PRE_STOP)
    if scope.is_injected(unit.name):
        result["securityContext"] = security.restricted(pod, read_only_root=scope.is_embedded(unit))
    return result


def add_mount(mounts: list[Json], mount: Json) -> None:
    """Append a mount unless its volume or its path is mounted already: Kubernetes refuses a path twice."""
    if not any(m.get("name") == mount["name"] or m.get("mountPath") == mount["mountPath"] for m in mounts):
        mounts.append(mount)


def _mounts(scope: Scope, container: Json, unit: PredictiveUnit) -> list[Json]:
    mounts = list(container.get("volumeMounts") or ())
    add_mount(mounts, dict(PODINFO_MOUNT))
    if scope.certificate:
        add_mount(mounts, dict(CERT_MOUNT))
    if unit.model_uri:
        volume = names.provision_volume(unit.name)
        add_mount(mounts, {"name": volume, "mountPath": environment.MODEL_FOLDER, "readOnly": True})
    return mounts


def _probes(scope: Scope, container: Json, unit: PredictiveUnit) -> dict[str, Any]:
    # With a certificate the server speaks TLS on its port, which a TCP probe bears and an HTTP probe does not.
    if scope.is_embedded(unit) and not scope.certificate:
        return probes.server(port_of(container, "http") or 0)
    port = unit.endpoint.service_port if unit.endpoint else port_of(container, "http") or 0
    return probes.tcp(port, container)
