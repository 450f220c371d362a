"""Workers that take keys from the queue and reconcile them, and what brings keys into it."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from seldon_core.kube import ApiError
from seldon_core.kube.resources import Key

from .log import about
from .metrics import Metrics
from .objects.caches import Caches
from .queue import Queue, ShutDownError
from .reconcile import Result

_log = logging.getLogger(__name__)

RECONCILE_SECONDS = 120.0
"""Longest time for one reconcile; every call in it has a shorter one of its own."""


class Controller:
    """Keeps reconciling until it is drained.

    Args:
        caches: Their changes bring keys in.
        reconcile: Does the work for one key; it is told how often that has failed in a row.
        queue: Keys to work on.
        metrics: Counts results.
        workers: Reconciles at the same time.
        leading: Set while this process may work; keys are gathered meanwhile.
        progressed: Whether the last reconcile of a key wrote something, be it that it failed later.
    """

    def __init__(
        self,
        caches: Caches,
        reconcile: Callable[[Key, int], Awaitable[Result]],
        *,
        queue: Queue[Key],
        metrics: Metrics,
        workers: int,
        leading: asyncio.Event,
        progressed: Callable[[Key], bool] = lambda _key: False,
    ) -> None:
        self._caches = caches
        self._reconcile = reconcile
        self._queue = queue
        self._metrics = metrics
        self._workers = workers
        self._leading = leading
        self._progressed = progressed
        caches.on_change(queue.add)

    def add_all(self) -> None:
        """Look at every SeldonDeployment again, because the configuration changed."""
        for key in self._caches.seldon_deployments.store.all_keys():
            self._queue.add(key)

    async def run(self) -> None:
        """Work until the queue is closed and every worker has finished what it had."""
        await self._caches.wait_synced()
        _log.info("caches are complete", extra={"seldonDeployments": len(self._caches.seldon_deployments.store)})
        await asyncio.gather(*(self._work() for _ in range(self._workers)))

    def drain(self) -> None:
        """Take nothing new; `run` returns when what is under way is finished."""
        self._queue.close()

    async def _work(self) -> None:
        while True:
            await self._leading.wait()
            try:
                key = await self._queue.take()
            except ShutDownError:
                return
            # The wait for a key may have been long. What is lost while a key is worked on, `Client.fenced` sees to.
            await self._leading.wait()
            began = time.monotonic()
            try:
                result = await self._one(key)
            finally:
                self._queue.done(key)
            self._metrics.duration.observe(time.monotonic() - began)
            self._metrics.reconciles.increment(result=result)

    async def _one(self, key: Key) -> str:
        try:
            async with asyncio.timeout(RECONCILE_SECONDS):
                result = await self._reconcile(key, self._queue.failures(key))
        except ApiError as error:
            delay = self._retry(key, error.retry_after or 0.0)
            _log.info("again in %.1f s: %s", delay, error, extra=about(*key))
            return "retry"
        except Exception:  # noqa: BLE001 - a fault of ours in one SeldonDeployment must not stop the others
            delay = self._queue.retry(key)
            _log.exception("reconcile failed, again in %.1f s", delay, extra=about(*key))
            return "error"
        if result.retry:
            self._retry(key)
            return "refused"
        self._queue.succeeded(key)
        if result.again_after is not None:
            self._queue.add_after(key, result.again_after)
        return "done"

    def _retry(self, key: Key, at_least: float = 0.0) -> float:
        if self._progressed(key):
            # An overloaded API server takes one write and refuses the next. Who waits longer after each of them needs
            # minutes where seconds would do.
            self._queue.succeeded(key)
        return self._queue.retry(key, at_least)
