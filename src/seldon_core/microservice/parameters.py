"""From PREDICTIVE_UNIT_PARAMETERS to a constructor's arguments. Source: specification 4."""

from collections.abc import Callable
from typing import Any

import orjson

from .errors import BAD_PARAMETER, StartError

_TRUE = frozenset({"y", "yes", "t", "true", "on", "1"})
_FALSE = frozenset({"n", "no", "f", "false", "off", "0"})


def _bool(text: str) -> bool:
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ValueError(text)


_TYPES: dict[str, Callable[[str], Any]] = {"INT": int, "FLOAT": float, "DOUBLE": float, "STRING": str, "BOOL": _bool}


def parse(text: str) -> dict[str, Any]:
    """A JSON list of {name, value, type} as keyword arguments. Raises StartError."""
    try:
        document = orjson.loads(text) if text.strip() else []
    except orjson.JSONDecodeError as error:
        raise _bad(f"the parameters are no JSON ({error})") from error
    if not isinstance(document, list):
        raise _bad("the parameters are no JSON list")
    return dict(_one(entry) for entry in document)


def _one(entry: Any) -> tuple[str, Any]:
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str) or "value" not in entry:
        raise _bad(f"the parameter {entry!r} is not an object with name, value and type")
    name, value, kind = entry["name"], str(entry["value"]), entry.get("type", "STRING")
    convert = _TYPES.get(kind)
    if convert is None:
        raise _bad(f"the parameter {name} has the unknown type {kind!r}; use one of {', '.join(_TYPES)}")
    try:
        return name, convert(value)
    except ValueError:
        raise _bad(f"the parameter {name} has the value {value!r}, which is no {kind}") from None


def _bad(what: str) -> StartError:
    return StartError(f"{BAD_PARAMETER}: {what} (graph.parameters, environment variable PREDICTIVE_UNIT_PARAMETERS).")
