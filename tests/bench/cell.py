"""One measurement: a system, a protocol, a number of connections, a number of rows."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from .check import right_answers
from .load import Client, Load, run
from .payloads import Protocol
from .processes import Running, cores_busy
from .results import Entry, Noise, Result

_REASONS = 5
"""Kept of a measurement, the most frequent first."""
_FIRST = itertools.count(0, 4_999)
"""Where in the rows a measurement starts: elsewhere than the one before."""


@dataclass(frozen=True)
class Cores:
    """Which core the servers have, and which one the load generator."""

    server: int
    generator: int


@dataclass(frozen=True)
class Target:
    """What is measured."""

    system: str
    protocol: Protocol
    rows: int
    requests: Sequence[bytes]
    port: int
    client: Callable[[Load], Client]
    expected: np.ndarray
    programs: Sequence[Running]


@dataclass
class _Clock:
    """What was used so far, in seconds: by the system, and of the two cores."""

    system: float
    busy: float
    stolen: float


async def measure(target: Target, *, connections: int, warm_up: float, seconds: float, cores: Cores) -> Entry:
    """Ask for `seconds` after `warm_up`, then check every answer."""
    for program in target.programs:
        program.find_members()
    clocks: list[_Clock] = []
    pair = (cores.server, cores.generator)

    def look() -> None:
        used = sum(program.cpu_seconds() for program in target.programs)
        clocks.append(_Clock(used, *cores_busy(pair)))

    load = Load(target.requests, target.port, next(_FIRST))
    measured = await run(
        load, target.client, connections=connections, warm_up=warm_up, seconds=seconds, begin=look, end=look
    )
    memory = sum(program.memory_mb() for program in target.programs)
    before, after = clocks
    used = after.system - before.system
    right, wrong = right_answers(target.protocol, target.expected, measured.indices, measured.answers)
    times = np.asarray(measured.seconds)[right] * 1000
    failures: Counter[str] = measured.failures + wrong
    asked = len(measured.answers) + sum(measured.failures.values())
    result = Result(
        system=target.system,
        protocol=target.protocol.name,
        connections=connections,
        rows=target.rows,
        rps=round(len(times) / measured.wall, 1),
        p50_ms=_percentile(times, 50),
        p99_ms=_percentile(times, 99),
        cpu_us=round(used / max(asked, 1) * 1e6, 1),
        rss_mb=round(memory, 1),
        errors=sum(failures.values()),
    )
    noise = Noise(
        generator=round(measured.busy / measured.wall, 3),
        others=round(max(after.busy - before.busy - used - measured.busy, 0) / measured.wall, 3),
        stolen=round((after.stolen - before.stolen) / measured.wall, 3),
    )
    return Entry(result, noise, dict(failures.most_common(_REASONS)))


def _percentile(times: np.ndarray, share: float) -> float:
    """Milliseconds; 0 where nothing was answered rightly."""
    return round(float(np.percentile(times, share)), 3) if len(times) else 0.0
