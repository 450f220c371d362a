"""How the suite is given to workers."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests.e2e.harness import workers

LOADS = ["iris through contour, in all: 1 requests"]


def config(*, keyword: str = "", arguments: tuple[str, ...] = ("tests/e2e",)) -> Any:
    return SimpleNamespace(option=SimpleNamespace(keyword=keyword), args=list(arguments))


@pytest.mark.parametrize(
    ("given", "count"),
    [
        (config(), 2),
        (config(keyword="chain"), 0),
        (config(arguments=("tests/e2e/test_graphs.py",)), 2),
        (config(arguments=("tests/e2e/test_graphs.py::test_chain",)), 0),
    ],
    ids=["all", "-k", "a module", "a test"],
)
def test_tests_that_somebody_has_picked_out_do_not_wait_for_workers(
    monkeypatch: pytest.MonkeyPatch, given: Any, count: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)))

    assert workers.wanted(given) == count


def test_workers_share_a_folder_that_is_the_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    assert workers.folder(tmp_path) == tmp_path / "shared"

    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw0")
    found = {workers.folder(tmp_path / f"popen-{name}") for name in ("gw0", "gw1")}
    assert found == {tmp_path / "shared"}


def test_each_test_is_given_alone_but_for_those_that_share_a_namespace() -> None:
    asked = SimpleNamespace(option=SimpleNamespace(loadscopereorder=True), getvalue={"tx": ["popen", "popen"]}.get)

    given = workers.scheduler(asked, None, ["test_graphs.py"])  # type: ignore[arg-type] # what is asked of it is there

    assert isinstance(given, LoadScopeScheduling)
    nodes = ("tests/e2e/test_graphs.py::test_chain[rest]", "tests/e2e/test_bucket_root.py::test_j[a::b]")
    assert [given._split_scope(node) for node in nodes] == ["tests/e2e/test_graphs.py", nodes[1]]
    assert not asked.option.loadscopereorder, "the order that the suite gives its tests would be lost"


class Node:
    """A worker that writes down what it is given."""

    shutting_down = False

    def __init__(self, name: str) -> None:
        self.gateway = SimpleNamespace(id=name)
        self.given: list[int] = []

    def send_runtest_some(self, indices: list[int]) -> None:
        self.given += indices

    def shutdown(self) -> None:
        self.shutting_down = True


def test_a_worker_knows_its_next_test_and_no_more() -> None:
    option = SimpleNamespace(loadscopereorder=True)
    asked = SimpleNamespace(option=option, getvalue={"tx": ["popen", "popen"]}.get)
    given: Any = workers.scheduler(asked, Producer("test"), ["test_b.py"])  # type: ignore[arg-type]
    one, other = Node("gw0"), Node("gw1")
    tests = [*(f"test_a.py::test_{number}" for number in range(4)), "test_b.py::test_x", "test_b.py::test_y"]
    for node in (one, other):
        given.add_node(node)
        given.add_node_collection(node, tests)

    given.schedule()
    assert (one.given, other.given) == ([0, 2], [1, 3])
    given.mark_test_complete(one, 0)
    assert (one.given, other.given) == ([0, 2, 4, 5], [1, 3])
    assert not one.shutting_down
    given.mark_test_complete(other, 1)
    assert other.shutting_down, "nothing is left for it to wait for"


def test_what_workers_say_of_their_loads_comes_together() -> None:
    worker, controller = SimpleNamespace(workeroutput={}), SimpleNamespace()
    workers.tell(worker, LOADS)  # type: ignore[arg-type] # what is asked of it is there
    workers.tell(controller, LOADS)  # type: ignore[arg-type]

    assert workers.told(worker) == LOADS
    assert workers.told(SimpleNamespace()) == [], "a worker that broke down says nothing"
