"""Turns of several workers: each has its own open files, as a process of its own would."""

from __future__ import annotations

import fcntl
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.e2e.harness.turns import TurnError, Turns
from tests.e2e.harness.waiting import wait_for

SECONDS = 10.0
HOLDS = """
import sys
from pathlib import Path
from tests.e2e.harness.turns import Turns
with Turns(Path(sys.argv[1])).alone():
    print("alone", flush=True)
    sys.stdin.read()
"""


def never() -> None:
    pytest.fail("there was nothing to prepare")


def ready(turns: Turns) -> AbstractContextManager[None]:
    return turns.shared(lambda: True, never)


class Other:
    """A worker in a thread that wants a turn and leaves it again at once."""

    def __init__(self, turn: AbstractContextManager[None], said: list[str], name: str) -> None:
        def work() -> None:
            with turn:
                said.append(name)

        self._thread = threading.Thread(target=work, daemon=True)
        self._thread.start()

    def ended(self) -> None:
        self._thread.join(SECONDS)
        assert not self._thread.is_alive()


def wait_locked(folder: Path, name: str) -> None:
    """Wait until somebody holds a lock."""

    def locked() -> None:
        with (folder / f"{name}.lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
        raise AssertionError(f"nobody holds {name}")

    wait_for(locked, what=f"lock {name}", seconds=SECONDS, interval=0.01)


def test_who_shares_works_beside_others(tmp_path: Path) -> None:
    said: list[str] = []
    with ready(Turns(tmp_path)):
        Other(ready(Turns(tmp_path)), said, "beside").ended()

    assert said == ["beside"]


def test_who_is_alone_waits_for_those_before_and_is_waited_for_by_those_behind(tmp_path: Path) -> None:
    said: list[str] = []
    with ready(Turns(tmp_path)):
        alone = Other(Turns(tmp_path).alone(), said, "alone")
        wait_locked(tmp_path, "gate")
        behind = Other(ready(Turns(tmp_path)), said, "behind")
        said.append("before")
    alone.ended()
    behind.ended()

    assert said == ["before", "alone", "behind"]


def test_what_is_not_ready_is_prepared_alone_and_shared_then(tmp_path: Path) -> None:
    first, second = Turns(tmp_path), Turns(tmp_path)
    said: list[str] = []
    with ready(first):
        other = Other(second.shared(lambda: False, lambda: said.append(f"alone: {second.alone_now}")), said, "in")
        wait_locked(tmp_path, "gate")
        said.append("before")
    other.ended()

    assert said == ["before", "alone: True", "in"]
    assert not second.alone_now


def test_two_who_find_it_not_ready_prepare_it_once(tmp_path: Path) -> None:
    prepared: list[str] = []
    said: list[str] = []

    def turn() -> AbstractContextManager[None]:
        return Turns(tmp_path).shared(lambda: bool(prepared), lambda: prepared.append("once"))

    others = [Other(turn(), said, "in") for _ in range(4)]
    for other in others:
        other.ended()

    assert (prepared, said) == (["once"], ["in"] * 4)


def test_a_preparation_that_fails_is_told_and_leaves_no_turn(tmp_path: Path) -> None:
    turns = Turns(tmp_path)

    def fail() -> None:
        raise ValueError("no chart")

    with pytest.raises(ValueError, match="no chart"), turns.shared(lambda: False, fail):
        pytest.fail("it was not prepared")

    with Turns(tmp_path).alone(), pytest.raises(BlockingIOError), (tmp_path / "turn.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    with turns.alone():
        assert turns.alone_now


def test_a_tests_turn_is_part_of_its_modules(tmp_path: Path) -> None:
    turns = Turns(tmp_path)
    said: list[str] = []
    with ready(turns):
        other = Other(Turns(tmp_path).alone(), said, "alone")
        wait_locked(tmp_path, "gate")
        with ready(turns):
            said.append("test")
        said.append("module")
    other.ended()

    assert said == ["test", "module", "alone"]


@pytest.mark.parametrize(
    "inner", [Turns.alone, lambda turns: turns.shared(lambda: False, never)], ids=["alone", "other profile"]
)
def test_a_modules_turn_cannot_become_another_one(
    tmp_path: Path, inner: Callable[[Turns], AbstractContextManager[None]]
) -> None:
    turns = Turns(tmp_path)

    with ready(turns), pytest.raises(TurnError, match="shared_workspace"), inner(turns):
        pytest.fail("others may be at work")


def test_the_last_worker_knows_that_it_is(tmp_path: Path) -> None:
    first, second = Turns(tmp_path), Turns(tmp_path)

    with first.leaving() as last:
        assert not last
    with second.leaving() as last:
        assert last
        assert second.alone_now
    with Turns(tmp_path).leaving() as last:
        assert last


def test_a_worker_that_was_killed_holds_nobody_up(tmp_path: Path) -> None:
    command = (sys.executable, "-c", HOLDS, str(tmp_path))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "alone\n"
        process.kill()
        process.wait(SECONDS)

    turns = Turns(tmp_path)
    with turns.alone():
        assert turns.alone_now
    with turns.leaving() as last:
        assert last
