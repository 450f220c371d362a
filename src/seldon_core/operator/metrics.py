"""The controller's few metrics in Prometheus' text format.

Counters, gauges and one kind of histogram are all that is needed, so the operator's image does without a client
library.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

Labels = tuple[tuple[str, str], ...]


@dataclass
class Counter:
    """A number that only grows, one for each set of labels."""

    name: str
    help: str
    values: dict[Labels, float] = field(default_factory=dict)

    def increment(self, **labels: str) -> None:
        """Count one more."""
        key = tuple(sorted(labels.items()))
        self.values[key] = self.values.get(key, 0.0) + 1.0

    def lines(self) -> Iterator[str]:
        """The exposition."""
        yield from _head(self.name, self.help, "counter")
        for labels, value in sorted(self.values.items()):
            yield _sample(self.name, dict(labels), value)


@dataclass
class Gauge:
    """A number that is read when it is asked for."""

    name: str
    help: str
    read: Callable[[], float]

    def lines(self) -> Iterator[str]:
        """The exposition."""
        yield from _head(self.name, self.help, "gauge")
        yield _sample(self.name, {}, self.read())


@dataclass
class Histogram:
    """How long something took, in seconds."""

    name: str
    help: str
    counts: list[int] = field(default_factory=lambda: [0] * (len(_BUCKETS) + 1))
    total: float = 0.0

    def observe(self, seconds: float) -> None:
        """Count one duration."""
        self.total += seconds
        self.counts[next((n for n, bound in enumerate(_BUCKETS) if seconds <= bound), len(_BUCKETS))] += 1

    def lines(self) -> Iterator[str]:
        """The exposition."""
        yield from _head(self.name, self.help, "histogram")
        so_far = 0
        for bound, count in zip((*map(str, _BUCKETS), "+Inf"), self.counts, strict=True):
            so_far += count
            yield _sample(f"{self.name}_bucket", {"le": bound}, so_far)
        yield _sample(f"{self.name}_sum", {}, self.total)
        yield _sample(f"{self.name}_count", {}, so_far)


class Metrics:
    """All of them. Names begin with `seldon_operator_`."""

    def __init__(
        self, *, queue_depth: Callable[[], float] = lambda: 0.0, leading: Callable[[], float] = lambda: 1.0
    ) -> None:
        self.reconciles = Counter("seldon_operator_reconciles_total", "Reconciles by their result.")
        self.writes = Counter("seldon_operator_writes_total", "Writes to the API server by kind and verb.")
        self.admissions = Counter("seldon_operator_admissions_total", "Answers of the webhook.")
        self.duration = Histogram("seldon_operator_reconcile_seconds", "Duration of a reconcile.")
        self.queue_depth = Gauge("seldon_operator_queue_depth", "SeldonDeployments that wait.", queue_depth)
        self.leading = Gauge("seldon_operator_leading", "1 where this process does the work.", leading)

    def expose(self) -> str:
        """The text that Prometheus reads."""
        each = (self.reconciles, self.writes, self.admissions, self.duration, self.queue_depth, self.leading)
        return "\n".join(line for metric in each for line in metric.lines()) + "\n"


def _head(name: str, text: str, kind: str) -> tuple[str, str]:
    return f"# HELP {name} {text}", f"# TYPE {name} {kind}"


def _sample(name: str, labels: Mapping[str, str], value: float) -> str:
    inside = ",".join(f'{key}="{_escape(text)}"' for key, text in labels.items())
    return f"{name}{{{inside}}} {value:g}" if inside else f"{name} {value:g}"


def _escape(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
