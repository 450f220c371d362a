"""The name that somebody probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(given: str, known: Iterable[str]) -> str:
    """Return the known name that is closest to what was given, or nothing where none is close."""
    return next(iter(difflib.get_close_matches(given, list(known), n=1)), "")
