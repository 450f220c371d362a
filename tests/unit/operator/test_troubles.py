"""Reasons on their way from a pod to the SeldonDeployment's status, through the API server and the caches."""

import asyncio
from typing import Any

import pytest

from tests.unit.operator.cluster import EVENTS, PODS, SDEPS, Cluster, cluster, iris

pytestmark = pytest.mark.asyncio

INIT = "classifier-model-initializer"


def init_failed(message: str = "") -> dict[str, Any]:
    state = {"terminated": {"exitCode": 1, "reason": "Error", "message": message}}
    return {
        "phase": "Pending",
        "initContainerStatuses": [{"name": INIT, "ready": False, "restartCount": 1, "state": state}],
    }


async def applied(c: Cluster) -> None:
    await c.api.put(SDEPS, iris())
    await c.until(lambda status: status.get("state") == "Creating")
    await c.progress(ready=0)


async def test_the_initializers_own_words_reach_the_status_and_leave_it() -> None:
    async with cluster() as c:
        await applied(c)
        pod = await c.pod(init_failed("bucket sklearn has no folder iris; check modelUri"))
        status = await c.until(lambda status: status.get("state") == "Failed")

        assert status["description"] == (
            f"init container {INIT} of pod {pod['metadata']['name']} failed with exit code 1: "
            "bucket sklearn has no folder iris; check modelUri"
        )
        ready = next(c for c in status["conditions"] if c["type"] == "Ready")
        assert (ready["status"], ready["reason"]) == ("False", "InitContainerFailed")

        await c.api.change(PODS, "ns", pod["metadata"]["name"], lambda obj: obj.update(status={"phase": "Running"}))
        await c.until(lambda status: status.get("state") == "Creating" and "description" not in status)


async def test_the_log_of_a_silent_container_is_read_once() -> None:
    async with cluster() as c:
        await applied(c)
        name = c.deployment()["metadata"]["name"] + "-1-a"
        c.api.logs[name, INIT, False] = "Traceback\nAccessDenied: secret_key=abcdef is wrong\n"
        await c.pod(init_failed())
        status = await c.until(lambda status: status.get("state") == "Failed")
        await c.settled()

        assert status["description"].endswith("exit code 1: Traceback; AccessDenied: secret_key=*** is wrong")
        assert sum(call.path.endswith("/log") for call in c.api.calls) == 1


async def test_a_log_that_does_not_come_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The node that has it is down."""
    async with cluster() as c:
        await applied(c)

        async def never(*_: Any, **__: Any) -> str:
            await asyncio.Event().wait()
            return ""

        monkeypatch.setattr(c.client, "pod_log", never)
        c.reconciler._troubles._log_seconds = 0.01
        await c.pod(init_failed())
        status = await c.until(lambda status: status.get("state") == "Failed")

        assert status["description"].endswith("failed with exit code 1.")


async def test_a_failing_update_is_told_while_the_old_version_serves() -> None:
    async with cluster() as c:
        await applied(c)
        await c.progress(ready=1)
        await c.until(lambda status: status.get("state") == "Available")
        await c.edit(modelUri="s3://sklearn/missing")
        await c.until(lambda status: status.get("observedGeneration") == 2)
        await c.progress(ready=0, old=1)
        await c.pod(init_failed("no such folder"))
        status = await c.until(lambda status: "no such folder" in status.get("description", ""))

        assert status["state"] == "Available"
        assert status["description"].startswith(
            "The update does not get ready, the version before it still serves: init"
        )
        assert next(c for c in status["conditions"] if c["type"] == "Ready")["status"] == "False"


async def test_pods_of_an_older_version_say_nothing_about_the_present_one() -> None:
    async with cluster() as c:
        await applied(c)
        await c.pod(init_failed("wrong key"))
        await c.until(lambda status: status.get("state") == "Failed")
        await c.edit(envSecretRefName="right")
        await c.until(lambda status: status.get("observedGeneration") == 2)
        await c.progress(ready=0)
        await c.until(lambda status: status.get("state") == "Creating" and "description" not in status)


async def test_a_missing_volume_is_told_from_the_pods_events() -> None:
    message = 'MountVolume.SetUp failed for volume "config" : secret "rclone-config" not found'
    async with cluster() as c:
        await applied(c)
        waiting = {"name": "classifier", "state": {"waiting": {"reason": "PodInitializing"}}}
        pod = await c.pod({"phase": "Pending", "containerStatuses": [waiting]})
        about = {"kind": "Pod", "name": pod["metadata"]["name"], "namespace": "ns", "uid": pod["metadata"]["uid"]}
        event = {"type": "Warning", "reason": "FailedMount", "message": message, "involvedObject": about}
        await c.api.put(EVENTS, {"kind": "Event", "metadata": {"name": "e", "namespace": "ns"}, **event})
        status = await c.until(lambda status: status.get("state") == "Failed")

        assert status["description"] == f"pod {pod['metadata']['name']} cannot mount its volumes: {message}"


async def test_what_is_waited_for_is_told_without_calling_it_failed() -> None:
    message = "0/1 nodes are available: 1 Insufficient cpu."
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    async with cluster() as c:
        await applied(c)
        await c.pod({"phase": "Pending", "conditions": [condition]})
        status = await c.until(lambda status: message in status.get("description", ""))

        assert status["state"] == "Creating"
