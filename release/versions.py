"""Order of versions, as Python, Go and Debian each have it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from packaging.version import InvalidVersion, Version

Key = tuple[Any, ...]
_DIGITS = re.compile(r"(\d+)")


def python(version: str) -> Key:
    """Order by PEP 440; what is no such version comes first."""
    try:
        return (1, Version(version))
    except InvalidVersion:
        return (0, version)


def go(version: str) -> Key:
    """Order as semantic versions: a pre-release (also a pseudo-version) comes before its release."""
    core, _, pre = version.removeprefix("go").split("+")[0].partition("-")
    numbers = tuple(int(part) if part.isdigit() else 0 for part in core.split("."))
    words = tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in pre.split(".")) if pre else ()
    return ((*numbers, 0, 0)[:3], not pre, words)


def debian(version: str) -> Key:
    """Order as dpkg does: epoch, upstream version, revision. Source: deb-version(7)."""
    epoch, _, rest = version.rpartition(":") if ":" in version else ("0", "", version)
    upstream, _, revision = rest.rpartition("-") if "-" in rest else (rest, "", "0")
    return (int(epoch) if epoch.isdigit() else 0, _debian_part(upstream), _debian_part(revision))


def _debian_part(text: str) -> Key:
    """Letters by rank (`~`, end, letters, others) and numbers in turn, so that tuples compare as dpkg compares."""
    parts: list[Any] = []
    for number, piece in enumerate(_DIGITS.split(text)):
        parts.append(int(piece) if number % 2 else (*(_rank(letter) for letter in piece), 0))
    if len(parts) % 2:
        parts.append(0)
    return (*parts, (0,))


def _rank(letter: str) -> int:
    if letter == "~":
        return -1
    return ord(letter) if letter.isalpha() else ord(letter) + 256


KEYS: dict[str, Callable[[str], Key]] = {"pypi": python, "golang": go, "deb": debian}
