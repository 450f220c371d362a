"""Growing, jittered waiting times between attempts."""

import random
from collections.abc import Callable
from dataclasses import dataclass


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
