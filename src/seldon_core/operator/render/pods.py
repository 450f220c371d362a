"""The pod spec of one componentSpec: the user's, completed. Source: specification 1.2, 1.4."""

from typing import Any, Final

from seldon_core.api.shapes import Json, PodSpec
from seldon_core.api.types import ComponentSpec

from . import canonical, containers, initializer
from .scope import Scope

_GRACE_SECONDS: Final = 20


def of_component(scope: Scope, component: ComponentSpec) -> PodSpec:
    """The pod spec of a componentSpec, without the orchestrator. What rendering does not know is kept verbatim."""
    pod = base(scope, component.spec)
    finished: dict[str, Json] = {}
    for container, unit in scope.units_in(component):
        additions = initializer.for_unit(scope, pod, unit)
        mounted = {**container, "volumeMounts": [*(container.get("volumeMounts") or ()), *additions.unit_mounts]}
        finished[unit.name] = containers.of_unit(scope, pod, mounted, unit)
        add_volumes(pod, additions.volumes)
        if additions.init_containers:
            pod["initContainers"] = [*(pod.get("initContainers") or ()), *additions.init_containers]
        if unit.is_prepackaged and unit.service_account_name:
            pod["serviceAccountName"] = unit.service_account_name
    complete = [finished.get(container["name"], container) for container in component.spec["containers"]]
    pod["containers"] = [canonical.container(container) for container in complete]
    if "initContainers" in pod:
        pod["initContainers"] = [canonical.container(container) for container in pod["initContainers"]]
    add_certificate(scope, pod)
    # A model needs no access to the Kubernetes API, unless its user says so or chose a service account for it.
    if not pod.get("serviceAccountName"):
        pod.setdefault("automountServiceAccountToken", False)
    return pod


def base(scope: Scope, spec: Json) -> PodSpec:
    """A pod spec with what every pod has: the user id, the time to end, and its annotations as a file."""
    pod: dict[str, Any] = dict(spec)
    pod.setdefault("terminationGracePeriodSeconds", _GRACE_SECONDS)
    if scope.config.default_user is not None:
        pod.setdefault("securityContext", {"runAsUser": scope.config.default_user})
    annotations = {"path": "annotations", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.annotations"}}
    podinfo = {"name": containers.PODINFO_VOLUME, "downwardAPI": {"defaultMode": 420, "items": [annotations]}}
    add_volumes(pod, [podinfo])
    return pod


def add_certificate(scope: Scope, pod: Json) -> None:
    """Append the volume of the predictor's certificate, where it has one."""
    if scope.certificate:
        secret = {"secretName": scope.certificate}
        add_volumes(pod, [{"name": containers.CERT_VOLUME, "secret": secret}])


def add_volumes(pod: Json, volumes: list[Json]) -> None:
    """Append the volumes whose names are not taken yet to a pod spec that this module made."""
    given = list(pod.get("volumes") or ())
    taken = {volume["name"] for volume in given}
    pod["volumes"] = [*given, *(volume for volume in volumes if volume["name"] not in taken)]
