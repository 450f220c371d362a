"""The payload codecs: from a SeldonMessage's JSON to what a user's method takes, and back.

Kinds: data.ndarray, data.tensor, jsonData, strData, binData (base64). Source: specification 4 and 7; what those mark
as accepted garbage is refused here.
"""

import base64
import binascii
import math
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np

from .errors import MicroserviceError

_NUMERIC = frozenset("iuf")
_KINDS = ("data", "jsonData", "strData", "binData")


class Payload(msgspec.Struct, frozen=True):
    """One decoded message."""

    kind: str
    """ndarray, tensor, jsonData, strData or binData."""
    features: Any
    names: list[str]
    meta: dict[str, Any] | None


def decode(message: Any) -> Payload:
    """A message's features. Raises MicroserviceError (400) with what is wrong."""
    if not isinstance(message, dict):
        raise MicroserviceError(f"Invalid request data type: {_short(message)}")
    meta = message.get("meta")
    if meta is not None and not isinstance(meta, dict):
        raise MicroserviceError(f"meta must be an object, and is {_short(meta)}")
    if (data := message.get("data")) is not None:
        kind, features, names = _decode_data(data)
        return Payload(kind, features, names, meta)
    if "jsonData" in message:
        return Payload("jsonData", message["jsonData"], [], meta)
    if "strData" in message:
        text = message["strData"]
        if not isinstance(text, str):
            raise MicroserviceError(f"strData must be a string, and is {_short(text)}")
        return Payload("strData", text, [], meta)
    if "binData" in message:
        return Payload("binData", _decode_binary(message["binData"]), [], meta)
    raise MicroserviceError(f"Invalid request data type: {_short(message)}")


def _decode_data(data: Any) -> tuple[str, Any, list[str]]:
    if not isinstance(data, dict):
        raise MicroserviceError(f"data must be an object with ndarray or tensor, and is {_short(data)}")
    names = data.get("names") or []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise MicroserviceError(f"data.names must be a list of strings, and is {_short(names)}")
    if "ndarray" in data:
        return "ndarray", _decode_ndarray(data["ndarray"]), names
    if "tensor" in data:
        return "tensor", _decode_tensor(data["tensor"]), names
    if "tftensor" in data:
        raise MicroserviceError("data.tftensor is not served over REST here; send data.tensor or data.ndarray")
    raise MicroserviceError(f"data must have ndarray or tensor, and has only {sorted(map(str, data))}")


def _decode_ndarray(value: Any) -> Any:
    if not isinstance(value, list):
        raise MicroserviceError(f"data.ndarray must be a list, and is {_short(value)}")
    try:
        return np.array(value)
    except (ValueError, OverflowError) as error:
        raise MicroserviceError(_uneven(value) or f"data.ndarray is no array: {error}") from error


def _uneven(rows: list[Any]) -> str:
    """What is ragged about an array."""
    first = len(rows[0]) if isinstance(rows[0], list) else None
    for number, row in enumerate(rows):
        size = len(row) if isinstance(row, list) else None
        if size != first:
            return f"data.ndarray is ragged: row 0 has {_values(first)} and row {number} has {_values(size)}"
    return ""


def _values(size: int | None) -> str:
    return "no list" if size is None else f"{size} value{'' if size == 1 else 's'}"


def _decode_tensor(value: Any) -> Any:
    shape = value.get("shape") if isinstance(value, dict) else None
    values = value.get("values") if isinstance(value, dict) else None
    if not isinstance(shape, list) or not isinstance(values, list):
        raise MicroserviceError("data.tensor must be an object with the lists shape and values")
    if not all(isinstance(size, int) and not isinstance(size, bool) and size >= 0 for size in shape):
        raise MicroserviceError(f"data.tensor.shape must be a list of sizes, and is {_short(shape)}")
    if math.prod(shape) != len(values):
        raise MicroserviceError(f"data.tensor has {len(values)} values, and its shape {shape} needs {math.prod(shape)}")
    try:
        array = np.array(values)
    except (ValueError, OverflowError) as error:
        raise MicroserviceError(f"data.tensor.values is no list of numbers: {error}") from error
    if array.ndim != 1 or (values and array.dtype.kind not in _NUMERIC):
        raise MicroserviceError("data.tensor.values must be a flat list of numbers")
    return array.reshape(shape)


def _decode_binary(value: Any) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError, TypeError) as error:
        raise MicroserviceError(f"binData is no base64: {error}") from error


def encode(result: Any, kind: str, class_names: Callable[[], Any] | None) -> dict[str, Any]:
    """A method's result as the fields of a message; `kind` is that of the request. Raises MicroserviceError."""
    if isinstance(result, dict):
        return {"jsonData": result}
    if isinstance(result, bytes):
        return {"binData": base64.b64encode(result).decode()}
    if isinstance(result, str):
        return {"strData": result}
    if not isinstance(result, (list, np.ndarray)):
        raise MicroserviceError(f"Unknown data type returned as payload (must be list or np array):{_short(result)}")
    try:
        array = np.asarray(result)
    except ValueError:  # a ragged list is an answer of its own
        return {"data": {"names": [], "ndarray": result}}
    names = _names(array, class_names)
    numeric = array.dtype.kind in _NUMERIC
    if kind != "ndarray" and numeric:
        return {"data": {"names": names, "tensor": {"shape": list(array.shape), "values": array.ravel()}}}
    plain = result if isinstance(result, list) else array
    return {"data": {"names": names, "ndarray": plain}}


def _names(array: Any, class_names: Callable[[], Any] | None) -> list[str]:
    if array.ndim < 2:
        return []
    if class_names is not None and array.ndim == 2:
        return list(class_names())
    return [f"t:{column}" for column in range(array.shape[1])]


def _short(value: Any) -> str:
    """A value for a message, cut: a body of megabytes must not come back in an error."""
    text = str(value)
    return text if len(text) <= 200 else f"{text[:200]}..."


def is_payload(message: dict[str, Any]) -> bool:
    """Whether a message carries features at all."""
    return any(kind in message for kind in _KINDS)
