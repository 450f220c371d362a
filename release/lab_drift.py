"""Whether an object in the cluster is what the chart says: every field that was rendered is there, with its value.

What the cluster adds is no drift (defaults, status, what a controller owns); what it changed or lost is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

SUFFIXES = {"m": Decimal("0.001"), "k": Decimal(10) ** 3, "M": Decimal(10) ** 6, "G": Decimal(10) ** 9}
SUFFIXES |= {f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGT", start=1)}


def drift(wanted: Any, live: Any, path: str = "") -> Iterator[str]:
    """The paths, with both values, at which `live` is not what was wanted."""
    if isinstance(wanted, Mapping):
        there = live if isinstance(live, Mapping) else {}
        for key, value in wanted.items():
            yield from drift(value, there.get(key), f"{path}.{key}" if path else str(key))
    elif isinstance(wanted, list) and isinstance(live, list) and len(wanted) == len(live):
        for number, (one, other) in enumerate(zip(wanted, live, strict=True)):
            yield from drift(one, other, f"{path}[{number}]")
    elif not _same(wanted, live):
        yield f"{path}: rendered {wanted!r}, live {live!r}"


def _same(wanted: Any, live: Any) -> bool:
    """Equal, or nothing both: the API server leaves out what is empty; a quantity may be written in another way."""
    if wanted == live or (wanted in (None, "", [], {}) and live in (None, "", [], {}, False, 0)):
        return True
    return not isinstance(wanted, list) and _quantity(wanted) is not None and _quantity(wanted) == _quantity(live)


def _quantity(value: Any) -> Decimal | None:
    text = str(value)
    unit = next((suffix for suffix in sorted(SUFFIXES, key=len, reverse=True) if text.endswith(suffix)), "")
    try:
        return Decimal(text.removesuffix(unit)) * SUFFIXES.get(unit, Decimal(1))
    except InvalidOperation:
        return None
