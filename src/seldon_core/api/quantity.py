"""Kubernetes quantities: `1`, `1000m` and `1e0` are one amount, and the API server stores a form of its own."""

import re
from decimal import Decimal

_FORM = re.compile(r"^([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))(?:([eE][+-]?[0-9]+)|([numkKMGTPE]i?))?$")
_FACTORS = {
    "": Decimal(1),
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "k": Decimal("1e3"),
    "M": Decimal("1e6"),
    "G": Decimal("1e9"),
    "T": Decimal("1e12"),
    "P": Decimal("1e15"),
    "E": Decimal("1e18"),
    "Ki": Decimal(2**10),
    "Mi": Decimal(2**20),
    "Gi": Decimal(2**30),
    "Ti": Decimal(2**40),
    "Pi": Decimal(2**50),
    "Ei": Decimal(2**60),
}


def amount(quantity: object) -> Decimal | None:
    """The amount that a quantity stands for, or None where it is none."""
    if isinstance(quantity, bool) or not isinstance(quantity, str | int | float):
        return None
    match = _FORM.match(str(quantity))
    if match is None:
        return None
    number, exponent, suffix = match.groups()
    factor = _FACTORS.get(suffix or "")
    return None if factor is None else Decimal(number + (exponent or "")) * factor


def same_amount(one: object, other: object) -> bool:
    """Whether two values are quantities of the same amount."""
    first = amount(one)
    return first is not None and first == amount(other)
