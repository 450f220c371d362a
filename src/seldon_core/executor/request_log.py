"""The request logger: events wait in a bounded queue, and workers post them. No request waits for it, or fails by it.

An event that finds the queue full waits for room as long as the write timeout says, outside its request, and is dropped
then; so is one that would take more memory than all waiting events may have. What became of events is counted.
Source: specification 3 (request logger); v1.17.1 has the same queue, wait and number of workers.
"""

import asyncio
import logging
import ssl
from collections import deque
from collections.abc import Iterator, Sequence

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector as MetricsCollector

from seldon_core.transport.client import HttpPool
from seldon_core.transport.errors import CallError

from . import cloudevents, collector
from .cloudevents import Event, Source
from .collector import Collector
from .metrics import ExecutorMetrics
from .nodes import LogRule, Node
from .settings import Settings

_LOG = logging.getLogger(__name__)
_POST_SECONDS = 10.0  # for a collector to take an event
_WARN_SECONDS = 60.0  # between two warnings of dropped events
_MAX_BYTES = 64 * 1024 * 1024
_EVENT_BYTES = 1024  # of an event besides its payload, about
_LARGE = 256 * 1024  # bytes, above which unpacking would hold up the loop
_COUNTER = "seldon_api_executor_request_logger_events"


class RequestLog(MetricsCollector):
    """The events of one executor. Its workers run in the loop that puts events in, and end when there are none."""

    def __init__(self, root: Node, settings: Settings, *, max_bytes: int = _MAX_BYTES) -> None:
        self._source = Source.of(settings)
        self._size = settings.log_queue_size
        self._wait = settings.log_wait
        self._max_workers = settings.log_workers
        self._max_bytes = max_bytes
        self._collectors = {rule.url: collector.collector(rule.url) for rule in _rules(root)}
        self._plain = HttpPool()
        over_tls = any(one.tls for one in self._collectors.values())
        self._tls = HttpPool(ssl=ssl.create_default_context()) if over_tls else self._plain
        self._queue: deque[Event] = deque()
        self._overflow: deque[tuple[float, Event]] = deque()
        """Events that found the queue full, with the time until which they wait for room."""
        self._bytes = 0
        self._workers: set[asyncio.Task[None]] = set()
        self._troubles: dict[str, str] = {}
        self._next_warning = 0.0
        self._labels = (settings.deployment, settings.predictor)
        self.counts = {"sent": 0, "failed": 0, "dropped": 0}
        """Events that a collector took, did not take, and that were never tried."""

    def put(self, event: Event) -> None:
        """Log a payload. Returns at once, whatever the state of the collector."""
        size = _size(event)
        if self._bytes and self._bytes + size > self._max_bytes:
            self._drop(1)
            return
        self._bytes += size
        if len(self._queue) < self._size:
            self._queue.append(event)
        else:
            now = asyncio.get_running_loop().time()
            self._expire(now)
            self._overflow.append((now + self._wait, event))
        if len(self._workers) < self._max_workers:
            worker = asyncio.get_running_loop().create_task(self._work(), name="request-logger")
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)

    async def _work(self) -> None:
        while self._queue:
            event = self._queue.popleft()
            self._expire(asyncio.get_running_loop().time())
            if self._overflow:
                self._queue.append(self._overflow.popleft()[1])
            try:
                trouble = await self._trouble(event)
            finally:
                self._bytes -= _size(event)
            self.counts["failed" if trouble else "sent"] += 1
            self._tell(self._collectors[event.url], trouble)

    async def _trouble(self, event: Event) -> str:
        """Send an event. Why its collector did not take it, or ""."""
        target = self._collectors[event.url]
        packed = bool(event.message.content_encoding) and len(event.message.body) > _LARGE
        try:
            body = await asyncio.to_thread(cloudevents.unpacked, event.message) if packed else _unpacked(event)
            pool = self._tls if target.tls else self._plain
            headers = self._source.headers(event, target.credentials)
            answer = await pool.request(
                target.host,
                target.port,
                "POST",
                target.path,
                headers=headers,
                body=body,
                timeout=_POST_SECONDS,
            )
        except (CallError, ValueError) as error:
            return str(error)
        return "" if 200 <= answer.status < 300 else f"it answered {answer.status}"

    def _tell(self, target: Collector, trouble: str) -> None:
        """Into the log where it changes: a collector that is away would otherwise fill it."""
        if self._troubles.get(target.name, "") == trouble:
            return
        self._troubles[target.name] = trouble
        if trouble:
            _LOG.warning("events are not taken", extra={"collector": target.name, "reason": trouble})
        else:
            _LOG.info("events are taken again", extra={"collector": target.name})

    def _expire(self, now: float) -> None:
        """Drop what has waited for room long enough."""
        expired = 0
        while self._overflow and self._overflow[0][0] <= now:
            self._bytes -= _size(self._overflow.popleft()[1])
            expired += 1
        if expired:
            self._drop(expired)

    def _drop(self, number: int) -> None:
        self.counts["dropped"] += number
        now = asyncio.get_running_loop().time()
        if now >= self._next_warning:
            self._next_warning = now + _WARN_SECONDS
            _LOG.warning("events dropped: collectors are slower than requests", extra=self.counts)

    async def drain(self, deadline_seconds: float) -> None:
        """Send what waits. What is left at the deadline is dropped, and said."""
        if self._workers:
            await asyncio.wait(self._workers, timeout=deadline_seconds)
        left = list(self._workers)
        for worker in left:
            worker.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        if lost := len(left) + len(self._queue) + len(self._overflow):
            self._queue.clear()
            self._overflow.clear()
            self.counts["dropped"] += lost
            _LOG.warning("events dropped at the end", extra={"events": lost})
        await self._plain.close()
        await self._tls.close()

    def collect(self) -> Iterator[Metric]:
        """The counters, for Prometheus."""
        labels = ("deployment_name", "predictor_name", "outcome")
        family = CounterMetricFamily(_COUNTER, "Events of the request logger by what became of them", labels=labels)
        for outcome, count in self.counts.items():
            family.add_metric((*self._labels, outcome), count)
        yield family


def of_graph(root: Node, settings: Settings, metrics: ExecutorMetrics) -> RequestLog | None:
    """The log of a graph, counted in its metrics; None where no unit has a logger."""
    if not _rules(root):
        return None
    log = RequestLog(root, settings)
    metrics.add(log)
    return log


def _rules(node: Node) -> Sequence[LogRule]:
    own = [] if node.logger is None else [node.logger]
    return [*own, *(rule for child in node.children for rule in _rules(child))]


def _size(event: Event) -> int:
    return len(event.message.body) + _EVENT_BYTES


def _unpacked(event: Event) -> bytes:
    return cloudevents.unpacked(event.message) if event.message.content_encoding else event.message.body
