"""What is measured, for how long."""

from __future__ import annotations

from dataclasses import dataclass

from .payloads import PROTOCOLS


@dataclass(frozen=True)
class Plan:
    """A run. Times in seconds."""

    protocols: tuple[str, ...] = tuple(PROTOCOLS)
    connections: tuple[int, ...] = (1, 16, 64, 256)
    rows: tuple[int, ...] = (1, 100)
    systems: tuple[str, ...] = ()
    """Names; all of them where there is none."""
    seconds: float = 4.0
    """Measured for each entry of the table."""
    warm_up: float = 1.0
    ceiling_seconds: float = 1.0
    """Measured for each figure of the load generator's own limit."""


QUICK = Plan(connections=(1, 64), rows=(1,), seconds=1.0, warm_up=0.4, ceiling_seconds=0.5)
"""To see that everything works: in a minute and a half, not to be published."""
