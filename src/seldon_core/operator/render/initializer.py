"""The init container that fetches a unit's model, its volume and its credentials.

A user's own init container of the same name is used as it is, and then the volume is the user's, too. Source:
specification 1.2 and 1.4.
"""

from dataclasses import dataclass, field
from typing import Any, Final

from seldon_core.api import names
from seldon_core.api.shapes import Json
from seldon_core.api.types import PredictiveUnit

from . import credentials, security
from .environment import MODEL_FOLDER
from .errors import RenderError
from .scope import Scope

_PVC_SCHEME: Final = "pvc://"
_PVC_VOLUME: Final = "kfserving-pvc-source"
_PVC_FOLDER: Final = "/mnt/pvc"
# An image of ours writes nothing outside the model's folder; what others do is not known.
_READ_ONLY_REPOSITORY: Final = "rclone-storage-initializer"


@dataclass(frozen=True)
class Additions:
    """What a unit's model adds to its pod, and the mounts that it adds to the unit's container."""

    init_containers: list[Json] = field(default_factory=list)
    volumes: list[Json] = field(default_factory=list)
    unit_mounts: list[Json] = field(default_factory=list)


def for_unit(scope: Scope, pod: Json, unit: PredictiveUnit) -> Additions:
    """The additions for one unit; none where it has no model or the user's own init container fetches it."""
    name = names.initializer(unit.name)
    declared = {container["name"] for container in pod.get("initContainers") or ()}
    if not unit.model_uri or name in declared:
        return Additions()
    volume = names.provision_volume(unit.name)
    source, mounts, volumes = _source(unit, pod)
    found = credentials.of_service_account(service_account(pod, unit), scope.facts, scope.config.credentials)
    image = unit.storage_initializer_image or scope.config.storage_initializer.image
    container: dict[str, Any] = {
        "name": name,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "args": [source, MODEL_FOLDER],
        "resources": scope.config.storage_initializer.resources.render(),
        "volumeMounts": [*mounts, {"name": volume, "mountPath": MODEL_FOLDER}, *found.mounts],
        "securityContext": security.restricted(pod, read_only_root=_is_ours(image)),
        # The last lines of a failed container's log become its message, and reach the SeldonDeployment's status.
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    if found.env:
        container["env"] = list(found.env)
    if secret := unit.env_secret_ref_name or scope.config.default_env_secret:
        container["envFrom"] = [{"secretRef": {"name": secret}}]
    return Additions(
        init_containers=[container],
        volumes=[*volumes, {"name": volume, "emptyDir": {}}, *found.volumes],
        unit_mounts=mounts,
    )


def service_account(pod: Json, unit: PredictiveUnit) -> str:
    """The service account whose secrets an init container may use: the unit's, the pod's, or the default one."""
    return unit.service_account_name or pod.get("serviceAccountName") or "default"


def _source(unit: PredictiveUnit, pod: Json) -> tuple[str, list[Json], list[Json]]:
    """What the init container copies from, with the mounts and volumes that `pvc://<claim>/<path>` needs."""
    if not unit.model_uri.startswith(_PVC_SCHEME):
        return unit.model_uri, [], []
    claim, _, path = unit.model_uri.removeprefix(_PVC_SCHEME).partition("/")
    if not claim:
        raise RenderError(f"modelUri of {unit.name}: {unit.model_uri} names no claim; write pvc://<claim>/<path>.")
    volumes = pod.get("volumes") or ()
    taken = next((v for v in volumes if v.get("name") == _PVC_VOLUME), None)
    same = taken is None or (taken.get("persistentVolumeClaim") or {}).get("claimName") == claim
    # A second claim in one pod needs a volume of another name.
    name = _PVC_VOLUME if same else names.claim_volume(unit.name)
    mount = {"name": name, "mountPath": _PVC_FOLDER, "readOnly": True}
    volume = {"name": name, "persistentVolumeClaim": {"claimName": claim}}
    return f"{_PVC_FOLDER}/{path}".rstrip("/"), [mount], [volume]


def _is_ours(image: str) -> bool:
    repository, _, _ = image.partition("@")[0].rpartition("/")[2].partition(":")
    return repository == _READ_ONLY_REPOSITORY
