"""Kubernetes Events about what the controller does, for `kubectl describe`. Names: specification 1.6.

Events are a courtesy: they are written beside the work, never waited for, and dropped rather than sent in masses.
"""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from seldon_core.kube import ApiError, Client
from seldon_core.kube.resources import EVENTS

from .redact import redact

_log = logging.getLogger(__name__)

COMPONENT = "seldon-controller-manager"
REPEAT_SECONDS = 600.0
"""The same event about the same object is sent again after so long."""
BURST = 25
REFILL_SECONDS = 10.0
"""An object may have so many events at once, and one more each so many seconds."""
CONCURRENT = 4
"""Events sent at the same time; the work itself needs connections, too."""
LONGEST_QUEUE = 500
"""Events that wait to be sent; further ones are dropped."""
FLUSH_SECONDS = 3.0
_REMEMBERED = 4096
_LONGEST_MESSAGE = 1000  # the API's limit is 1024


class Recorder:
    """Writes events.

    Args:
        client: The API server.
        clock: Seconds, for the limits.
        now: The time that is written.
    """

    def __init__(
        self,
        client: Client,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._client = client
        self._clock = clock
        self._now = now
        self._sent: OrderedDict[tuple[str, str, str], float] = OrderedDict()
        self._budget: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(CONCURRENT)

    def normal(self, about: Mapping[str, Any], reason: str, message: str) -> None:
        """Something was done."""
        self._record(about, "Normal", reason, message)

    def warning(self, about: Mapping[str, Any], reason: str, message: str) -> None:
        """Something went wrong."""
        self._record(about, "Warning", reason, message)

    async def flush(self) -> None:
        """Wait for what is under way, but not for long: the API server may be away, and the process is to end."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=FLUSH_SECONDS)
            for task in late:
                task.cancel()

    def _record(self, about: Mapping[str, Any], kind: str, reason: str, message: str) -> None:
        metadata = about["metadata"]
        uid = str(metadata.get("uid") or metadata["name"])
        if len(self._tasks) >= LONGEST_QUEUE or not self._allowed(uid, reason, message):
            return
        task = asyncio.create_task(self._send(_event(about, kind, reason, redact(message), self._now())))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _allowed(self, uid: str, reason: str, message: str) -> bool:
        now = self._clock()
        last = self._sent.get((uid, reason, message))
        if last is not None and now - last < REPEAT_SECONDS:
            return False
        tokens, since = self._budget.get(uid, (float(BURST), now))
        tokens = min(float(BURST), tokens + (now - since) / REFILL_SECONDS)
        if tokens < 1.0:
            return False
        self._budget[uid] = (tokens - 1.0, now)
        self._sent[uid, reason, message] = now
        for memory in (self._sent, self._budget):
            while len(memory) > _REMEMBERED:
                memory.popitem(last=False)
        return True

    async def _send(self, event: dict[str, Any]) -> None:
        try:
            async with self._slots:
                await self._client.create(EVENTS, event)
        except ApiError as error:
            _log.info("an event was not written: %s", error)


def _event(about: Mapping[str, Any], kind: str, reason: str, message: str, now: datetime) -> dict[str, Any]:
    metadata = about["metadata"]
    stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    namespace = metadata.get("namespace") or "default"
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"generateName": f"{metadata['name'][:200]}.", "namespace": namespace},
        "involvedObject": {
            "apiVersion": about["apiVersion"],
            "kind": about["kind"],
            "name": metadata["name"],
            "namespace": metadata.get("namespace", ""),
            "uid": metadata.get("uid", ""),
            "resourceVersion": metadata.get("resourceVersion", ""),
        },
        "type": kind,
        "reason": reason,
        "message": message if len(message) <= _LONGEST_MESSAGE else message[: _LONGEST_MESSAGE - 1] + "…",
        "source": {"component": COMPONENT},
        "firstTimestamp": stamp,
        "lastTimestamp": stamp,
        "count": 1,
    }
