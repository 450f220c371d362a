"""Reasons on their way from a pod to the SeldonDeployment's status, through the API server and the caches."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from seldon_core.operator.report.events import LATER_SECONDS, Recorder
from seldon_core.operator.report.reasons import READY_SECONDS
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


def crashed(restarts: int) -> dict[str, Any]:
    state = {"terminated": {"exitCode": 1, "reason": "Error", "message": "no model"}}
    status = {"name": "classifier", "ready": False, "restartCount": restarts, "state": state}
    return {"phase": "Running", "containerStatuses": [status]}


def told(c: Cluster, reason: str) -> list[tuple[str, int]]:
    """Message and count of the events of a reason."""
    return [
        (o["message"], o["count"])
        for (collection, _, _), o in c.api.objects.items()
        if collection == EVENTS and o["reason"] == reason
    ]


async def test_a_failing_pod_is_one_event_of_the_seldon_deployment_also_after_a_restart() -> None:
    async with cluster() as c:
        await applied(c)
        pod = await c.pod(crashed(0))
        status = await c.until(lambda status: status.get("state") == "Failed")
        await c.recorder.flush()
        assert told(c, "ContainerFailed") == [(status["description"], 1)]

        await c.stop()
        writes = len(c.api.writes())
        c.recorder = Recorder(c.client)
        await c.start(settle_seconds=0.0)
        await c.settled()
        await c.recorder.flush()
        assert c.api.writes()[writes:] == []

        c.recorder._clock = lambda: time.monotonic() + LATER_SECONDS
        await c.api.change(PODS, "ns", pod["metadata"]["name"], lambda obj: obj.update(status=crashed(1)))
        await c.settled()
        await c.recorder.flush()
        assert told(c, "ContainerFailed") == [(status["description"], 2)]


async def test_pods_that_a_quota_forbids_are_told_once_though_their_names_change() -> None:
    def forbidden(suffix: str) -> list[dict[str, str]]:
        message = f'pods "iris-7d9f-{suffix}" is forbidden: exceeded quota: small, requested: cpu=1'
        return [{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}]

    async with cluster() as c:
        await applied(c)
        await c.progress(ready=0, replicas=0, updatedReplicas=0, conditions=forbidden("aaaaa"))
        status = await c.until(lambda status: "quota" in status.get("description", ""))
        words = "exceeded quota: small, requested: cpu=1"
        sentence = f"Deployment iris-default-0-classifier cannot create its pods: {words}"
        assert (status["state"], status["description"]) == ("Creating", sentence)
        assert c.conditions()["Ready"] | {"lastTransitionTime": ""} == {
            "type": "Ready",
            "status": "False",
            "reason": "ReplicaFailure",
            "message": sentence,
            "lastTransitionTime": "",
        }
        await c.settled()
        writes = len(c.writes())
        await c.progress(ready=0, replicas=0, updatedReplicas=0, conditions=forbidden("bbbbb"))
        await c.settled()
        await c.recorder.flush()

        assert c.writes()[writes:] == []
        assert told(c, "ReplicaFailure") == [(sentence, 1)]


async def test_a_container_that_does_not_get_ready_is_told_when_its_time_is_over() -> None:
    async with cluster() as c:
        await applied(c)
        c.now = datetime(2026, 11, 21, tzinfo=UTC) + timedelta(seconds=READY_SECONDS - 0.02)
        running = {"name": "classifier", "ready": False, "state": {"running": {"startedAt": "2026-11-21T00:00:00Z"}}}
        pod = await c.pod({"phase": "Running", "containerStatuses": [running]})
        await c.settled()
        assert "description" not in c.status()

        c.now += timedelta(seconds=1)
        sentence = f"container classifier of pod {pod['metadata']['name']} runs and is not ready yet."
        status = await c.until(lambda status: status.get("description") == sentence)
        assert status["state"] == "Creating"


async def test_advice_is_an_event_once_for_each_generation() -> None:
    async with cluster() as c:
        sdep = iris()
        sdep["metadata"]["annotations"] = {"seldon.io/engine-separate-pod": "true"}
        await c.api.put(SDEPS, sdep)
        await c.until(lambda status: status.get("state") == "Creating")
        await c.settled()
        await c.recorder.flush()
        assert [count for _, count in told(c, "Advice")] == [1]
        assert told(c, "Advice")[0][0].startswith("metadata.annotations[seldon.io/engine-separate-pod]: has no effect")

        await c.stop()
        c.recorder = Recorder(c.client)
        await c.start(settle_seconds=0.0)
        asked = len(c.api.calls)
        await c.settled()
        await c.recorder.flush()
        assert [call.path for call in c.api.calls[asked:] if "/events/" in call.path] == []

        for generation in (2, 3):
            await c.edit(modelUri=f"s3://sklearn/{generation}")
            await c.until(lambda status, wanted=generation: status.get("observedGeneration") == wanted)
            await c.settled()
            await c.recorder.flush()
            assert [count for _, count in told(c, "Advice")] == [generation]
