"""Which storage initializer fetched a deployment's model, with which credentials, and the move from one to another."""

from __future__ import annotations

import json
from collections.abc import Iterator

from . import images, manifests, prediction
from .pods import describe
from .seldonctl import seldonctl, try_seldonctl
from .waiting import Object, assert_updated, wait_for
from .workspace import Workspace

MIGRATE = ("migrate", "storage")


def migrate(workspace: Workspace, *words: str) -> None:
    """Plan a migration of the namespace's credentials, or carry it out; raises where anything is left to do."""
    seldonctl(workspace, *MIGRATE, *words)


def states(workspace: Workspace) -> dict[str, str]:
    """The plan's state of each deployment; its exit status must fit.

    Raises CommandError where there is no plan.
    """
    planned = try_seldonctl(workspace, *MIGRATE, "--output", "json")
    if planned.returncode not in {0, 1}:
        planned.checked()
    found = {model["deployment"]: model["state"] for model in json.loads(planned.stdout)["models"]}
    left = any(state in {"migrate", "hand"} for state in found.values())
    assert planned.returncode == int(left), f"exit status {planned.returncode} for {found}"
    return found


def wait_fetched_by(workspace: Workspace, name: str, initializer: str, secret: str | None) -> None:
    """Wait until the model of every pod came by this image, with this secret as its environment.

    Pods on their way out do not count: that they are missed by nobody is what a load shows.
    """

    def fetched() -> None:
        found = {(container["image"], _secret(container)) for container in _initializers(workspace, name)}
        assert found == {(initializer, secret)}, f"models came by {found}"
        deployment = manifests.model_deployment(name)
        assert_updated(workspace.cluster.get("apps/v1", "Deployment", deployment, workspace.namespace))

    wait_for(fetched, what=f"pods of {name} by {initializer}", seconds=workspace.timeouts.rollout,
             detail=lambda: describe(workspace.pods(name)))  # fmt: skip


def _initializers(workspace: Workspace, name: str) -> Iterator[Object]:
    for pod in workspace.pods(name):
        if not pod["metadata"].get("deletionTimestamp"):
            yield from (each for each in pod["spec"]["initContainers"] if each["name"] == manifests.INITIALIZER)


def _secret(container: Object) -> str | None:
    """The secret that is its environment."""
    return next((each["secretRef"]["name"] for each in container.get("envFrom") or ()), None)


def log_of(workspace: Workspace, name: str) -> str:
    """What the initializer of a deployment's one pod said."""
    (pod,) = workspace.pods(name)
    return workspace.cluster.log(workspace.namespace, pod["metadata"]["name"], manifests.INITIALIZER)


def assert_same_answer(workspace: Workspace, name: str) -> None:
    """The real curl gets the answer that the model always gives."""
    prediction.assert_iris(workspace.predict(name), unit=manifests.UNIT, image=images.SKLEARN_SERVER)
