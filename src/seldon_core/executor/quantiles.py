"""Quantiles of recent durations, as v1.17.1's summaries have them: of the last ten minutes.

Kept are the last durations of a series, without their times: how many of them are recent follows from the counts at
earlier scrapes. So an observation costs no more than an append. Source: specification 3 (metrics).
"""

import math
from collections import deque
from collections.abc import Sequence

QUANTILES = (0.5, 0.75, 0.9, 0.98, 0.99, 1.0)
KEPT = 1024
"""Durations of a series that its quantiles are made of, at most: the last ones."""
_WINDOW_SECONDS = 600.0


class Window:
    """Which of one series' durations are recent. `now` is in seconds, of a clock that only goes on."""

    def __init__(self) -> None:
        self._scrapes: deque[tuple[float, int]] = deque()

    def recent(self, count: int, now: float) -> int:
        """How many of the `count` durations so far came within the window; this scrape is remembered."""
        scrapes = self._scrapes
        scrapes.append((now, count))
        while len(scrapes) > 1 and scrapes[1][0] <= now - _WINDOW_SECONDS:
            scrapes.popleft()
        begun, before = scrapes[0]
        return count - before if begun <= now - _WINDOW_SECONDS else count


def of(durations: Sequence[float]) -> list[tuple[float, float]]:
    """Each quantile with its duration, by the nearest rank; NaN where there are none."""
    ranked = sorted(durations)
    if not ranked:
        return [(quantile, math.nan) for quantile in QUANTILES]
    return [(quantile, ranked[math.ceil(quantile * len(ranked)) - 1]) for quantile in QUANTILES]
