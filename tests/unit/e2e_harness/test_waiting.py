from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.e2e.harness.waiting import (
    HopelessError,
    Object,
    WaitTimeoutError,
    assert_available,
    assert_failed,
    assert_rolled_out,
    wait_for,
)


class Time:
    """A clock that only pauses move."""

    def __init__(self) -> None:
        self.now = 100.0
        self.pauses: list[float] = []

    def clock(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


def failing(*messages: str, then: str = "done") -> Callable[[], str]:
    """An assertion that fails with each message in turn and then gives an answer."""
    left = list(messages)

    def assertion() -> str:
        if left:
            raise AssertionError(left.pop(0))
        return then

    return assertion


def sdep(
    state: str | None = None, description: str = "", *, generation: int = 1, observed: int | None = None
) -> Object:
    status: Object = {} if state is None else {"state": state, "description": description}
    if observed is not None:
        status["observedGeneration"] = observed
    return {"metadata": {"name": "iris", "generation": generation}, "status": status}


def test_the_assertion_is_tried_until_it_holds_and_its_answer_is_given() -> None:
    time = Time()

    answer = wait_for(failing("one", "two"), what="it", seconds=10, interval=0.5, clock=time.clock, pause=time.pause)

    assert answer == "done"
    assert time.pauses == [0.5, 0.5]


def test_the_last_message_and_the_detail_become_the_failure() -> None:
    time = Time()
    messages = [f"message {number}" for number in range(100)]

    with pytest.raises(WaitTimeoutError) as failure:
        wait_for(
            failing(*messages),
            what="the pod",
            seconds=2,
            detail=lambda: "container x waits",
            interval=0.5,
            clock=time.clock,
            pause=time.pause,
        )

    # Tries at 0, 0.5, 1, 1.5 and, for the last time, at 2 seconds.
    assert str(failure.value) == "the pod: not within 2 s; last seen: message 4\ncontainer x waits"


def test_a_state_that_comes_at_the_deadline_is_seen() -> None:
    time = Time()

    assert wait_for(failing("a"), what="it", seconds=0.3, interval=5, clock=time.clock, pause=time.pause) == "done"
    assert time.pauses == [pytest.approx(0.3)]


def test_it_is_tried_once_where_there_is_no_time() -> None:
    time = Time()

    assert wait_for(failing(), what="it", seconds=0, clock=time.clock, pause=time.pause) == "done"
    assert time.pauses == []


def test_a_hopeless_state_ends_the_wait_at_once() -> None:
    time = Time()

    with pytest.raises(HopelessError, match="SeldonDeployment iris reports Failed: Secret x is missing"):
        wait_for(
            lambda: assert_available(sdep("Failed", "Secret x is missing."), "iris"),
            what="it",
            seconds=60,
            clock=time.clock,
            pause=time.pause,
        )

    assert time.pauses == []


def test_a_message_is_logged_once_until_it_changes(caplog: pytest.LogCaptureFixture) -> None:
    time = Time()

    with caplog.at_level("INFO", logger="e2e"):
        wait_for(failing("a", "a", "b", "b"), what="it", seconds=60, clock=time.clock, pause=time.pause)

    assert [record.message for record in caplog.records] == ["waiting for it: a", "waiting for it: b"]


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (None, "SeldonDeployment iris is not there"),
        (sdep(), "SeldonDeployment iris has no status yet"),
        (sdep("Creating", "starts"), "SeldonDeployment iris is Creating: starts"),
        (sdep("Available", generation=2, observed=1), "the status is of generation 1, not 2"),
        (sdep("Failed", "of before", generation=2, observed=1), "the status is of generation 1, not 2"),
    ],
)
def test_not_yet_available(found: Object | None, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        assert_available(found, "iris")


def test_available() -> None:
    assert assert_available(sdep("Available", observed=1), "iris")["status"]["state"] == "Available"
    assert assert_available(sdep("Available"), "iris")["metadata"]["name"] == "iris"


def test_a_failed_state_that_is_being_mended_is_waited_out() -> None:
    with pytest.raises(AssertionError, match="is Failed: Secret x is missing"):
        assert_available(sdep("Failed", "Secret x is missing."), "iris", tolerate_failed=True)


def test_failed_gives_the_description_where_every_pattern_is_in_it() -> None:
    description = "Bucket no-such-bucket does not exist."

    assert assert_failed(sdep("Failed", description), "iris", ["bucket", r"no-such-\w+"]) == description


def test_failed_with_another_description_is_waited_out() -> None:
    with pytest.raises(AssertionError, match=r"lacks \['no-such-bucket'\]: container failed"):
        assert_failed(sdep("Failed", "container failed"), "iris", ["failed", "no-such-bucket"])


def test_available_in_spite_of_bad_input_is_hopeless() -> None:
    with pytest.raises(HopelessError, match="became Available although its input is bad"):
        assert_failed(sdep("Available"), "iris", ["bucket"])


def deployment(
    *, generation: int = 2, observed: int = 2, updated: int = 1, available: int = 1, replicas: int = 1
) -> Object:
    counts = {"updatedReplicas": updated, "availableReplicas": available, "replicas": replicas}
    return {
        "metadata": {"name": "iris", "generation": generation},
        "spec": {"replicas": 1},
        "status": {"observedGeneration": observed, **counts},
    }


POD: Object = {"metadata": {"name": "iris-1"}}


@pytest.mark.parametrize(
    ("found", "pods", "message"),
    [
        (None, [POD], "not there"),
        (deployment(observed=1), [POD], "newest generation"),
        (deployment(updated=0), [POD], "1 replicas wanted"),
        (deployment(available=0), [POD], "1 replicas wanted"),
        (deployment(replicas=2), [POD], "1 replicas wanted"),
        (deployment(), [POD, {"metadata": {"name": "iris-0"}}], "1 pods wanted, these exist: iris-0, iris-1"),
    ],
)
def test_not_rolled_out(found: Object | None, pods: list[Object], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        assert_rolled_out(found, pods)


def test_rolled_out() -> None:
    assert assert_rolled_out(deployment(), [POD]) == deployment()


def test_available_and_not_ready_is_waited_for() -> None:
    waits = sdep("Available")
    waits["status"]["conditions"] = [{"type": "Ready", "status": "False", "message": "no gateway has taken it yet"}]

    with pytest.raises(AssertionError, match="iris is not Ready: no gateway has taken it yet"):
        assert_available(waits, "iris")
