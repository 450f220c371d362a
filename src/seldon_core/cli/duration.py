"""Durations as people type them for kubectl: `90s`, `2m`, `1m30s`; a bare number counts seconds."""

import argparse
import re
from typing import Final

_PART: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)")
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(text: str) -> float:
    """The seconds of a duration; for `type=` of an argument.

    Raises:
        argparse.ArgumentTypeError: The text is no duration.
    """
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
        return float(text)
    if not text or _PART.sub("", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no duration; write one such as 90s, 2m or 1m30s")
    return sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text))


def spoken(amount: float) -> str:
    """Seconds as an age: the two largest units at most, such as `3d4h`."""
    left, parts = int(max(0.0, amount)), []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts[:2]) or "0s"
