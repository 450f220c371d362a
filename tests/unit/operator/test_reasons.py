"""From what a kubelet or a scheduler reports of a pod to one sentence. The states are as Kubernetes 1.34 gives them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from seldon_core.operator.report.reasons import READY_SECONDS, Problem, problem_of, unready_until
from seldon_core.operator.report.refusals import refusal_of

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
BACK_OFF = 'Back-off pulling image "x:1"'
RPC = "rpc error: code = NotFound desc = "
NO_IMAGE = 'failed to pull and unpack image "x:1": failed to resolve reference "x:1": x:1: not found'
NO_PROGRAM = 'failed to create containerd task: exec: "serve": executable file not found in $PATH: unknown'
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
            pod(containerStatuses=[container(image="x:1", state=waiting("ImagePullBackOff", BACK_OFF))]),
            "ImagePullBackOff",
            "container classifier of pod p cannot pull its image x:1.",
            True,
            id="image, Kubernetes 1.31 and before",
        ),
        pytest.param(
            pod(containerStatuses=[container(image="x:1", state=waiting("ErrImagePull", f"{RPC}{NO_IMAGE}"))]),
            "ImagePullBackOff",
            f"container classifier of pod p cannot pull its image x:1: {NO_IMAGE}",
            True,
            id="image, first attempt",
        ),
        pytest.param(
            pod(
                containerStatuses=[
                    container(
                        image="x:1", state=waiting("ImagePullBackOff", f"{BACK_OFF}: ErrImagePull: {RPC}{NO_IMAGE}")
                    )
                ]
            ),
            "ImagePullBackOff",
            f"container classifier of pod p cannot pull its image x:1: {NO_IMAGE}",
            True,
            id="image, between attempts",
        ),
        pytest.param(
            pod(
                containerStatuses=[container(image="x:1", state=waiting("ImagePullBackOff", f"{BACK_OFF}: {NO_IMAGE}"))]
            ),
            "ImagePullBackOff",
            f"container classifier of pod p cannot pull its image x:1: {NO_IMAGE}",
            True,
            id="image, without layers",
        ),
        pytest.param(
            pod(containerStatuses=[container(image="localhost/seldon-core/a:1", state=waiting("ErrImagePull"))]),
            "ImagePullBackOff",
            "container classifier of pod p cannot pull its image localhost/seldon-core/a:1: no registry has it: load "
            "it into the nodes, or push it to a registry and name that in global.imageRegistry",
            True,
            id="an image of ours that nobody loaded",
        ),
        pytest.param(
            pod(containerStatuses=[container(state=waiting("InvalidImageName", 'couldn\'t parse image "x:::1"'))]),
            "InvalidImageName",
            'container classifier of pod p has an invalid image name: couldn\'t parse image "x:::1"',
            True,
            id="invalid image name",
        ),
        pytest.param(
            pod(containerStatuses=[container(state=waiting("RunContainerError", NO_PROGRAM))]),
            "RunContainerError",
            f"container classifier of pod p cannot be started: {NO_PROGRAM}",
            True,
            id="no such program",
        ),
        pytest.param(
            pod(initContainerStatuses=[container(INIT, state=ended(137, reason="OOMKilled"))]),
            "OOMKilled",
            f"init container {INIT} of pod p used more memory than its limit and was killed: give it more in the "
            "chart's value storageInitializer.memoryLimit, or in the init container's resources",
            True,
            id="init container out of memory",
        ),
        pytest.param(
            pod(
                conditions=[
                    {
                        "type": "PodScheduled",
                        "status": "False",
                        "reason": "Unschedulable",
                        "message": 'persistentvolumeclaim "models" not found. not found',
                    }
                ]
            ),
            "Unschedulable",
            'pod p finds no node: persistentvolumeclaim "models" not found. not found',
            False,
            id="no claim",
        ),
        pytest.param(
            pod(
                phase="Failed",
                reason="Evicted",
                message="The node was low on resource: memory.",
                containerStatuses=[container(state=ended(137))],
            ),
            "Evicted",
            "pod p failed: The node was low on resource: memory.",
            True,
            id="evicted, with a container that was killed for it",
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
NO_KEY = 'MountVolume.SetUp failed for volume "ca" : configmap references non-existent config key: cabundle.crt'
LATE = 'MountVolume.SetUp failed for volume "config" : failed to sync secret cache: timed out waiting for the condition'


@pytest.mark.parametrize(("message", "failed"), [(MISSING, True), (NO_KEY, True), (LATE, False)])
def test_events_about_volumes(message: str, *, failed: bool) -> None:
    event = {"reason": "FailedMount", "message": message, "metadata": {}, "lastTimestamp": "2026-11-21T00:00:00Z"}
    live = pod(containerStatuses=[container(state=waiting("ContainerCreating"))])
    problem = problem_of(live, [event])
    started = pod(containerStatuses=[container(state={"running": {}})])

    assert problem is not None
    assert (problem.sentence(), problem.failed) == (f"pod p cannot mount its volumes: {message}", failed)
    assert problem_of(started, [event]) is None


def event(reason: str, message: str, container: str = "classifier", at: str = "00:00:00") -> dict[str, Any]:
    """A Warning event about a container of the pod, as the kubelet writes it."""
    place = {"kind": "Pod", "name": "p", "namespace": "ns", "uid": "u", "fieldPath": f"spec.containers{{{container}}}"}
    return {
        "reason": reason,
        "message": message,
        "involvedObject": place,
        "metadata": {},
        "lastTimestamp": f"2026-11-21T{at}Z",
    }


def test_an_older_kubelets_words_about_an_image_are_in_its_event() -> None:
    live = pod(containerStatuses=[container(image="x:1", state=waiting("ImagePullBackOff", BACK_OFF))])
    events = [
        event("Failed", f'Failed to pull image "x:1": {RPC}{NO_IMAGE}', at="00:00:01"),
        event("Failed", "Error: ErrImagePull", at="00:00:02"),
        event("Failed", 'Failed to pull image "y": nothing', container="other", at="00:00:03"),
    ]
    problem = problem_of(live, events)

    assert problem is not None
    assert problem.sentence() == f"container classifier of pod p cannot pull its image x:1: {NO_IMAGE}"


REFUSED = "Readiness probe failed: dial tcp 10.244.0.7:9000: connect: connection refused"
HANGS = "Liveness probe failed: Get http://10.244.0.7:9000/health: context deadline exceeded"


def running(name: str = "classifier", since: str = "2026-11-21T00:00:00Z") -> dict[str, Any]:
    return container(name, state={"running": {"startedAt": since}})


def test_a_container_that_runs_and_does_not_answer_is_told_with_its_probe_after_a_while() -> None:
    live = pod(phase="Running", containerStatuses=[running("a"), running("seldon-container-engine"), running("z")])
    live["status"]["containerStatuses"][0]["ready"] = True
    events = [event("Unhealthy", REFUSED, "z"), event("Unhealthy", "not this", "z", at="00:00:00")]
    began = datetime(2026, 11, 21, tzinfo=UTC)

    assert problem_of(live, events, now=began + timedelta(seconds=READY_SECONDS - 1)) is None
    assert unready_until(live, began + timedelta(seconds=READY_SECONDS - 1)) == 1.0
    late = began + timedelta(seconds=READY_SECONDS)
    problem = problem_of(live, events[:1], now=late)
    assert problem is not None
    assert (problem.reason, problem.failed) == ("NotReady", False)
    assert problem.sentence() == f"container z of pod p runs and is not ready yet: {REFUSED}"
    assert unready_until(live, late) is None


def test_a_container_that_its_probe_kills_is_told_so() -> None:
    live = pod(containerStatuses=[running() | {"lastState": ended(137)}])
    events = [event("Unhealthy", HANGS, at="00:00:01"), event("Unhealthy", REFUSED, at="00:00:02")]
    problem = problem_of(live, events)
    own_words = problem_of(pod(containerStatuses=[running() | {"lastState": ended(137, "no memory left")}]), events)

    assert problem is not None
    assert (problem.reason, problem.failed) == ("Unhealthy", True)
    assert problem.sentence() == (
        f"container classifier of pod p was killed, because it did not answer its probe: {HANGS}"
    )
    assert own_words is not None
    assert own_words.reason == "ContainerFailed"


def test_pods_of_one_deployment_have_one_cause_and_each_attempt_is_another_time() -> None:
    one, other = pod(containerStatuses=[container(state=ended(1))]), pod(containerStatuses=[container(state=ended(1))])
    other["metadata"]["name"] = "q"
    again = pod(containerStatuses=[container(state=ended(1)) | {"restartCount": 1}])
    problems = [problem_of(each) for each in (one, other, again)]

    assert len({problem.cause for problem in problems if problem}) == 1
    assert len({problem.occurrence for problem in problems if problem}) == 3


@pytest.mark.parametrize(
    ("message", "words", "failed"),
    [
        (
            (
                'pods "iris-default-0-classifier-7d9f-x2x4p" is forbidden: exceeded quota: small, requested: '
                "requests.cpu=600m, used: requests.cpu=0, limited: requests.cpu=100m"
            ),
            "exceeded quota: small, requested: requests.cpu=600m, used: requests.cpu=0, limited: requests.cpu=100m",
            False,
        ),
        (
            'pods "iris-7d9f-zzzzz" is forbidden: maximum cpu usage per Container is 200m, but limit is 1',
            "maximum cpu usage per Container is 200m, but limit is 1",
            True,
        ),
        (
            'pods "iris-7d9f-zzzzz" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true',
            'violates PodSecurity "restricted:latest": runAsNonRoot != true',
            True,
        ),
        (
            'admission webhook "images.example.com" denied the request: image i:1 is not signed',
            'admission webhook "images.example.com" denied the request: image i:1 is not signed',
            True,
        ),
        (
            "Internal error occurred: failed calling webhook: connection refused",
            "Internal error occurred: failed calling webhook: connection refused",
            False,
        ),
    ],
    ids=["quota", "LimitRange", "PodSecurity", "a policy", "a webhook that is away"],
)
def test_pods_that_cannot_be_made(message: str, words: str, *, failed: bool) -> None:
    problem = refusal_of("iris-default-0-classifier", message)

    assert problem.sentence() == f"Deployment iris-default-0-classifier cannot create its pods: {words}"
    assert (problem.reason, problem.failed) == ("ReplicaFailure", failed)


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
