"""The metrics that a user's class reports: checked, kept, shown to Prometheus. Source: specification 4."""

import os
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from .errors import BAD_METRIC, MicroserviceError
from .settings import Identity

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
_BINS = 50
_EDGES = tuple(0.001 * (30 / 0.001) ** (i / (_BINS - 1)) for i in range(_BINS))  # seconds, 1 ms to 30 s
_TYPES = frozenset({"COUNTER", "GAUGE", "TIMER"})

Labels = tuple[tuple[str, str], ...]


def checked(metrics: Any) -> list[dict[str, Any]]:
    """A class's metrics. Raises MicroserviceError (500) for what is none."""
    if not isinstance(metrics, list) or not all(_is_metric(metric) for metric in metrics):
        raise MicroserviceError(f"Bad metric created during request: {metrics!r}"[:500], 500, BAD_METRIC)
    return metrics


def _is_metric(metric: Any) -> bool:
    if not isinstance(metric, dict) or metric.get("type") not in _TYPES:
        return False
    key, value, tags = metric.get("key"), metric.get("value"), metric.get("tags", {})
    if not isinstance(key, str) or not key:  # a family without a name would fail every scrape from then on
        return False
    return isinstance(value, (int, float)) and not isinstance(value, bool) and isinstance(tags, dict)


class CustomMetrics(Collector):
    """All values since the start, by name and labels."""

    def __init__(self, identity: Identity) -> None:
        name, _, version = identity.image.rpartition(":")
        if not name or "/" in version:  # no version: what follows the colon is a registry's port and a path
            name, version = identity.image, ""
        self._labels = {
            "deployment_name": identity.deployment,
            "seldon_deployment_name": identity.deployment,
            "model_name": identity.unit,
            "model_image": name,
            "image_name": name,
            "model_version": version,
            "image_version": version,
            "predictor_name": identity.predictor,
            "predictor_version": identity.predictor_version,
            "worker_id": str(os.getpid()),
        }
        self._counters: dict[str, dict[Labels, float]] = {}
        self._gauges: dict[str, dict[Labels, float]] = {}
        self._timers: dict[str, dict[Labels, tuple[list[int], list[float]]]] = {}
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def record(self, metrics: Sequence[Mapping[str, Any]], method: str) -> None:
        """Keep the checked metrics of one request to `method`."""
        for metric in metrics:
            labels = self._labelled(metric.get("tags", {}), method)
            key, value = metric["key"], float(metric["value"])
            if metric["type"] == "COUNTER":
                series = self._counters.setdefault(key, {})
                series[labels] = series.get(labels, 0.0) + value
            elif metric["type"] == "GAUGE":
                self._gauges.setdefault(key, {})[labels] = value
            else:
                counts, total = self._timers.setdefault(key, {}).setdefault(labels, ([0] * (_BINS + 1), [0.0]))
                counts[bisect_left(_EDGES, value / 1000)] += 1  # reported in ms, shown in seconds
                total[0] += value / 1000

    def reward(self, value: float) -> None:
        """Count one feedback; one without a reward does not count, as in v1.17.1."""
        if not value:
            return
        labels = self._labelled({}, "feedback")
        for key, amount in (("seldon_api_model_feedback", 1.0), ("seldon_api_model_feedback_reward", value)):
            series = self._counters.setdefault(key, {})
            series[labels] = series.get(labels, 0.0) + amount

    def _labelled(self, tags: Mapping[str, Any], method: str) -> Labels:
        labels = self._labels | {str(name): str(value) for name, value in tags.items()} | {"method": method}
        return tuple(sorted(labels.items()))

    def collect(self) -> Iterator[Metric]:
        """Prometheus' view: one family a name, whatever labels its series have."""
        for key, series in list(self._counters.items()):
            counter = CounterMetricFamily(key, "")
            for labels, value in list(series.items()):
                counter.add_sample(f"{counter.name}_total", dict(labels), value)
            yield counter
        for key, series in list(self._gauges.items()):
            gauge = GaugeMetricFamily(key, "")
            for labels, value in list(series.items()):
                gauge.add_sample(key, dict(labels), value)
            yield gauge
        for key, timers in list(self._timers.items()):
            yield _histogram(key, timers)

    def exposition(self) -> tuple[bytes, str]:
        """What Prometheus scrapes, and its content type."""
        return generate_latest(self._registry), CONTENT_TYPE_PLAIN_0_0_4


def _histogram(key: str, timers: dict[Labels, tuple[list[int], list[float]]]) -> Metric:
    histogram = HistogramMetricFamily(key, "")
    for labels, (counts, total) in list(timers.items()):
        running = 0
        for edge, count in zip((*_EDGES, "+Inf"), counts, strict=True):
            running += count
            histogram.add_sample(f"{key}_bucket", dict(labels) | {"le": str(edge)}, running)
        histogram.add_sample(f"{key}_count", dict(labels), running)
        histogram.add_sample(f"{key}_sum", dict(labels), total[0])
    return histogram


def copied(metrics: Sequence[Mapping[str, Any]], method: str) -> list[dict[str, Any]]:
    """The metrics as an answer's meta shows them: those with tags are told the method too."""
    return [
        {**metric, "tags": {**metric["tags"], "method": method}} if metric.get("tags") else dict(metric)
        for metric in metrics
    ]
