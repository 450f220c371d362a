"""Messages as JSON documents: data.ndarray, data.tensor, data.tftensor, jsonData, strData, binData (base64).

What specification 4 and 7 mark as accepted garbage is refused here.
"""

import base64
import binascii
import math
from typing import Any

import numpy as np
from google.protobuf import json_format

from seldon_core.proto import prediction_pb2
from seldon_core.proto.tensors import tensor_pb2

from . import protojson, tftensor
from .errors import MicroserviceError
from .payload import NUMERIC, Formed, Payload, short


class JsonCodec:
    """The form of REST."""

    raw: tuple[str, ...] = ("rest", "raw")

    def decode(self, message: Any) -> Payload:
        """A document's features."""
        return decode(message)

    def messages(self, message: Any) -> list[Any]:
        """From a JSON list, or an object with `seldonMessages`."""
        messages = message.get("seldonMessages") if isinstance(message, dict) else message
        if not isinstance(messages, list) or not messages:
            raise MicroserviceError("Invalid request data type: /aggregate takes a list of messages, and got none")
        return messages

    def encode(self, formed: Formed, meta: dict[str, Any]) -> dict[str, Any]:
        """A document."""
        kind, value, names = formed.kind, formed.value, formed.names
        if kind == "ndarray":
            return {"data": {"names": names, "ndarray": value}, "meta": meta}
        if kind == "tensor":
            tensor = {"shape": list(value.shape), "values": value.ravel()}
            return {"data": {"names": names, "tensor": tensor}, "meta": meta}
        if kind == "tftensor":
            tensor = json_format.MessageToDict(tftensor.encode(value))
            return {"data": {"names": names, "tftensor": tensor}, "meta": meta}
        if kind == "binData":
            return {"binData": base64.b64encode(value).decode(), "meta": meta}
        if kind == "customData":
            raise MicroserviceError("customData has no JSON form here; ask over gRPC")
        return {kind: value, "meta": meta}

    def whole(self, answer: Any) -> Any:
        """A dictionary or list as it is, a protobuf message in its JSON form."""
        if isinstance(answer, prediction_pb2.SeldonMessage):
            return json_format.MessageToDict(answer)
        if not isinstance(answer, (dict, list)):
            raise MicroserviceError(f"A raw method must give a dictionary, and gave {type(answer).__name__}")
        return answer

    def metrics(self, message: Any) -> list[dict[str, Any]]:
        """None where there is no meta object."""
        meta = message.get("meta") if isinstance(message, dict) else None
        return (meta.get("metrics") or []) if isinstance(meta, dict) else []

    def without_metrics(self, message: Any) -> Any:
        """A copy: a raw method may give the same dictionary again."""
        return {**message, "meta": {key: value for key, value in message["meta"].items() if key != "metrics"}}


def decode(message: Any) -> Payload:
    """A message's features. Raises MicroserviceError (400) with what is wrong."""
    if not isinstance(message, dict):
        raise MicroserviceError(f"Invalid request data type: {short(message)}")
    meta = message.get("meta")
    if meta is not None and not isinstance(meta, dict):
        raise MicroserviceError(f"meta must be an object, and is {short(meta)}")
    if (data := message.get("data")) is not None:
        kind, features, names = _decode_data(data)
        return Payload(kind, features, names, meta)
    if "jsonData" in message:
        return Payload("jsonData", message["jsonData"], [], meta)
    if "strData" in message:
        text = message["strData"]
        if not isinstance(text, str):
            raise MicroserviceError(f"strData must be a string, and is {short(text)}")
        return Payload("strData", text, [], meta)
    if "binData" in message:
        return Payload("binData", _decode_binary(message["binData"]), [], meta)
    raise MicroserviceError(f"Invalid request data type: {short(message)}")


def _decode_data(data: Any) -> tuple[str, Any, list[str]]:
    if not isinstance(data, dict):
        raise MicroserviceError(f"data must be an object with ndarray or tensor, and is {short(data)}")
    names = data.get("names") or []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise MicroserviceError(f"data.names must be a list of strings, and is {short(names)}")
    if "ndarray" in data:
        return "ndarray", _decode_ndarray(data["ndarray"]), names
    if "tensor" in data:
        return "tensor", _decode_tensor(data["tensor"]), names
    if "tftensor" in data:
        return "tftensor", _decode_tftensor(data["tftensor"]), names
    raise MicroserviceError(f"data must have ndarray or tensor, and has only {sorted(map(str, data))}")


def _decode_ndarray(value: Any) -> Any:
    if not isinstance(value, list):
        raise MicroserviceError(f"data.ndarray must be a list, and is {short(value)}")
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
        raise MicroserviceError(f"data.tensor.shape must be a list of sizes, and is {short(shape)}")
    if math.prod(shape) != len(values):
        raise MicroserviceError(f"data.tensor has {len(values)} values, and its shape {shape} needs {math.prod(shape)}")
    try:
        array = np.array(values)
    except (ValueError, OverflowError) as error:
        raise MicroserviceError(f"data.tensor.values is no list of numbers: {error}") from error
    if array.ndim != 1 or (values and array.dtype.kind not in NUMERIC):
        raise MicroserviceError("data.tensor.values must be a flat list of numbers")
    return array.reshape(shape)


def _decode_binary(value: Any) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError, TypeError) as error:
        raise MicroserviceError(f"binData is no base64: {error}") from error


def _decode_tftensor(value: Any) -> Any:
    return tftensor.decode(protojson.parse(value, tensor_pb2.TensorProto(), "data.tftensor is no TensorProto in JSON"))
