"""Telling a person what happens and how long it took."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

_BEGAN = time.monotonic()


@dataclass
class Step:
    """One step under way. `note` is printed behind its duration, for example `cached`."""

    name: str
    note: str = ""


def say(text: str) -> None:
    """Print one line at once, also where the output is a pipe."""
    print(text, flush=True)


def complain(text: str) -> None:
    """Print one line on stderr at once."""
    print(text, file=sys.stderr, flush=True)


@contextlib.contextmanager
def step(name: str) -> Iterator[Step]:
    """Print a line when a step begins and one with its duration in seconds when it ends, whichever way."""
    say(f"[{time.monotonic() - _BEGAN:6.1f} s] {name} ...")
    current, began = Step(name), time.monotonic()
    try:
        yield current
    except BaseException:
        say(f"[{time.monotonic() - _BEGAN:6.1f} s] {name}: FAILED after {time.monotonic() - began:.1f} s")
        raise
    note = f" ({current.note})" if current.note else ""
    say(f"[{time.monotonic() - _BEGAN:6.1f} s] {name}: done in {time.monotonic() - began:.1f} s{note}")
