"""The day of switching: this release's controller comes where 1.17.1's was, while users go on asking.

Nothing is made anew and no pod is replaced until somebody asks; then each pod is replaced once, and no request is lost.
What the former controller made is a recording of a cluster that it ran in. Its pods ask for more than the strictest
Pod Security level allows, so the namespace enforces `baseline`.
"""

from __future__ import annotations

import pytest

from tests.e2e.harness import former, images, manifests, prediction
from tests.e2e.harness.former import NAME
from tests.e2e.harness.gateways import Route
from tests.e2e.harness.pods import describe
from tests.e2e.harness.seldonctl import seldonctl
from tests.e2e.harness.waiting import Object, assert_available, wait_for
from tests.e2e.harness.workspace import Workspace

pytestmark = [
    pytest.mark.ingress,
    pytest.mark.pod_security("baseline"),
    # It stops the release's controller.
    pytest.mark.alone,
    pytest.mark.skipif(not former.FOLDER.exists(), reason="no ../shared beside this checkout"),
]

DEPLOYMENT = manifests.model_deployment(NAME)
ROUTE = Route({f"{manifests.predictor_service(NAME)}:8000": 100})
KINDS = (("apps/v1", "Deployment"), ("apps/v1", "ReplicaSet"), ("v1", "Pod"), ("v1", "Service"))
KEPT, DONE = "KeptAsMade", "AllPodsUpToDate"
Objects = dict[tuple[str, str], Object]


def objects(workspace: Workspace) -> Objects:
    """What serves the SeldonDeployment, by kind and name."""
    labels = f"seldon-deployment-id={NAME}"
    return {
        (kind, found["metadata"]["name"]): found
        for version, kind in KINDS
        for found in workspace.cluster.objects(version, kind, workspace.namespace, labels=labels)
    }


def of_metadata(found: Objects, key: str) -> dict[tuple[str, str], str]:
    """One field of the objects' metadata."""
    return {name: each["metadata"][key] for name, each in found.items()}


def live_route(workspace: Workspace) -> str:
    """The uid of the SeldonDeployment's route, empty where there is none."""
    live = workspace.cluster.get(*workspace.gateway.kind, NAME, workspace.namespace)
    return str(live["metadata"]["uid"]) if live else ""


def wait_answered(workspace: Workspace) -> None:
    """Wait until the former controller's pods answer through the gateway."""

    def answered() -> None:
        answer = workspace.predict(NAME)
        assert answer.status == 200, str(answer)

    seconds = workspace.timeouts.model_ready
    wait_for(answered, what="an answer", seconds=seconds, detail=lambda: describe(workspace.pods(NAME)))


def wait_reason(workspace: Workspace, reason: str) -> None:
    """Wait until the SeldonDeployment is Available, and condition RolledOut has this reason."""

    def reached() -> None:
        status = assert_available(workspace.seldon_deployment(NAME), NAME)["status"]
        found = {each["type"]: each.get("reason", "") for each in status["conditions"]}.get("RolledOut")
        assert found == reason, f"RolledOut has reason {found}"

    wait_for(reached, what=f"{NAME} to be Available and {reason}", seconds=workspace.timeouts.rollout)


def test_no_request_is_lost_while_a_former_release_is_taken_over(workspace: Workspace) -> None:
    with former.controller_stopped(workspace) as start_controller:
        former.restore(workspace)
        wait_answered(workspace)
        before, former_route = objects(workspace), live_route(workspace)

        with workspace.load(NAME) as load:
            with load.during("the controller takes over"):
                start_controller()
                wait_reason(workspace, KEPT)
                former.give_up_route(workspace)
                workspace.wait_settled(NAME, deployments={DEPLOYMENT}, route=ROUTE)
            kept = objects(workspace)
            assert of_metadata(kept, "uid") == of_metadata(before, "uid"), "something was made anew"
            assert former_route in {"", live_route(workspace)}, "the route was made anew"
            key = ("Deployment", DEPLOYMENT)
            assert kept[key]["spec"]["template"] == before[key]["spec"]["template"]

            with load.during("seldonctl rollout replaces the pods"):
                seldonctl(workspace, "rollout", NAME, "--timeout", f"{workspace.timeouts.rollout:g}s")
                workspace.wait_settled(NAME, deployments={DEPLOYMENT}, route=ROUTE)

    workspace.wait_rolled_out(NAME)
    wait_reason(workspace, DONE)
    rolled = objects(workspace)
    kinds = [kind for kind, _ in rolled]
    assert (kinds.count("ReplicaSet"), kinds.count("Pod")) == (2, 1), "the pods were not replaced once"
    for kind in ("Deployment", "Service"):
        uids = [
            {name: uid for name, uid in of_metadata(each, "uid").items() if name[0] == kind}
            for each in (before, rolled)
        ]
        assert uids[0] == uids[1], f"a {kind} was made anew"
    prediction.assert_iris(workspace.predict(NAME), unit=manifests.UNIT, image=images.SKLEARN_SERVER)
    assert_applying_again_changes_nothing(workspace, rolled)


def assert_applying_again_changes_nothing(workspace: Workspace, before: Objects) -> None:
    """As a GitOps tool does: compare, and apply what is there already."""
    for _ in range(3):
        assert former.diff(workspace, former.manifest()) == ""
        workspace.apply(former.manifest())
    assert of_metadata(objects(workspace), "resourceVersion") == of_metadata(before, "resourceVersion")
