"""The user's containers in the form in which the API server stores them.

What is applied and what is read back then compare equal, so that an unchanged SeldonDeployment costs no write. The
meaning is the same: quantities in their canonical form, and no empty values of variables. Source: Kubernetes API
reference, Quantity ("canonical form").
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from seldon_core.api.shapes import Json

_QUANTITY: Final = re.compile(r"^([+-]?[0-9]+(?:\.[0-9]*)?|[+-]?\.[0-9]+)(Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E)?$")
_BINARY: Final = {
    suffix: Decimal(2) ** (10 * power) for power, suffix in enumerate(("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"))
}
_DECIMAL: Final = {
    suffix: Decimal(10) ** power
    for suffix, power in (
        ("n", -9), ("u", -6), ("m", -3), ("", 0), ("k", 3), ("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18),
    )
}  # fmt: skip


def quantity(value: Any) -> str:
    """A quantity without fraction and with the largest suffix that allows it; what is no quantity stays as it is."""
    text = str(value)
    match = _QUANTITY.match(text)
    if match is None:
        return text
    number, suffix = Decimal(match[1]), match[2] or ""
    exact = number * (_BINARY | _DECIMAL)[suffix]
    binary = suffix in _BINARY and suffix != "" and abs(exact) >= _BINARY["Ki"] and exact % 1 == 0
    for name, scale in reversed((_BINARY if binary else _DECIMAL).items()):
        if exact % scale == 0:
            return f"{int(exact / scale)}{name}" if exact else "0"
    return text


def resources(given: Mapping[str, Any]) -> dict[str, Any]:
    """Requests and limits with canonical quantities; other fields of `resources` untouched."""
    return {
        side: {name: quantity(amount) for name, amount in value.items()}
        if side in {"limits", "requests"} and isinstance(value, Mapping)
        else value
        for side, value in given.items()
    }


def container(given: Json) -> Json:
    """A container with canonical resources and variables."""
    result = dict(given)
    if given.get("resources"):
        result["resources"] = resources(given["resources"])
    if given.get("env"):
        result["env"] = [
            {key: value for key, value in entry.items() if (key, value) != ("value", "")} for entry in given["env"]
        ]
    return result
