"""A processor limit as the kubelet sets it for a container: a control group with the kernel's CFS quota."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PERIOD_MICROSECONDS = 100_000
"""The kubelet's."""
_ROOT = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Limit:
    """A control group, or none.

    Attributes:
        folder: Of the group; None where this machine lets nobody make one.
        how: What was done, for the report.
    """

    folder: Path | None
    how: str

    def enter(self) -> None:
        """Put the calling process into the group. For `preexec_fn`."""
        if self.folder:
            (self.folder / "cgroup.procs").write_text(str(os.getpid()))

    def throttled_seconds(self) -> float:
        """For how long the group has been held back."""
        if self.folder is None:
            return 0.0
        stat = dict(line.split() for line in (self.folder / "cpu.stat").read_text().splitlines())
        if "throttled_usec" in stat:
            return int(stat["throttled_usec"]) / 1e6
        return int(stat.get("throttled_time", 0)) / 1e9


@contextlib.contextmanager
def limited(cores: float, name: str = "seldon-bench") -> Iterator[Limit]:
    """A group that gets so many cores; cgroup v1 and v2. Nothing may be left in it at the end.

    Without the right to make one the limit is none, and its `how` says so.
    """
    quota = int(cores * PERIOD_MICROSECONDS)
    if (_ROOT / "cgroup.controllers").exists():
        folder, file, text = _ROOT / name, "cpu.max", f"{quota} {PERIOD_MICROSECONDS}"
    else:
        folder, file, text = _ROOT / "cpu" / name, "cpu.cfs_quota_us", str(quota)
    try:
        folder.mkdir(exist_ok=True)
        (folder / file).write_text(text)
    except OSError as refused:
        yield Limit(None, f"none: {refused.filename} cannot be written, {refused.strerror}")
        return
    try:
        yield Limit(folder, f"{cores:g} cores: {file} of {folder} is {text}")
    finally:
        folder.rmdir()
