"""The pod spec of one componentSpec: the user's, completed. Source: specification 1.2, 1.4."""

from typing import Any, Final

from seldon_core.api.shapes import Json, PodSpec
from seldon_core.api.types import ComponentSpec, Explainer, PredictiveUnit

from . import canonical, containers, initializer, kinds, servers
from .kinds import Kind
from .scope import Scope

_GRACE_SECONDS: Final = 20


def of_component(scope: Scope, component: ComponentSpec) -> PodSpec:
    """The pod spec of a componentSpec, without the orchestrator. What rendering does not know is kept verbatim."""
    pod = base(scope, component.spec)
    finished: dict[str, Json] = {}
    for container, unit in scope.units_in(component):
        proxy = kinds.of(scope, unit) is Kind.TENSORFLOW_PROXY
        reader = kinds.companion(scope, unit).container if proxy else unit.name
        mounts = [] if servers.reads_remote_model(scope, unit) else add_model(scope, pod, unit, reader)
        if proxy:
            finished[reader] = containers.with_mounts(servers.companion(scope, pod, unit), mounts)
            mounts = []
        finished[unit.name] = containers.with_mounts(containers.of_unit(scope, pod, container, unit), mounts)
        if unit.is_prepackaged and unit.service_account_name:
            pod["serviceAccountName"] = unit.service_account_name
    complete = [finished.pop(container["name"], container) for container in component.spec["containers"]]
    complete += finished.values()  # companions that the user did not declare
    pod["containers"] = [canonical.container(container) for container in complete]
    if "initContainers" in pod:
        pod["initContainers"] = [canonical.container(container) for container in pod["initContainers"]]
    add_certificate(scope, pod)
    # A model needs no access to the Kubernetes API, unless its user says so or chose a service account for it.
    if not pod.get("serviceAccountName"):
        pod.setdefault("automountServiceAccountToken", False)
    return pod


def add_model(scope: Scope, pod: Json, owner: PredictiveUnit | Explainer, reader: str) -> list[Json]:
    """Add what fetches a model to a pod spec that this module made; the mounts of the container that reads it."""
    if not owner.model_uri:
        return []
    additions = initializer.for_model(scope, pod, owner, reader)
    add_volumes(pod, additions.volumes)
    if additions.init_containers:
        pod["initContainers"] = [*(pod.get("initContainers") or ()), *additions.init_containers]
    return [*additions.mounts, *(() if additions.mounted else (containers.model_mount(reader),))]


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
