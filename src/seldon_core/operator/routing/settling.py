"""Gives gateways the time to follow a changed route, before what it led to until then is taken away.

A write to the API server is no news yet in a gateway; requests go to the old pods for a moment more. Kept in memory
alone: after a restart of the controller that moment is over.
"""

import time
from collections.abc import Callable
from typing import Final

SETTLE_SECONDS: Final = 5.0
"""Istio and Envoy Gateway need some 100 ms where they have nothing else to do, and debounce bursts of changes by up to
some seconds."""


class Settling:
    """When the routes of a SeldonDeployment were written last.

    Args:
        seconds: How long to wait after that.
        clock: Seconds that only go up.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._until: dict[str, float] = {}

    def begin(self, uid: str) -> None:
        """A route of the SeldonDeployment with this uid was written just now."""
        now = self._clock()
        self._until = {known: until for known, until in self._until.items() if until > now}
        self._until[uid] = now + self._seconds

    def seconds_left(self, uid: str) -> float:
        """How long to wait still, 0 where it is over."""
        now = self._clock()
        return max(0.0, self._until.get(uid, now) - now)
