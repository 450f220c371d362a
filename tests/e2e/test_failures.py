"""What a pod cannot do stands in the status, within 5 s of the kubelet knowing, and in one event.

The time of knowing is the cluster's own: what the kubelet, the scheduler or the ReplicaSet's controller wrote beside
the fault. Ours is the time that the API server noted for the write of the status. Both are whole seconds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.e2e.harness import images, manifests, pods
from tests.e2e.harness.waiting import Object, current_status, wait_for
from tests.e2e.harness.workspace import ID_LABEL, Workspace

NAME, SECRET = "sklearn-iris", "seldon-rclone-secret"
SECONDS = 5.0
NO_IMAGE = "registry.invalid/no-such/model:1"
LAST_WORDS = "no licence at /opt/licence"
RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}

Times = Callable[[Workspace], Iterator[str]]


def model(**container: Any) -> Object:
    """A SeldonDeployment whose model is a container of the user's; nothing is fetched for it."""
    given = {"name": manifests.UNIT, "image": images.SKLEARN_SERVER, "securityContext": RESTRICTED} | container
    predictor = manifests.predictor(
        manifests.PREDICTOR,
        {"name": manifests.UNIT, "type": "MODEL"},
        componentSpecs=[{"spec": {"containers": [{k: v for k, v in given.items() if v is not None}]}}],
        svcOrchSpec=manifests.SMALL_ORCHESTRATOR,
    )
    return manifests.seldon_deployment(NAME, {"predictors": [predictor]})


def limits(kind: str, spec: Object) -> Object:
    """A ResourceQuota or a LimitRange."""
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": "small"}, "spec": spec}


def ended(workspace: Workspace) -> Iterator[str]:
    """When containers of the pods failed."""
    for pod in workspace.pods(NAME):
        for container in pods.container_statuses(pod):
            for state in (container.get("state") or {}, container.get("lastState") or {}):
                finished = state.get("terminated") or {}
                if finished.get("exitCode"):
                    yield finished["finishedAt"]


def pull_failed(workspace: Workspace) -> Iterator[str]:
    """When the kubelet first said that an image cannot be pulled."""
    for event in workspace.cluster.objects("v1", "Event", workspace.namespace):
        if event.get("reason") == "Failed" and str(event.get("message", "")).startswith("Failed to pull image"):
            yield event["firstTimestamp"]


def unscheduled(workspace: Workspace) -> Iterator[str]:
    """When the scheduler found no node."""
    for pod in workspace.pods(NAME):
        yield from _since(pod, "PodScheduled", "False")


def not_created(workspace: Workspace) -> Iterator[str]:
    """When a ReplicaSet's pods were refused."""
    labels = f"{ID_LABEL}={NAME}"
    for replica_set in workspace.cluster.objects("apps/v1", "ReplicaSet", workspace.namespace, labels=labels):
        yield from _since(replica_set, "ReplicaFailure", "True")


def _since(obj: Object, name: str, status: str) -> Iterator[str]:
    for condition in obj.get("status", {}).get("conditions") or ():
        if (condition["type"], condition["status"]) == (name, status):
            yield condition["lastTransitionTime"]


@dataclass(frozen=True)
class Failure:
    """What is applied, what the status must say, and how the time is known since when that is so."""

    applied: tuple[Object, ...]
    reason: str
    state: str
    patterns: tuple[str, ...]
    known: Times


FAILURES = {
    "image-pull": Failure(
        (model(image=NO_IMAGE),),
        "ImagePullBackOff",
        "Failed",
        (rf"container {manifests.UNIT} of pod .* cannot pull its image {re.escape(NO_IMAGE)}: .*registry\.invalid",),
        pull_failed,
    ),
    "crash": Failure(
        (model(command=["/bin/sh", "-c", f"echo '{LAST_WORDS}' > /dev/termination-log; exit 3"]),),
        "ContainerFailed",
        "Failed",
        (rf"container {manifests.UNIT} of pod .* failed with exit code 3: {LAST_WORDS}$",),
        ended,
    ),
    "crash-without-a-message": Failure(
        (model(command=["/bin/sh", "-c", f"echo '{LAST_WORDS}'; exit 3"]),),
        "ContainerFailed",
        "Failed",
        (rf"failed with exit code 3: {LAST_WORDS}$",),
        ended,
    ),
    "init": Failure(
        (manifests.rclone_secret(SECRET), manifests.iris(NAME, model_uri="s3://sklearn/nothing", env_secret=SECRET)),
        "InitContainerFailed",
        "Failed",
        (rf"init container {manifests.INITIALIZER} of pod .* failed with exit code \d+: .*sklearn/nothing",),
        ended,
    ),
    "unschedulable": Failure(
        (model(resources={"requests": {"cpu": "1000"}}),),
        "Unschedulable",
        "Creating",
        (r"pod .* finds no node: .*Insufficient cpu",),
        unscheduled,
    ),
    "quota": Failure(
        (limits("ResourceQuota", {"hard": {"pods": "0"}}), model()),
        "ReplicaFailure",
        "Creating",
        (rf"Deployment {manifests.model_deployment(NAME)} cannot create its pods: exceeded quota: small",),
        not_created,
    ),
    "limit-range": Failure(
        (
            limits("LimitRange", {"limits": [{"type": "Container", "max": {"cpu": "100m"}}]}),
            model(resources={"requests": {"cpu": "200m"}, "limits": {"cpu": "200m"}}),
        ),
        "ReplicaFailure",
        "Failed",
        (r"cannot create its pods: .*maximum cpu usage per Container is 100m",),
        not_created,
    ),
    "pod-security": Failure(
        (model(securityContext=None),),
        "ReplicaFailure",
        "Failed",
        (r'cannot create its pods: violates PodSecurity "restricted',),
        not_created,
    ),
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES.keys())
def test_the_reason_is_told_in_time_and_once(workspace: Workspace, failure: Failure) -> None:
    *before, sdep = failure.applied
    for document in before:
        workspace.apply(document)
        if document["kind"] == "ResourceQuota":
            wait_for(lambda: assert_in_force(workspace), what="the quota to be in force", seconds=SECONDS * 2)
    workspace.apply(sdep)

    known: list[str] = []
    description, told = wait_for(
        lambda: assert_told(workspace, failure, known),
        what=f"SeldonDeployment {NAME} to name its fault",
        seconds=workspace.timeouts.failure,
        detail=lambda: pods.describe(workspace.pods(NAME)),
    )
    assert known, "nobody but the controller knew of the fault"
    late = (seconds_of(told) - seconds_of(min(known))).total_seconds()
    assert late <= SECONDS, f"known at {min(known)}, told at {told}: {late:g} s"

    assert "\n" not in description
    wait_for(lambda: assert_one_event(workspace, failure.reason, description), what="an event of it", seconds=SECONDS)
    arguments = ("--namespace", workspace.namespace, "describe", "sdep", NAME)
    described = workspace.kubectl.run(arguments, seconds=workspace.timeouts.kubectl).checked().stdout
    assert failure.reason in described.partition("\nEvents:")[2], described
    ready = condition_of(workspace.seldon_deployment(NAME) or {}, "Ready")
    assert (ready["status"], ready["reason"], ready["message"]) == ("False", failure.reason, description)


def assert_told(workspace: Workspace, failure: Failure, known: list[str]) -> tuple[str, str]:
    """The description and the time at which it was written; `known` gets the times of knowing, at every look."""
    known.extend(failure.known(workspace))
    sdep = workspace.seldon_deployment(NAME)
    status = current_status(sdep, NAME)
    description = str(status.get("description", ""))
    missing = [pattern for pattern in failure.patterns if not re.search(pattern, description)]
    assert not missing, f"{status['state']}, and the description lacks {missing}: {description}"
    assert status["state"] == failure.state, f"the state is {status['state']}: {description}"
    assert known, "the cluster does not tell of it yet"
    fields = (sdep or {})["metadata"].get("managedFields") or ()
    return description, max(entry["time"] for entry in fields if entry.get("subresource") == "status")


def assert_one_event(workspace: Workspace, reason: str, description: str) -> None:
    """The SeldonDeployment has one Warning of this reason, with the status's words."""
    found = [
        event
        for event in workspace.cluster.objects("v1", "Event", workspace.namespace)
        if event["involvedObject"].get("kind") == "SeldonDeployment" and event.get("reason") == reason
    ]
    assert [(event["type"], event["message"]) for event in found] == [("Warning", description)], found


def assert_in_force(workspace: Workspace) -> None:
    """The quota counts."""
    quota = workspace.cluster.get("v1", "ResourceQuota", "small", workspace.namespace) or {}
    assert (quota.get("status") or {}).get("hard"), "its status is empty"


def condition_of(sdep: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A condition of a SeldonDeployment's status."""
    found: Mapping[str, Any] = next(c for c in sdep["status"]["conditions"] if c["type"] == name)
    return found


def seconds_of(text: str) -> datetime:
    """A time as the API server writes it."""
    return datetime.fromisoformat(text).astimezone(UTC)
