"""Request metrics under v1.17.1's names, kept in plain lists while requests run and shaped for Prometheus when asked.

Names, labels and buckets: specification 3. The `_summary` twins carry sum and count; their quantiles are not computed,
because a histogram answers the same question over any number of pods.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from prometheus_client import ProcessCollector
from prometheus_client.core import HistogramMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from .nodes import Node

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
_EDGES = [*(f"{edge:g}" for edge in BUCKETS), "+Inf"]


class Durations(Collector):
    """One histogram of seconds. A series costs a dictionary look-up and a bisection for each observation."""

    def __init__(self, name: str, text: str, labels: Sequence[str]) -> None:
        self._name = name
        self._text = text
        self._labels = tuple(labels)
        self._series: dict[tuple[str, ...], tuple[list[int], list[float]]] = {}

    def observe(self, labels: tuple[str, ...], seconds: float) -> None:
        """Count one duration under these label values, in the order of the labels' names."""
        series = self._series.get(labels)
        if series is None:
            series = self._series[labels] = ([0] * len(_EDGES), [0.0])
        series[0][bisect_left(BUCKETS, seconds)] += 1
        series[1][0] += seconds

    def collect(self) -> Iterator[Metric]:
        """Prometheus' view: cumulative buckets."""
        histogram = HistogramMetricFamily(self._name, self._text, labels=self._labels)
        summary = SummaryMetricFamily(f"{self._name}_summary", self._text, labels=self._labels)
        for labels, (counts, total) in list(self._series.items()):
            running = 0
            buckets: list[tuple[str, float]] = []
            for edge, count in zip(_EDGES, counts, strict=True):
                running += count
                buckets.append((edge, float(running)))
            histogram.add_metric(labels, buckets, total[0])
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

    def served(self, service: str, method: str, status: int | str, seconds: float) -> None:
        """One request that the executor answered. `status` is HTTP's, or gRPC's by name."""
        self._server.observe((*self._own, service, method.lower(), str(status)), seconds)

    def called(self, node: Node, path: str, method: str, status: int | str, seconds: float) -> None:
        """One answer of a node. `path` is its service: a path of HTTP, or a method of gRPC."""
        labels = (*self._own, path, method.lower(), str(status), node.name, node.model_image, node.model_version)
        self._client.observe(labels, seconds)

    def exposition(self) -> tuple[bytes, str]:
        """What Prometheus scrapes, and its content type."""
        return generate_latest(self._registry), CONTENT_TYPE_LATEST
