"""Growing, jittered waiting times between attempts."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from .errors import ApiError


@dataclass(frozen=True)
class Backoff:
    """Exponential growth from `first` to `longest` seconds.

    Jitter takes away up to half, so that clients which failed together do not come back together.
    """

    first: float = 0.5
    longest: float = 30.0
    factor: float = 2.0
    random: Callable[[], float] = random.random
    """A number in [0, 1)."""

    def delay(self, attempt: int) -> float:
        """Seconds to wait after the attempt of that number (0 is the first)."""
        grown = self.first * self.factor ** min(attempt, 32)
        return min(self.longest, grown) * (1.0 - self.random() / 2.0)


class Attempts:
    """How long to wait after each attempt that the API server has failed, until one succeeds."""

    def __init__(self, backoff: Backoff | None = None) -> None:
        self._backoff = backoff or Backoff()
        self._failed = 0

    def pause_after(self, error: ApiError) -> float:
        """Seconds to wait after another failure: what the API server asks for, where that is more."""
        pause = max(self._backoff.delay(self._failed), error.retry_after or 0.0)
        self._failed += 1
        return pause

    def succeeded(self) -> None:
        """The next failure is a first one."""
        self._failed = 0
