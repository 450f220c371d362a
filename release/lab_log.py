"""The controller's log: a JSON object a line, as every program of ours writes it."""

from __future__ import annotations

import json

FINE = frozenset({"debug", "info", "warning"})


def errors_in(log: str) -> list[str]:
    """The lines of level error or worse, and those that are no line of a log at all: a program's last words."""
    found = []
    for line in log.splitlines():
        try:
            level = str(json.loads(line)["level"])
        except (ValueError, KeyError, TypeError):
            level = "none"
        if level not in FINE:
            found.append(line)
    return found
