"""From what a kubelet or a scheduler reports of a pod to one sentence. The states are as Kubernetes 1.34 gives them."""

from typing import Any

import pytest

from seldon_core.operator.reasons import Problem, problem_of

INIT = "classifier-model-initializer"


def pod(**status: Any) -> dict[str, Any]:
    return {"metadata": {"name": "p", "namespace": "ns", "uid": "u"}, "status": {"phase": "Pending"} | status}


def ended(code: int, message: str = "", reason: str = "Error") -> dict[str, Any]:
    return {"terminated": {"exitCode": code, "reason": reason, "message": message}}


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    return {"waiting": {"reason": reason, "message": message}}


def container(name: str = "classifier", *, ready: bool = False, **states: Any) -> dict[str, Any]:
    return {"name": name, "ready": ready, "restartCount": 0} | states


STARTING = [container(state=waiting("PodInitializing"))]
WRONG_KEY = "s3://sklearn/iris: the access key is not known; check RCLONE_CONFIG_S3_ACCESS_KEY_ID in secret sec."
NO_SECRET = 'secret "sec" not found'
BACKOFF = "back-off 10s restarting failed container=classifier pod=p_ns(u)"


@pytest.mark.parametrize(
    ("live", "reason", "sentence", "failed"),
    [
        pytest.param(
            pod(initContainerStatuses=[container(INIT, state=ended(1, WRONG_KEY))], containerStatuses=STARTING),
            "InitContainerFailed",
            f"init container {INIT} of pod p failed with exit code 1: {WRONG_KEY}",
            True,
            id="init container failed",
        ),
        pytest.param(
            pod(
                initContainerStatuses=[
                    container(INIT, state=waiting("CrashLoopBackOff", BACKOFF), lastState=ended(1, WRONG_KEY))
                ],
                containerStatuses=STARTING,
            ),
            "InitContainerFailed",
            f"init container {INIT} of pod p failed with exit code 1: {WRONG_KEY}",
            True,
            id="init container waits for its next attempt",
        ),
        pytest.param(
            pod(
                initContainerStatuses=[container(INIT, state={"running": {}}, lastState=ended(1, WRONG_KEY))],
                containerStatuses=STARTING,
            ),
            "InitContainerFailed",
            f"init container {INIT} of pod p failed with exit code 1: {WRONG_KEY}",
            True,
            id="init container tries again",
        ),
        pytest.param(
            pod(
                initContainerStatuses=[container(INIT, state=waiting("CreateContainerConfigError", NO_SECRET))],
                containerStatuses=STARTING,
            ),
            "CreateContainerConfigError",
            f"init container {INIT} of pod p cannot be configured: {NO_SECRET}",
            True,
            id="missing secret",
        ),
        pytest.param(
            pod(containerStatuses=[container(state=waiting("ImagePullBackOff", 'Back-off pulling image "x:1"'))]),
            "ImagePullBackOff",
            'container classifier of pod p cannot pull its image: Back-off pulling image "x:1"',
            True,
            id="image",
        ),
        pytest.param(
            pod(
                containerStatuses=[
                    container(
                        state=waiting("CrashLoopBackOff", BACKOFF),
                        lastState=ended(1, "model.joblib is no joblib file\n\nuse joblib.dump\n"),
                    )
                ]
            ),
            "ContainerFailed",
            "container classifier of pod p failed with exit code 1: model.joblib is no joblib file; use joblib.dump",
            True,
            id="crash loop",
        ),
        pytest.param(
            pod(containerStatuses=[container(state={"running": {}}, lastState=ended(1, "bad model"))]),
            "ContainerFailed",
            "container classifier of pod p failed with exit code 1: bad model",
            True,
            id="runs again and is not ready yet",
        ),
        pytest.param(
            pod(containerStatuses=[container(state=waiting("CrashLoopBackOff"), lastState=ended(0))]),
            "ContainerFailed",
            "container classifier of pod p ended although it should keep running.",
            True,
            id="ended well but should not",
        ),
        pytest.param(
            pod(containerStatuses=[container(state=ended(137, reason="OOMKilled"))]),
            "OOMKilled",
            "container classifier of pod p used more memory than its limit and was killed: "
            "give it more memory in resources.limits.memory of its componentSpec",
            True,
            id="out of memory",
        ),
        pytest.param(
            pod(containerStatuses=[container(state=waiting("SomethingNew", "words"))]),
            "SomethingNew",
            "container classifier of pod p cannot start (SomethingNew): words",
            True,
            id="a reason that nobody knew",
        ),
        pytest.param(
            pod(
                conditions=[
                    {
                        "type": "PodScheduled",
                        "status": "False",
                        "reason": "Unschedulable",
                        "message": "0/1 nodes are available: 1 Insufficient cpu.",
                    }
                ]
            ),
            "Unschedulable",
            "pod p finds no node: 0/1 nodes are available: 1 Insufficient cpu.",
            False,
            id="no room",
        ),
        pytest.param(
            pod(phase="Failed", reason="Evicted", message="The node was low on resource: memory."),
            "Evicted",
            "pod p failed: The node was low on resource: memory.",
            True,
            id="evicted",
        ),
        pytest.param(
            pod(containerStatuses=[container(state=ended(1, "GET https://a/b?sig=topsecret: 403"))]),
            "ContainerFailed",
            "container classifier of pod p failed with exit code 1: GET https://a/b?sig=***: 403",
            True,
            id="secret values are taken out",
        ),
    ],
)
def test_problems(live: dict[str, Any], reason: str, sentence: str, *, failed: bool) -> None:
    problem = problem_of(live)

    assert problem is not None
    assert (problem.reason, problem.sentence(), problem.failed) == (reason, sentence, failed)


@pytest.mark.parametrize(
    "live",
    [
        pytest.param(pod(), id="just made"),
        pytest.param(pod(containerStatuses=[container(state=waiting("ContainerCreating"))]), id="starting"),
        pytest.param(pod(initContainerStatuses=[container(INIT, state={"running": {}})]), id="init container runs"),
        pytest.param(
            pod(
                initContainerStatuses=[container(INIT, ready=True, state=ended(0, reason="Completed"))],
                containerStatuses=[container(state={"running": {}})],
            ),
            id="model loads",
        ),
        pytest.param(
            pod(containerStatuses=[container(ready=True, state={"running": {}}, lastState=ended(1, "long ago"))]),
            id="recovered",
        ),
        pytest.param(
            pod(
                initContainerStatuses=[container(INIT, ready=True, state=ended(0), lastState=ended(1, "earlier"))],
                containerStatuses=[container(state={"running": {}})],
            ),
            id="init container succeeded at last",
        ),
    ],
)
def test_no_problem(live: dict[str, Any]) -> None:
    assert problem_of(live) is None


def test_a_pod_that_is_deleted_has_none() -> None:
    live = pod(containerStatuses=[container(state=ended(143))])
    live["metadata"]["deletionTimestamp"] = "2026-11-21T00:00:00Z"

    assert problem_of(live) is None


MISSING = 'MountVolume.SetUp failed for volume "config" : secret "rclone-config" not found'
LATE = 'MountVolume.SetUp failed for volume "config" : failed to sync secret cache: timed out waiting for the condition'


@pytest.mark.parametrize(("message", "failed"), [(MISSING, True), (LATE, False)])
def test_events_about_volumes(message: str, *, failed: bool) -> None:
    event = {"reason": "FailedMount", "message": message, "metadata": {}, "lastTimestamp": "2026-11-21T00:00:00Z"}
    live = pod(containerStatuses=[container(state=waiting("ContainerCreating"))])
    problem = problem_of(live, [event])
    started = pod(containerStatuses=[container(state={"running": {}})])

    assert problem is not None
    assert (problem.sentence(), problem.failed) == (f"pod p cannot mount its volumes: {message}", failed)
    assert problem_of(started, [event]) is None


def test_a_silent_container_names_its_log() -> None:
    problem = problem_of(pod(containerStatuses=[container(state=ended(2)) | {"restartCount": 3}]))

    assert problem is not None
    assert problem.log is not None
    assert (problem.log.container, problem.log.previous, problem.log.restarts) == ("classifier", False, 3)
    assert problem.sentence("Traceback\nValueError: no such column\n").endswith(
        ": Traceback; ValueError: no such column"
    )


def test_long_words_are_cut() -> None:
    problem = Problem("R", "container c of pod p", "failed", "x" * 5000, failed=True)

    assert len(problem.sentence()) < 700


@pytest.mark.parametrize("cache", ["secret", "configmap"])
def test_a_node_whose_cache_is_late_has_not_failed(cache: str) -> None:
    """Seen on a busy node: the kubelet says this once and starts the container a second later."""
    late = waiting("CreateContainerConfigError", f"failed to sync {cache} cache: timed out waiting for the condition")

    found = problem_of(pod(initContainerStatuses=[container(INIT, state=late)], containerStatuses=STARTING))

    assert found is not None
    assert not found.failed
    assert f"failed to sync {cache} cache" in found.sentence()
