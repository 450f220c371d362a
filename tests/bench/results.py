"""The figures of a run, and the form in which docs/benchmarks.json has them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

VARIANTS = frozenset({"mlserver-batching", "mlserver-default"})
"""Peers in other than the settings in which they are compared, measured at a few numbers of connections."""


@dataclass(frozen=True)
class Result:
    """One entry of the table; its names are those of docs/benchmarks.json."""

    system: str
    protocol: str
    connections: int
    rows: int
    rps: float
    """Right answers a second."""
    p50_ms: float
    p99_ms: float
    cpu_us: float
    """CPU time of all processes of the system for one request, microseconds."""
    rss_mb: float
    """Memory of all processes of the system, right after this measurement."""
    errors: int
    """Requests without a right answer."""


@dataclass(frozen=True)
class Noise:
    """How much a measurement was its own: shares of one core."""

    generator: float
    """The load generator's core that it used itself: near 1, the figure may be the generator's limit."""
    others: float
    """Of both cores, what other programs and the kernel's own work took."""
    stolen: float
    """Of both cores, what the machine's host took away."""


@dataclass(frozen=True)
class Entry:
    """A result with what says how far it can be trusted."""

    result: Result
    noise: Noise
    failures: dict[str, int]
    """Why requests failed, and how many."""


@dataclass(frozen=True)
class Ceiling:
    """What the load generator reaches against a server that does nothing."""

    transport: str
    connections: int
    rows: int
    rps: float
    cpu_us: float
    """CPU time of the generator itself for one request, microseconds. Holds on a busy machine, too."""


@dataclass(frozen=True)
class Hop:
    """What the executor adds to a server that is also asked directly."""

    protocol: str
    cpu_us: float
    """CPU time of the executor's process for one request at 64 connections (or at the most that were measured)."""
    p50_ms: float
    """Added to the median at one connection."""


@dataclass(frozen=True)
class Start:
    """How long a system took from the start of its processes, with nothing else on its core, to a right answer."""

    system: str
    family: str
    seconds: float


@dataclass(frozen=True)
class About:
    """What a reader must know to judge the figures, or to repeat them."""

    command: str
    date: str
    commit: str
    machine: dict[str, str]
    seconds: float
    """Measured for each entry."""
    took_seconds: float
    versions: dict[str, dict[str, str]]
    """Of each system: name of a package and its version."""
    systems: dict[str, str]
    """How each is run."""
    absent: list[str]
    """Sentences: what is not in the table, and why."""


@dataclass(frozen=True)
class Run:
    """Everything that one run found."""

    about: About
    entries: list[Entry] = field(default_factory=list)
    ceilings: list[Ceiling] = field(default_factory=list)
    hops: list[Hop] = field(default_factory=list)
    starts: list[Start] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """What docs/benchmarks.json holds: the table as `results`, and beside it what else the run found.

        Peers in other than their usual settings are `variants`: whoever reads `results` compares like with like.
        """
        return {
            "results": [dataclasses.asdict(e.result) for e in self.entries if e.result.system not in VARIANTS],
            "variants": [dataclasses.asdict(e.result) for e in self.entries if e.result.system in VARIANTS],
            "about": dataclasses.asdict(self.about),
            "ceilings": [dataclasses.asdict(ceiling) for ceiling in self.ceilings],
            "hops": [dataclasses.asdict(hop) for hop in self.hops],
            "starts": [dataclasses.asdict(start) for start in self.starts],
            "trust": [
                {
                    "system": entry.result.system,
                    "protocol": entry.result.protocol,
                    "connections": entry.result.connections,
                    "rows": entry.result.rows,
                    **dataclasses.asdict(entry.noise),
                    "failures": entry.failures,
                }
                for entry in self.entries
            ],
            "quoted": [dataclasses.asdict(quote) for quote in QUOTED],
        }


@dataclass(frozen=True)
class Quote:
    """A figure that is not of this run."""

    system: str
    protocol: str
    connections: int
    rows: int
    rps: float | None
    p50_ms: float | None
    p99_ms: float | None


ORCHESTRATOR = "seldon-core 1.17.1, orchestrator and Python server"
QUOTED = (
    Quote(ORCHESTRATOR, "seldon-rest", 64, 1, 470, 118, 300),
    Quote(ORCHESTRATOR, "seldon-rest", 1, 1, None, 2.2, None),
)
"""v1.17.1's orchestrator is no package that could be installed here: measured before, on a machine of this kind."""
