"""The init container that fetches the model of a unit or an explainer, its volume and its credentials.

A user's own init container of the same name is used as it is, and then the volume is the user's, too. Source:
specification 1.2 and 1.4.
"""

from dataclasses import dataclass, field
from typing import Any, Final

from seldon_core.api import names
from seldon_core.api.shapes import Json
from seldon_core.api.types import Explainer, PredictiveUnit

from . import credentials, modeldigest, security
from .config import CaBundleConfig
from .errors import RenderError
from .kinds import MODEL_FOLDER
from .scope import Scope

_PVC_SCHEME: Final = "pvc://"
_PVC_VOLUME: Final = "kfserving-pvc-source"
_PVC_FOLDER: Final = "/mnt/pvc"
_CACHE_VOLUME: Final = "seldon-model-cache"
_CACHE_FOLDER: Final = "/mnt/cache"
_CA_VOLUME: Final = "seldon-ca-bundle"
# Folder, file and variables are those of KServe's initializer, so that its image finds them as well.
_CA_FOLDER: Final = "/etc/ssl/custom-certs"
_CA_FILE: Final = "cabundle.crt"
# An image of ours writes nothing outside the model's folder; what others do is not known.
_OUR_REPOSITORIES: Final = frozenset({"rclone-storage-initializer", "rclone-storage-initializer-full"})


@dataclass(frozen=True)
class Additions:
    """What a model adds to its pod, and the mounts that it adds to the container that reads it.

    `mounted` tells that the model itself is among the mounts.
    """

    init_containers: list[Json] = field(default_factory=list)
    volumes: list[Json] = field(default_factory=list)
    mounts: list[Json] = field(default_factory=list)
    mounted: bool = False


def for_model(scope: Scope, pod: Json, owner: PredictiveUnit | Explainer, container_name: str) -> Additions:
    """The additions for the model of a unit or an explainer that the named container reads.

    None where there is no model, or the user's own init container fetches it.
    """
    name = names.initializer(container_name)
    declared = {container["name"] for container in pod.get("initContainers") or ()}
    digest = modeldigest.of(scope, owner)
    if not owner.model_uri or name in declared:
        if digest:
            raise RenderError(f"{modeldigest.ANNOTATION}: {name} is an init container of your own, which checks none.")
        return Additions()
    if owner.model_uri.startswith(_PVC_SCHEME) and scope.config.storage_initializer.mounts_claims and not digest:
        return _mounted(owner.model_uri, container_name)
    volume = names.provision_volume(container_name)
    source, mounts, volumes = _source(owner.model_uri, container_name, pod)
    found = credentials.of_service_account(service_account(pod, owner), scope.facts, scope.config.credentials)
    image = owner.storage_initializer_image or scope.config.storage_initializer.image
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
    env = list(found.env)
    if digest:
        if not _is_ours(image):
            raise RenderError(
                f"{modeldigest.ANNOTATION}: {image} checks no digest; use the image rclone-storage-initializer."
            )
        env.append({"name": modeldigest.VARIABLE, "value": digest})
    if claim := _cache(scope, owner, image):
        env.append({"name": "SELDON_STORAGE_CACHE", "value": _CACHE_FOLDER})
        container["volumeMounts"].append({"name": _CACHE_VOLUME, "mountPath": _CACHE_FOLDER})
        volumes = [*volumes, {"name": _CACHE_VOLUME, "persistentVolumeClaim": {"claimName": claim}}]
    if (bundle := scope.config.storage_initializer.ca_bundle) and not owner.model_uri.startswith(_PVC_SCHEME):
        env.append({"name": "CA_BUNDLE_CONFIGMAP_NAME", "value": bundle.name})
        env.append({"name": "CA_BUNDLE_VOLUME_MOUNT_POINT", "value": _CA_FOLDER})
        container["volumeMounts"].append({"name": _CA_VOLUME, "mountPath": _CA_FOLDER, "readOnly": True})
        volumes = [*volumes, _ca_volume(bundle)]
    if env:
        container["env"] = env
    if secret := scope.env_secret(owner.env_secret_ref_name):
        container["envFrom"] = [{"secretRef": {"name": secret}}]
    return Additions(
        init_containers=[container],
        volumes=[*volumes, {"name": volume, "emptyDir": {}}, *found.volumes],
        mounts=mounts,
    )


def service_account(pod: Json, owner: PredictiveUnit | Explainer) -> str:
    """The service account whose secrets an init container may use: the model's, the pod's, or the default one."""
    return owner.service_account_name or pod.get("serviceAccountName") or "default"


def _source(uri: str, container: str, pod: Json) -> tuple[str, list[Json], list[Json]]:
    """What the init container copies from, with the mounts and volumes that `pvc://<claim>/<path>` needs."""
    if not uri.startswith(_PVC_SCHEME):
        return uri, [], []
    claim, path = _claim(uri, container)
    volumes = pod.get("volumes") or ()
    taken = next((v for v in volumes if v.get("name") == _PVC_VOLUME), None)
    same = taken is None or (taken.get("persistentVolumeClaim") or {}).get("claimName") == claim
    # A second claim in one pod needs a volume of another name.
    name = _PVC_VOLUME if same else names.claim_volume(container)
    mount = {"name": name, "mountPath": _PVC_FOLDER, "readOnly": True}
    volume = {"name": name, "persistentVolumeClaim": {"claimName": claim}}
    return f"{_PVC_FOLDER}/{path}".rstrip("/"), [mount], [volume]


def _mounted(uri: str, container: str) -> Additions:
    """The folder of a claim in the place of the model's folder. Kubernetes takes no path that leads out of a claim."""
    claim, path = _claim(uri, container)
    name = names.claim_volume(container)
    mount = {"name": name, "mountPath": MODEL_FOLDER, "readOnly": True}
    if path:
        mount["subPath"] = path
    volume = {"name": name, "persistentVolumeClaim": {"claimName": claim, "readOnly": True}}
    return Additions(volumes=[volume], mounts=[mount], mounted=True)


def _claim(uri: str, container: str) -> tuple[str, str]:
    claim, _, path = uri.removeprefix(_PVC_SCHEME).partition("/")
    if not claim:
        raise RenderError(f"modelUri of {container}: {uri} names no claim; write pvc://<claim>/<path>.")
    return claim, path.strip("/")


def _cache(scope: Scope, owner: PredictiveUnit | Explainer, image: str) -> str:
    """The claim on which the model is kept; "" where its files lie on a claim already, or the image knows no cache."""
    usable = _is_ours(image) and not owner.model_uri.startswith(_PVC_SCHEME)
    return scope.config.storage_initializer.cache_claim if usable else ""


def _ca_volume(bundle: CaBundleConfig) -> Json:
    items = [{"key": bundle.key, "path": _CA_FILE}]
    if bundle.in_secret:
        return {"name": _CA_VOLUME, "secret": {"secretName": bundle.name, "items": items}}
    return {"name": _CA_VOLUME, "configMap": {"name": bundle.name, "items": items}}


def _is_ours(image: str) -> bool:
    repository, _, _ = image.partition("@")[0].rpartition("/")[2].partition(":")
    return repository in _OUR_REPOSITORIES
