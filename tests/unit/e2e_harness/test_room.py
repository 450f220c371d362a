"""Room for tests that run side by side, on a cluster of lists."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.harness.room import Room
from tests.e2e.harness.timeouts import Timeouts
from tests.e2e.harness.turns import Turns
from tests.e2e.harness.waiting import WaitTimeoutError

AT_ONCE = replace(Timeouts(), capacity=0.0, beside=0.0)


def pod(namespace: str, cpu: str) -> dict[str, Any]:
    container = {"resources": {"requests": {"cpu": cpu}}}
    return {"metadata": {"namespace": namespace}, "spec": {"containers": [container]}, "status": {"phase": "Running"}}


@dataclass
class Lists:
    """A cluster whose one node has a CPU."""

    pods: list[dict[str, Any]] = field(default_factory=list)
    begun: list[str] = field(default_factory=list)

    def objects(self, api_version: str, kind: str, namespace: str | None = None, *, labels: str = "") -> list[Any]:
        assert (api_version, namespace) == ("v1", None)
        if kind == "Namespace":
            assert labels == "app.kubernetes.io/part-of=seldon-core-e2e"
            return [{"metadata": {"name": name}} for name in self.begun]
        return self.pods if kind == "Pod" else [{"status": {"allocatable": {"cpu": "1"}}}]

    def take(self, room: Room, namespace: str, cpus: float, timeouts: Timeouts = AT_ONCE) -> None:
        def begin() -> None:
            self.begun.append(namespace)

        room.take(self, namespace, cpus, timeouts, begin)  # type: ignore[arg-type] # what is asked of it is there


@pytest.fixture
def workers(tmp_path: Path) -> tuple[Room, Room]:
    return Room(Turns(tmp_path)), Room(Turns(tmp_path))


def test_what_a_test_may_yet_ask_for_is_kept_for_it(workers: tuple[Room, Room]) -> None:
    one, other = workers
    cluster = Lists(pods=[pod("e2e-a", "100m")])
    cluster.take(one, "e2e-a", 0.6)

    with pytest.raises(WaitTimeoutError, match=r"0\.40 CPUs are free, the test needs 0\.50\nNamespaces .*: e2e-a\."):
        cluster.take(other, "e2e-b", 0.5)
    cluster.take(other, "e2e-b", 0.4)

    assert cluster.begun == ["e2e-a", "e2e-b"]


def test_what_a_test_asks_for_beyond_its_word_counts(workers: tuple[Room, Room]) -> None:
    one, other = workers
    cluster = Lists()
    cluster.take(one, "e2e-a", 0.1)
    cluster.pods = [pod("e2e-a", "400m"), pod("e2e-a", "400m")]

    with pytest.raises(WaitTimeoutError, match=r"0\.20 CPUs"):
        cluster.take(other, "e2e-b", 0.3)


def test_after_a_tests_end_its_pods_count_for_what_they_are(workers: tuple[Room, Room]) -> None:
    one, other = workers
    cluster = Lists(pods=[pod("e2e-a", "100m")])
    cluster.take(one, "e2e-a", 0.6)
    one.give_back("e2e-a")
    one.give_back("e2e-a")

    cluster.take(other, "e2e-b", 0.9)


def test_another_workers_test_is_waited_for_longer_than_what_earlier_ones_left(workers: tuple[Room, Room]) -> None:
    one, other = workers
    cluster = Lists(pods=[pod("kept", "500m")])
    with pytest.raises(WaitTimeoutError, match="not within 0 s"):
        cluster.take(other, "e2e-b", 0.6)
    cluster.take(one, "e2e-a", 0.2)

    with pytest.raises(WaitTimeoutError, match=r"not within 0\.01 s"):
        cluster.take(other, "e2e-b", 0.6, replace(AT_ONCE, beside=0.01))
