"""One run of a program: its time, its processor's time and its memory, with all that it starts."""

from __future__ import annotations

import mmap
import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_PAUSE_SECONDS = 0.03


@dataclass(frozen=True)
class Program:
    """What is run."""

    command: Sequence[str]
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Measured:
    """What a run took. `peak_mib` is the most that its processes had at once, each with its own peak until then."""

    status: int
    seconds: float
    cpu_seconds: float
    peak_mib: float


def settle(size: int) -> None:
    """Let nothing of what came before be done in a run's time.

    What is still to be written is written now. And there is free memory for so many bytes: where the kernel has to take
    it from files that it keeps, whoever writes first pays for that.
    """
    os.sync()
    lines = Path("/proc/meminfo").read_text().splitlines()
    free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemFree:"))
    available = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    if free < size < available // 2:
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE
        mmap.mmap(-1, size, flags=flags).close()


def run(program: Program, log: Path) -> Measured:
    """Run it to its end; what it prints goes into the log."""
    with log.open("wb") as out:
        began = time.perf_counter()
        process = subprocess.Popen(
            program.command,
            env=dict(program.environment),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
        watch = _Watch(process.pid)
        watch.start()
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    # Not what wait4 tells: that counts what this program has, from which it was forked.
    return Measured(process.returncode, seconds, used.ru_utime + used.ru_stime, watch.stop() / 1024)


class _Watch(threading.Thread):
    """Looks at a process and its children while they run: the kernel keeps the peak of each."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._peak = 0
        self._pid = pid
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(_PAUSE_SECONDS):
            self._peak = max(self._peak, sum(_peak(pid) for pid in _family(self._pid)))

    def stop(self) -> int:
        """Look no more; KiB."""
        self._over.set()
        self.join()
        return self._peak


def _family(pid: int) -> list[int]:
    """A process and all below it. Not by session: programs start others in sessions of their own."""
    found = [pid]
    for member in found:
        for children in Path(f"/proc/{member}/task").glob("*/children"):
            try:
                found += [int(word) for word in children.read_text().split()]
            except OSError:  # it has ended
                continue
    return found


def _peak(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)
