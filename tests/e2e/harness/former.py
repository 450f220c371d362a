"""What Seldon Core 1.17.1 left in a cluster, so that its pods run here: the recording with this cluster's images.

The recording lies beside the checkout and is read where it is. Everything else of the pods (probes, ports, arguments,
what they lack) is as that release writes it, and so is the name under which it writes: `manager`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from . import images, manifests
from .release import CONTROLLER, NAMESPACE
from .tools import Completed
from .waiting import Object, assert_rolled_out, wait_for
from .workspace import Workspace

FOLDER = Path(__file__).resolve().parents[4] / "shared" / "takeover"
NAME = "iris"
FIELD_MANAGER = "manager"
OWN_CONTROLLER = "seldon.io/controller-id"
"""A namespace with this label belongs to another controller, so this release's webhook is not asked."""

_RECORDED_NAMESPACE = "models"
_SECRET = "sec"
_ENGINE = "ENGINE_PREDICTOR"
_OURS = {
    "docker.io/seldonio/seldon-core-executor:1.17.1": images.EXECUTOR,
    "seldonio/sklearnserver:1.17.1": images.SKLEARN_SERVER,
    "seldonio/rclone-storage-initializer:1.17.1": images.RCLONE_INITIALIZER,
}
_OF_SERVER = ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "namespace")
_OF_DEPLOYMENT_CONTROLLER = "deployment.kubernetes.io/revision"


def manifest() -> Object:
    """The recorded SeldonDeployment, as its user applies it."""
    found = next(obj for obj in _recorded(_RECORDED_NAMESPACE) if obj["kind"] == "SeldonDeployment")
    return {"apiVersion": found["apiVersion"], "kind": found["kind"], "metadata": {"name": NAME}, "spec": found["spec"]}


def restore(workspace: Workspace) -> None:
    """Make the SeldonDeployment and what the former controller made for it; no controller may run meanwhile."""
    _kubectl(workspace, "label", "namespace", workspace.namespace, f"{OWN_CONTROLLER}=former").checked()
    workspace.apply(manifests.rclone_secret(_SECRET), manifest())
    _kubectl(workspace, "label", "namespace", workspace.namespace, f"{OWN_CONTROLLER}-").checked()
    live = workspace.seldon_deployment(NAME)
    assert live is not None
    owner = {"apiVersion": live["apiVersion"], "kind": live["kind"], "name": NAME, "uid": live["metadata"]["uid"]}
    owner |= {"controller": True, "blockOwnerDeletion": True}
    recorded = _recorded(workspace.namespace)
    made = [obj for obj in recorded if obj["kind"] in {"Deployment", "Service"}]
    routes = manifests.load(f"former-route-{workspace.gateway.name}", NAMESPACE=workspace.namespace)
    if _made_by_former(workspace):
        made += routes
    else:
        workspace.apply(*routes)
    for obj in made:
        obj["metadata"]["ownerReferences"] = [owner]
    create = ("create", "--field-manager", FIELD_MANAGER, "--filename", "-")
    _kubectl(workspace, *create, text=yaml.safe_dump_all(made)).checked()
    status = next(obj["status"] for obj in recorded if obj["kind"] == "SeldonDeployment")
    patch = ("patch", "seldondeployment", NAME, "--subresource", "status", "--type", "merge")
    report = ("--field-manager", FIELD_MANAGER, "--patch", json.dumps({"status": status}))
    _kubectl(workspace, *patch, *report).checked()


def give_up_route(workspace: Workspace) -> None:
    """Delete the route that the user wrote, where the former controller could write none."""
    if not _made_by_former(workspace):
        for route in manifests.load(f"former-route-{workspace.gateway.name}", NAMESPACE=workspace.namespace):
            workspace.cluster.delete(route["apiVersion"], route["kind"], route["metadata"]["name"], workspace.namespace)


@contextmanager
def controller_stopped(workspace: Workspace) -> Iterator[Callable[[], None]]:
    """No pod of the release's controller runs in the block, until what it is given is called.

    At its end, however that comes, the controller runs as before.
    """
    cluster, seconds = workspace.cluster, workspace.timeouts.controller

    def live() -> tuple[Object, list[Object]]:
        found = cluster.get("apps/v1", "Deployment", CONTROLLER, NAMESPACE)
        assert found is not None, f"Deployment {CONTROLLER} is not there"
        selector = ",".join(f"{key}={value}" for key, value in found["spec"]["selector"]["matchLabels"].items())
        return found, cluster.objects("v1", "Pod", NAMESPACE, labels=selector)

    replicas = live()[0]["spec"]["replicas"]

    def scale(count: int) -> None:
        target = ("scale", f"deployment/{CONTROLLER}", "--namespace", NAMESPACE, f"--replicas={count}")
        workspace.kubectl.run(target, seconds=workspace.timeouts.kubectl).checked()

    def gone() -> None:
        assert not live()[1], "the controller's pod is still there"

    try:
        scale(0)
        wait_for(gone, what="the controller to stop", seconds=seconds)
        yield lambda: scale(replicas)
    finally:
        scale(replicas)
        wait_for(lambda: assert_rolled_out(*live()), what="the controller to be back", seconds=seconds)


def diff(workspace: Workspace, document: Object) -> str:
    """What `kubectl diff` has to say of a document. Raises CommandError where it cannot tell."""
    said = _kubectl(workspace, "diff", "--filename", "-", text=yaml.safe_dump(document))
    # Exit status 1 with a difference on standard output is an answer; without one it is an error.
    return said.stdout or said.checked().stdout


def _made_by_former(workspace: Workspace) -> bool:
    """Whether 1.17.1 writes this gateway's routes: it does so for Istio, and knows no Gateway API."""
    return workspace.gateway.kind[1] == "VirtualService"


def _recorded(namespace: str) -> list[Object]:
    """The recorded objects of the SeldonDeployment in another namespace, with images that the cluster has."""
    items = json.loads((FOLDER / "models.json").read_text(encoding="utf-8"))["items"]
    found: list[Object] = [_changed(item, namespace) for item in items if _is_of_iris(item)]
    for obj in found:
        metadata = obj["metadata"]
        obj["metadata"] = {key: value for key, value in metadata.items() if key not in _OF_SERVER}
        if obj["kind"] == "Service":
            # The addresses are the API server's to give.
            obj["spec"] = {key: value for key, value in obj["spec"].items() if not key.startswith("clusterIP")}
        if obj["kind"] == "Deployment":
            obj["metadata"]["annotations"].pop(_OF_DEPLOYMENT_CONTROLLER, None)
    return found


def _is_of_iris(item: Object) -> bool:
    labels = item["metadata"].get("labels") or {}
    return NAME in {labels.get("seldon-deployment-id"), item["metadata"]["name"]}


def _changed(value: Any, namespace: str) -> Any:
    if isinstance(value, dict):
        if value.get("name") == _ENGINE:
            graph = _with_our_images(base64.b64decode(value["value"]).decode())
            return value | {"value": base64.b64encode(graph.encode()).decode()}
        return {key: _changed(inner, namespace) for key, inner in value.items()}
    if isinstance(value, list):
        return [_changed(inner, namespace) for inner in value]
    if isinstance(value, str):
        moved = namespace if value == _RECORDED_NAMESPACE else value
        return _with_our_images(moved.replace(f".{_RECORDED_NAMESPACE}", f".{namespace}"))
    return value


def _with_our_images(text: str) -> str:
    for former, ours in _OURS.items():
        text = text.replace(former, ours)
    return text


def _kubectl(workspace: Workspace, *arguments: str, text: str | None = None) -> Completed:
    command = ("--namespace", workspace.namespace, *arguments)
    return workspace.kubectl.run(command, seconds=workspace.timeouts.kubectl, text=text)
