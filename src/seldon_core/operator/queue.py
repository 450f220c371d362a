"""The work queue: which keys need a reconcile, never one key twice at a time.

Semantics, the same as client-go's queue, which the field has tested for years: a key that is added several times
before a worker takes it is worked on once; a key that is added while a worker has it is worked on once more afterwards.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from seldon_core.kube.backoff import Backoff

K = TypeVar("K")


class Timer(Protocol):
    """What `call_later` returns."""

    def cancel(self) -> None:
        """Do not call any more."""

    def when(self) -> float:
        """The time of the call, on the clock of `Queue.clock`."""


CallLater = Callable[[float, Callable[[], None]], Timer]


class ShutDownError(Exception):
    """The queue is closed and nothing is left to take."""


class Queue(Generic[K]):
    """Keys to work on, in order of arrival.

    Args:
        backoff: Waiting times of `retry`, for each key by its own count of failures.
        urgent: Whether a key goes before those that are not; asked when it begins to wait.
        call_later: The event loop's timer where None.
    """

    def __init__(
        self,
        *,
        backoff: Backoff | None = None,
        urgent: Callable[[K], bool] = lambda _key: False,
        call_later: CallLater | None = None,
    ) -> None:
        self._backoff = backoff or Backoff(first=0.2, longest=60.0)
        self._call_later = call_later
        self._urgent = urgent
        self._first: deque[K] = deque()
        self._waiting: deque[K] = deque()
        self._dirty: set[K] = set()
        self._working: set[K] = set()
        self._timers: dict[K, Timer] = {}
        self._failures: dict[K, int] = {}
        self._closed = False
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        """Keys that wait for a worker; those that wait for their time are not among them."""
        return len(self._first) + len(self._waiting)

    def add(self, key: K) -> None:
        """Work on a key soon."""
        if self._closed or key in self._dirty:
            return
        self._dirty.add(key)
        if key not in self._working:
            self._append(key)

    def add_after(self, key: K, seconds: float) -> None:
        """Work on a key at a later time; of several times for one key the earliest counts."""
        if self._closed:
            return
        if seconds <= 0:
            # uvloop's timer of no time at all has no `when`.
            self.add(key)
            return
        call_later = self._call_later or asyncio.get_running_loop().call_later
        timer = call_later(seconds, lambda: self._due(key))
        pending = self._timers.get(key)
        if pending is not None and pending.when() <= timer.when():
            timer.cancel()
            return
        if pending is not None:
            pending.cancel()
        self._timers[key] = timer

    def retry(self, key: K, at_least: float = 0.0) -> float:
        """Work on a key again after a failure, later with each failure in a row.

        Args:
            key: What failed.
            at_least: Seconds that the failure itself asks to wait.

        Returns:
            Seconds until then.
        """
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        delay = max(self._backoff.delay(failures), at_least)
        self.add_after(key, delay)
        return delay

    def failures(self, key: K) -> int:
        """Failures in a row."""
        return self._failures.get(key, 0)

    def succeeded(self, key: K) -> None:
        """Forget a key's failures."""
        self._failures.pop(key, None)

    async def take(self) -> K:
        """The next key; `done` must follow.

        Raises:
            ShutDownError: The queue was closed.
        """
        while not len(self):
            if self._closed:
                raise ShutDownError
            self._changed.clear()
            await self._changed.wait()
        key = (self._first or self._waiting).popleft()
        self._dirty.discard(key)
        self._working.add(key)
        return key

    def done(self, key: K) -> None:
        """A worker has finished with a key."""
        self._working.discard(key)
        if key in self._dirty:
            self._append(key)

    def close(self) -> None:
        """Take nothing new, hand nothing out: workers finish what they have."""
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._first.clear()
        self._waiting.clear()
        self._changed.set()

    def _append(self, key: K) -> None:
        (self._first if self._urgent(key) else self._waiting).append(key)
        self._changed.set()

    def _due(self, key: K) -> None:
        self._timers.pop(key, None)
        self.add(key)
