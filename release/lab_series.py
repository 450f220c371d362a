"""What the report draws of a load: the rate, the latency and the failures of each second, with what happened when."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from math import ceil

from tests.e2e.harness.load import Change
from tests.e2e.harness.loadgen import Record

from .outcome import Series


def series_of(records: Sequence[Record], changes: Sequence[Change]) -> tuple[Series, ...]:
    """Requests a second, median and 99th percentile in ms, and failures, by the second in which they were sent.

    The last second, which is not a whole one, is left out.
    """
    if not records:
        return ()
    begin = min(record.sent for record in records)
    seconds: dict[int, list[Record]] = defaultdict(list)
    for record in records:
        seconds[int(record.sent - begin)].append(record)
    whole = [(float(second), seconds.get(second, [])) for second in range(max(seconds))]
    marks = tuple((change.begin - begin, change.name) for change in changes)
    latency = [(second, sorted(1000 * each.seconds for each in sent)) for second, sent in whole if sent]
    return (
        Series("requests", "1/s", tuple((second, float(len(sent))) for second, sent in whole), marks),
        Series("latency, median", "ms", tuple((second, percentile(times, 50)) for second, times in latency), marks),
        Series("latency, p99", "ms", tuple((second, percentile(times, 99)) for second, times in latency), marks),
        Series(
            "failed requests",
            "1/s",
            tuple((second, float(sum(bool(each.kind) for each in sent))) for second, sent in whole),
            marks,
        ),
    )


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The least value that so many percent of them do not exceed, by nearest rank."""
    return ordered[max(0, ceil(len(ordered) * percent / 100) - 1)]


def figures_of(records: Sequence[Record], changes: Sequence[Change]) -> dict[str, float]:
    """Counts and latencies of a whole load, and how long each change took, in s."""
    if not records:
        return {"requests": 0.0, "failed requests": 0.0}
    times = sorted(1000 * record.seconds for record in records)
    figures = {
        "requests": float(len(records)),
        "failed requests": float(sum(bool(record.kind) for record in records)),
        "slowest answer, ms": round(times[-1], 1),
        "latency p99, ms": round(percentile(times, 99), 1),
    }
    return figures | {f"{change.name}, s": round(change.end - change.begin, 1) for change in changes}
