"""Request metrics under v1.17.1's names, kept in plain lists while requests run and shaped for Prometheus when asked.

Names, labels, buckets and quantiles: specification 3.
"""

import time
from bisect import bisect_left
from collections import deque
from collections.abc import Iterator, Sequence
from functools import lru_cache

from prometheus_client import ProcessCollector
from prometheus_client.core import HistogramMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from . import quantiles
from .nodes import Node
from .quantiles import Window

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
MAX_SERIES = 1000
_Series = tuple[list[int], list[float], deque[float]]
"""Counts of the buckets, the sum, and the last durations."""
_EDGES = [*(f"{edge:g}" for edge in BUCKETS), "+Inf"]


class Durations(Collector):
    """One histogram of seconds. A series costs a dictionary look-up and a bisection for each observation."""

    def __init__(self, name: str, text: str, labels: Sequence[str]) -> None:
        self._name = name
        self._text = text
        self._labels = tuple(labels)
        self._series: dict[tuple[str, ...], _Series] = {}
        self._windows: dict[tuple[str, ...], Window] = {}

    def observe(self, labels: tuple[str, ...], seconds: float) -> None:
        """Count one duration under these label values, in the order of the labels' names."""
        series = self._series.get(labels)
        if series is None:
            series = self._begun(labels)
        series[0][bisect_left(BUCKETS, seconds)] += 1
        series[1][0] += seconds
        series[2].append(seconds)

    def _begun(self, labels: tuple[str, ...]) -> _Series:
        """A new series. Above the limit it is one for all services: clients choose the models' names in their paths."""
        if len(self._series) >= MAX_SERIES:
            place = self._labels.index("service")
            labels = (*labels[:place], "other", *labels[place + 1 :])
        return self._series.setdefault(labels, ([0] * len(_EDGES), [0.0], deque(maxlen=quantiles.KEPT)))

    def collect(self) -> Iterator[Metric]:
        """Prometheus' view: cumulative buckets, and quantiles of what is recent."""
        now = time.monotonic()
        histogram = HistogramMetricFamily(self._name, self._text, labels=self._labels)
        summary = SummaryMetricFamily(f"{self._name}_summary", self._text, labels=self._labels)
        for labels, (counts, total, durations) in list(self._series.items()):
            running = 0
            buckets: list[tuple[str, float]] = []
            for edge, count in zip(_EDGES, counts, strict=True):
                running += count
                buckets.append((edge, float(running)))
            histogram.add_metric(labels, buckets, total[0])
            recent = self._windows.setdefault(labels, Window()).recent(running, now)
            named = dict(zip(self._labels, labels, strict=True))
            for quantile, seconds in quantiles.of(list(durations)[-recent:] if recent else ()):
                summary.add_sample(summary.name, {**named, "quantile": f"{quantile:g}"}, seconds)
            summary.add_metric(labels, running, total[0])
        yield histogram
        yield summary


class ExecutorMetrics:
    """Both histograms of one executor."""

    def __init__(self, deployment: str, predictor: str, version: str) -> None:
        own = ("deployment_name", "predictor_name", "predictor_version", "service", "method", "code")
        self._own = (deployment, predictor, version)
        self._server = Durations(
            "seldon_api_executor_server_requests_seconds", "A histogram of latencies for executor server", own
        )
        self._client = Durations(
            "seldon_api_executor_client_requests_seconds",
            "A histogram of latencies for client calls from executor",
            (*own, "model_name", "model_image", "model_version"),
        )
        self._registry = CollectorRegistry()
        self._registry.register(self._server)
        self._registry.register(self._client)
        ProcessCollector(registry=self._registry)

    def add(self, collector: Collector) -> None:
        """Show another part's metrics, too."""
        self._registry.register(collector)

    def served(self, service: str, method: str, status: int | str, seconds: float) -> None:
        """One request that the executor answered. `status` is HTTP's, or gRPC's by name."""
        self._server.observe(_served(self._own, service, method, status), seconds)

    def called(self, node: Node, path: str, method: str, status: int | str, seconds: float) -> None:
        """One answer of a node. `path` is its service: a path of HTTP, or a method of gRPC."""
        labels = _served(self._own, path, method, status)
        self._client.observe((*labels, node.name, node.model_image, node.model_version), seconds)

    def exposition(self) -> tuple[bytes, str]:
        """What Prometheus scrapes, and its content type."""
        return generate_latest(self._registry), CONTENT_TYPE_LATEST


@lru_cache(maxsize=256)
def _served(own: tuple[str, ...], service: str, method: str, status: int | str) -> tuple[str, ...]:
    """The labels that both histograms begin with."""
    return (*own, service, method.lower(), str(status))
