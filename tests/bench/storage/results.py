"""The figures of a run, and what is promised of them."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field

from .measure import Measured
from .systems import KSERVE, OURS, PLAIN

LEAST_OF_PLAIN = 0.9
LEAST_OF_PEER = 2.0
MOST_MIB = 100
MOST_RESTART_SECONDS = 0.3
LARGE = 2 * 1024**3
"""Bytes of the model for which it is promised."""


@dataclass(frozen=True)
class Download:
    """One entry of the table; its names are those of docs/benchmarks.json. Figures are medians over the rounds."""

    system: str
    workload: str
    bytes: int
    files: int
    seconds: float
    mb_per_s: float
    cpu_seconds: float
    peak_mib: float
    of_plain_read: float | None
    """Its rate beside that of the plain read of the same round."""
    errors: int
    """Runs that failed, or left other contents than those of the store."""
    rounds: int


@dataclass(frozen=True)
class Verdict:
    """A target, what was found, and whether it is met."""

    target: str
    found: str
    met: bool


@dataclass
class Found:
    """What a run finds, by workload and system; a round has one entry of each system."""

    measured: dict[tuple[str, str], list[Measured]] = field(default_factory=dict)
    errors: dict[tuple[str, str], int] = field(default_factory=dict)
    restarts: list[float] = field(default_factory=list)

    def add(self, workload: str, system: str, measured: Measured, *, right: bool) -> None:
        """Note one run."""
        self.measured.setdefault((workload, system), []).append(measured)
        self.errors[workload, system] = self.errors.get((workload, system), 0) + (not right)

    def download(self, workload: str, system: str, size: int, files: int) -> Download:
        """Return the entry of the table."""
        runs = self.measured[workload, system]
        seconds = statistics.median(run.seconds for run in runs)
        ratio = self.ratio(workload, system, PLAIN) if (workload, PLAIN) in self.measured else None
        return Download(
            system=system,
            workload=workload,
            bytes=size,
            files=files,
            seconds=round(seconds, 3),
            mb_per_s=round(size / seconds / 1e6, 1),
            cpu_seconds=round(statistics.median(run.cpu_seconds for run in runs), 2),
            peak_mib=round(max(run.peak_mib for run in runs), 1),
            of_plain_read=None if ratio is None else round(ratio, 3),
            errors=self.errors[workload, system],
            rounds=len(runs),
        )

    def ratio(self, workload: str, system: str, other: str) -> float:
        """How many times as fast as another system: the median of what the rounds say."""
        pairs = zip(self.measured[workload, other], self.measured[workload, system], strict=True)
        return statistics.median(theirs.seconds / own.seconds for theirs, own in pairs)


def verdicts(downloads: list[Download], found: Found) -> list[Verdict]:
    """What is promised of large models, and whether this run kept it."""
    result = []
    for own in (each for each in downloads if each.system == OURS and each.bytes >= LARGE and each.files == 1):
        name = own.workload
        if own.of_plain_read is not None:
            target = f"{name}: at least {LEAST_OF_PLAIN:.0%} of a plain read to the disk"
            result.append(Verdict(target, f"{own.of_plain_read:.0%}", own.of_plain_read >= LEAST_OF_PLAIN))
        if (name, KSERVE) in found.measured:
            ratio = found.ratio(name, OURS, KSERVE)
            target = f"{name}: at least {LEAST_OF_PEER:g}x {KSERVE}"
            result.append(Verdict(target, f"{ratio:.2f}x", ratio >= LEAST_OF_PEER))
        peak = own.peak_mib
        result.append(Verdict(f"{name}: at most {MOST_MIB} MiB of memory", f"{peak:.0f} MiB", peak <= MOST_MIB))
    if found.restarts:
        spent = statistics.median(found.restarts)
        target = f"a restart beside a whole model: at most {MOST_RESTART_SECONDS:g} s"
        result.append(Verdict(target, f"{spent:.2f} s", spent <= MOST_RESTART_SECONDS))
    return result
