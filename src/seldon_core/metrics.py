"""Custom metrics of a request, made by a call. The import name that users' classes use.

    from seldon_core.metrics import create_counter

Source: v1.17.1's Python package.
"""

from typing import Any

COUNTER = "COUNTER"
GAUGE = "GAUGE"
TIMER = "TIMER"


def create_counter(key: str, value: float) -> dict[str, Any]:
    """Adds `value` to the counter `<key>_total`."""
    return _metric(key, value, COUNTER)


def create_gauge(key: str, value: float) -> dict[str, Any]:
    """Sets the gauge `key`."""
    return _metric(key, value, GAUGE)


def create_timer(key: str, value: float) -> dict[str, Any]:
    """Puts `value` (ms) into the histogram `key` (seconds)."""
    return _metric(key, value, TIMER)


def _metric(key: str, value: float, kind: str) -> dict[str, Any]:
    _ = value + 1  # a value that is no number raises TypeError here, where its author sees it
    return {"key": key, "type": kind, "value": value}
