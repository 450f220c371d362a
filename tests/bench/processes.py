"""Programs that are measured: started on one core, with their CPU time and memory read from /proc."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")
_STOP_SECONDS = 15.0
_PAUSE_SECONDS = 0.05
_TAIL = 25


class ProgramError(Exception):
    """A program ended or does not answer. `reason` is one line; the text shows the end of its log, too."""

    def __init__(self, reason: str, log: str = "") -> None:
        super().__init__(f"{reason}:\n{log}" if log else reason)
        self.reason = reason


@dataclass(frozen=True)
class Program:
    """What is started: one container's process with its children."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None


class Running:
    """A program under way, in a session of its own, by which its processes are found."""

    def __init__(self, program: Program, core: int, log: Path) -> None:
        """Start it on one core."""
        self.name = program.name
        self._log = log
        self.started = time.monotonic()
        own = os.sched_getaffinity(0)
        # A child inherits the affinity of the thread that starts it.
        os.sched_setaffinity(0, {core})
        try:
            with log.open("wb") as out:
                self._process = subprocess.Popen(
                    program.command,
                    cwd=program.folder,
                    # tox forbids byte code to be kept; in an image it is.
                    env={**os.environ, "PYTHONDONTWRITEBYTECODE": "", **program.environment},
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        finally:
            os.sched_setaffinity(0, own)
        self._members: list[int] = [self._process.pid]

    def check(self) -> None:
        """Raise ProgramError where it has ended."""
        if self._process.poll() is not None:
            log = self.log_tail()
            last = log.splitlines()[-1] if log else "it printed nothing"
            raise ProgramError(f"{self.name} ended with status {self._process.returncode}: {last}", log)

    def log_tail(self) -> str:
        """The end of what it printed."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-_TAIL:])

    def find_members(self) -> None:
        """Look which processes belong to it now. Costs some milliseconds: not while the clock runs."""
        self._members = [pid for pid in _pids() if _is_of(pid, self._process.pid)]

    def cpu_seconds(self) -> float:
        """What the processes that `find_members` found have spent on a core, as user and as system."""
        return sum(_cpu_ticks(pid) for pid in self._members) / _TICK

    def memory_mb(self) -> float:
        """Resident memory, in MB of 10^6 octets. What its processes share through fork counts once.

        For one process this is its RSS. For several it is the sum of what each has for itself, and the largest share.
        """
        pages = [found for pid in self._members if (found := _memory_kb(pid))]
        private = sum(own for own, _ in pages)
        return (private + max((shared for _, shared in pages), default=0)) * 1024 / 1e6

    def kill(self) -> None:
        """SIGKILL to all its processes, until none is left: nothing of a measured system is worth a slow end."""
        deadline = time.monotonic() + _STOP_SECONDS
        while time.monotonic() < deadline:
            self.find_members()
            if self._process.poll() is not None and not self._members:
                return
            for pid in self._members:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_PAUSE_SECONDS)
        raise ProgramError(f"{self.name} cannot be ended: its processes {self._members} are still there")


def stop_all(programs: Sequence[Running]) -> None:
    """End programs, the last first."""
    for program in reversed(programs):
        program.kill()


def free_ports(count: int) -> list[int]:
    """Ports of the loopback that nobody listens on."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


def cores_busy(cores: Sequence[int]) -> tuple[float, float]:
    """Seconds that the given cores have been at work since the machine started, and how many the host took away."""
    busy = stolen = 0
    wanted = {f"cpu{core}" for core in cores}
    for line in Path("/proc/stat").read_text().splitlines():
        words = line.split()
        if words[0] in wanted:
            user, nice, system, _idle, _iowait, irq, softirq, steal = (int(word) for word in words[1:9])
            busy += user + nice + system + irq + softirq
            stolen += steal
    return busy / _TICK, stolen / _TICK


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third on: a process's name may hold spaces and brackets."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _is_of(pid: int, session: int) -> bool:
    """Whether a process is of a session and has not ended (Z: ended, and its parent has not asked how)."""
    words = _stat(pid)
    return bool(words) and int(words[3]) == session and words[0] != "Z"


def _cpu_ticks(pid: int) -> int:
    words = _stat(pid)
    return int(words[11]) + int(words[12]) if words else 0


def _memory_kb(pid: int) -> tuple[int, int] | None:
    """What a process has for itself and what it shares, in KiB; nothing where it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return None
    values = {line.split(":")[0]: int(line.split()[1]) for line in lines if line.endswith("kB")}
    private = values.get("Private_Clean", 0) + values.get("Private_Dirty", 0)
    return private, values.get("Rss", 0) - private
