"""CPU time, memory and the end of programs with children."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench.processes import Program, ProgramError, Running, cores_busy, free_ports, stop_all

CORE = max(os.sched_getaffinity(0))
BUSY = "import os,time\nif os.fork() == 0:\n  while True: pass\nprint('up', flush=True)\ntime.sleep(600)"
"""A parent that waits and a child that works."""


def until_printed(log: Path, text: str) -> None:
    deadline = time.monotonic() + 20
    while text not in (log.read_text() if log.exists() else ""):
        assert time.monotonic() < deadline, f"{text!r} is not in {log}"
        os.sched_yield()


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[Running]:
    running = Running(Program("busy", [sys.executable, "-c", BUSY]), CORE, tmp_path / "log")
    until_printed(tmp_path / "log", "up")
    running.find_members()
    yield running
    running.kill()


def test_the_time_of_children_counts(busy: Running) -> None:
    before = busy.cpu_seconds()
    deadline = time.monotonic() + 20
    while busy.cpu_seconds() < before + 0.05:
        assert time.monotonic() < deadline, "the child's work is not seen"


def test_all_its_processes_are_on_the_core_that_it_was_given(busy: Running) -> None:
    assert len(busy._members) == 2
    assert all(os.sched_getaffinity(pid) == {CORE} for pid in busy._members)


def test_starting_leaves_this_process_on_its_own_cores(tmp_path: Path) -> None:
    own = os.sched_getaffinity(0)
    running = Running(Program("short", ["true"]), CORE, tmp_path / "log")
    running.kill()

    assert os.sched_getaffinity(0) == own


def test_shared_pages_count_once(busy: Running) -> None:
    each = [int((Path("/proc") / str(pid) / "statm").read_text().split()[1]) for pid in busy._members]
    page = os.sysconf("SC_PAGE_SIZE") / 1e6

    assert max(each) * page <= busy.memory_mb() + 1
    assert busy.memory_mb() < sum(each) * page


def test_children_end_with_it(busy: Running) -> None:
    members = list(busy._members)
    stop_all([busy])

    assert len(members) == 2
    busy.find_members()
    assert busy._members == []


def test_a_program_that_ended_is_named_with_its_last_line(tmp_path: Path) -> None:
    program = Program("broken", [sys.executable, "-c", "print('first', flush=True); raise SystemExit('no model')"])
    running = Running(program, CORE, tmp_path / "log")
    running._process.wait(20)

    with pytest.raises(ProgramError, match="broken ended with status 1: no model") as raised:
        running.check()
    assert "first" in str(raised.value)
    running.kill()


def test_free_ports_differ() -> None:
    assert len(set(free_ports(20))) == 20


def test_the_machine_s_own_clock_goes_on() -> None:
    busy, _ = cores_busy([CORE])
    deadline = time.monotonic() + 20
    while cores_busy(sorted(os.sched_getaffinity(0)))[0] <= busy:
        assert time.monotonic() < deadline
