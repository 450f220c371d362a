"""The recorded cluster that Seldon Core 1.17.1 ran in, put into an API server as that controller would have made it.

The recording lies beside the checkout and is read where it is. It holds no managedFields: the objects are written here
under the names that their writers had, so the API server notes the same.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seldon_core.kube import Resource
from seldon_core.kube.resources import DEPLOYMENTS, NAMESPACES, PODS, REPLICA_SETS
from seldon_core.operator.objects.kinds import OWNED, REVISION, SELDON_DEPLOYMENTS
from tests.integration.controlplane import ControlPlane

FOLDER = Path(__file__).resolve().parents[4] / "shared" / "takeover"
FORMER_MANAGER = "manager"
KUBERNETES = "kube-controller-manager"
USER = "kubectl-client-side-apply"

Object = dict[str, Any]

_NAMESPACE = "models"
_OF_SERVER = ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "selfLink")
_ORDER = (SELDON_DEPLOYMENTS, DEPLOYMENTS, REPLICA_SETS, PODS, *(r for r in OWNED if r != DEPLOYMENTS))


def objects(name: str) -> list[Object]:
    """The objects of one file of the recording."""
    items: list[Object] = json.loads((FOLDER / name).read_text(encoding="utf-8"))["items"]
    return items


def restore(plane: ControlPlane, namespace: str, *, manager: str = FORMER_MANAGER) -> dict[str, Object]:
    """Make a namespace with everything that `models.json` holds.

    Args:
        plane: The control plane. Its controllers should not run meanwhile.
        namespace: Its name.
        manager: Who the objects of SeldonDeployments are written by; empty: nobody remembers.

    Returns:
        The SeldonDeployments as they were recorded, by name.
    """
    make_namespace(plane, namespace)
    uids: dict[str, str] = {}
    restored: dict[str, Object] = {}
    for resource, recorded in _in_order(objects("models.json")):
        obj = _moved(recorded, namespace)
        old = obj["metadata"]["uid"]
        status = obj.pop("status", None)
        _create(plane, resource, obj, uids, manager)
        uids[old] = _uid(plane, resource, obj)
        if status:
            _report(plane, resource, obj, status)
        if resource == SELDON_DEPLOYMENTS:
            restored[obj["metadata"]["name"]] = obj
    return restored


def make_namespace(plane: ControlPlane, name: str) -> None:
    """A namespace with the service account that pods need."""
    plane.request("POST", NAMESPACES.path(), {"metadata": {"name": name}})
    account = {"metadata": {"name": "default"}}
    plane.request("POST", f"/api/v1/namespaces/{name}/serviceaccounts", account)


def _in_order(items: list[Object]) -> Iterator[tuple[Resource, Object]]:
    for resource in _ORDER:
        for item in items:
            if (item["apiVersion"], item["kind"]) == (resource.api_version, resource.kind):
                yield resource, item


def _moved(recorded: Object, namespace: str) -> Object:
    """The same in another namespace."""

    def moved(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: moved(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [moved(inner) for inner in value]
        if isinstance(value, str):
            return namespace if value == _NAMESPACE else value.replace(f".{_NAMESPACE}", f".{namespace}")
        return value

    return dict(moved(copy.deepcopy(recorded)))


def _create(plane: ControlPlane, resource: Resource, obj: Object, uids: dict[str, str], manager: str) -> None:
    metadata = {name: value for name, value in obj["metadata"].items() if name not in _OF_SERVER}
    for reference in metadata.get("ownerReferences", ()):
        reference["uid"] = uids[reference["uid"]]
    obj["metadata"] = metadata
    if resource.kind == "Service":
        # The addresses are the API server's to give, and those of the recording may be taken.
        obj["spec"] = {name: value for name, value in obj["spec"].items() if not name.startswith("clusterIP")}
    writer = {SELDON_DEPLOYMENTS: USER, REPLICA_SETS: KUBERNETES, PODS: KUBERNETES}.get(resource, manager)
    revision = (metadata.get("annotations") or {}).pop(REVISION, None) if resource == DEPLOYMENTS else None
    namespace = metadata["namespace"]
    path = resource.path(namespace=namespace)
    plane.request("POST", f"{path}?fieldManager={writer or FORMER_MANAGER}", obj)
    if not writer:
        forget = {"metadata": {"managedFields": [{}]}}  # the API's own way to say it
        path = resource.path(namespace=namespace, name=metadata["name"])
        plane.request("PATCH", path, forget, content_type="application/merge-patch+json")
    if revision:
        patch = {"metadata": {"annotations": {REVISION: revision}}}
        path = resource.path(namespace=namespace, name=metadata["name"])
        merge = "application/merge-patch+json"
        plane.request("PATCH", f"{path}?fieldManager={KUBERNETES}", patch, content_type=merge)


def _uid(plane: ControlPlane, resource: Resource, obj: Object) -> str:
    metadata = obj["metadata"]
    found = plane.request("GET", resource.path(namespace=metadata["namespace"], name=metadata["name"]))
    return str(found["metadata"]["uid"])


def _report(plane: ControlPlane, resource: Resource, obj: Object, status: Object) -> None:
    """The status under its writer's name; generations begin anew."""
    metadata = obj["metadata"]
    if "observedGeneration" in status:
        status["observedGeneration"] = 1
    path = resource.path(namespace=metadata["namespace"], name=metadata["name"], subresource="status")
    writer = FORMER_MANAGER if resource == SELDON_DEPLOYMENTS else KUBERNETES
    merge = "application/merge-patch+json"
    plane.request("PATCH", f"{path}?fieldManager={writer}", {"status": status}, content_type=merge)
