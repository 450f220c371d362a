"""Messages as protobuf, seldon.protos.SeldonMessage. Numbers are doubles here. Source: specification 4 and 7."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from google.protobuf import struct_pb2

from seldon_core.proto import prediction_pb2

from . import protojson, tftensor
from .errors import MicroserviceError
from .payload import Formed, Payload, short

_METRIC_TYPES = prediction_pb2.Metric.MetricType


class ProtoCodec:
    """The form of gRPC."""

    raw: tuple[str, ...] = ("grpc", "raw")

    def decode(self, message: prediction_pb2.SeldonMessage) -> Payload:
        """A message's features."""
        meta = plain_meta(message.meta)
        kind = message.WhichOneof("data_oneof")
        if kind == "data":
            data = message.data
            kind = data.WhichOneof("data_oneof")
            return Payload(kind or "ndarray", _features(data, kind), list(data.names), meta)
        if kind is None:
            raise MicroserviceError("Invalid request data type: the message holds no data")
        if kind == "jsonData":
            return Payload(kind, _python(message.jsonData), [], meta)
        return Payload(kind, getattr(message, kind), [], meta)

    def messages(self, message: prediction_pb2.SeldonMessageList) -> list[Any]:
        """From a SeldonMessageList."""
        if not message.seldonMessages:
            raise MicroserviceError("Invalid request data type: Aggregate takes a list of messages, and got none")
        return list(message.seldonMessages)

    def encode(self, formed: Formed, meta: dict[str, Any]) -> prediction_pb2.SeldonMessage:
        """A message."""
        message = prediction_pb2.SeldonMessage()
        fill_meta(message.meta, meta)
        kind, value = formed.kind, formed.value
        if kind in {"strData", "binData"}:
            setattr(message, kind, value)
        elif kind == "customData":
            message.customData.CopyFrom(value)
        elif kind == "jsonData":
            _fill(message.jsonData, value)
        else:
            message.data.names.extend(formed.names)
            _fill_data(message.data, kind, value)
        return message

    def whole(self, answer: Any) -> prediction_pb2.SeldonMessage:
        """A message as it is, a dictionary in its protobuf form."""
        if isinstance(answer, prediction_pb2.SeldonMessage):
            return answer
        if not isinstance(answer, dict):
            raise MicroserviceError(f"A raw method must give a SeldonMessage, and gave {type(answer).__name__}")
        return protojson.parse(answer, prediction_pb2.SeldonMessage(), "A raw method gave no SeldonMessage")

    def metrics(self, message: prediction_pb2.SeldonMessage) -> list[dict[str, Any]]:
        """None where there is no meta."""
        return [_metric(metric) for metric in message.meta.metrics]

    def without_metrics(self, message: prediction_pb2.SeldonMessage) -> prediction_pb2.SeldonMessage:
        """A copy: a raw method may give the same message again."""
        copy = prediction_pb2.SeldonMessage()
        copy.CopyFrom(message)
        copy.meta.ClearField("metrics")
        return copy


def _features(data: prediction_pb2.DefaultData, kind: str | None) -> Any:
    if kind == "tensor":
        shape, values = list(data.tensor.shape), np.array(data.tensor.values, dtype=np.float64)
        if any(size < 0 for size in shape) or math.prod(shape) != len(values):
            raise MicroserviceError(f"data.tensor has {len(values)} values, which do not fit its shape {short(shape)}")
        return values.reshape(shape)
    if kind == "ndarray":
        try:
            return np.array(_list(data.ndarray))
        except ValueError as error:
            raise MicroserviceError(f"data.ndarray is ragged: {short(error)}") from error
    if kind == "tftensor":
        return tftensor.decode(data.tftensor)
    raise MicroserviceError("data must have ndarray, tensor or tftensor, and has none of them")


def _list(values: struct_pb2.ListValue) -> list[Any]:
    return [_python(value) for value in values.values]


def _python(value: struct_pb2.Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "number_value":
        return value.number_value
    if kind == "list_value":
        return _list(value.list_value)
    if kind == "struct_value":
        return {key: _python(item) for key, item in value.struct_value.fields.items()}
    return None if kind is None or kind == "null_value" else getattr(value, kind)


def plain_meta(meta: prediction_pb2.Meta) -> dict[str, Any]:
    """A meta message as users' methods see it; fields without a value are not there."""
    result: dict[str, Any] = {}
    if meta.puid:
        result["puid"] = meta.puid
    if meta.tags:
        result["tags"] = {key: _python(value) for key, value in meta.tags.items()}
    if meta.routing:
        result["routing"] = dict(meta.routing)
    if meta.requestPath:
        result["requestPath"] = dict(meta.requestPath)
    if meta.metrics:
        result["metrics"] = [_metric(metric) for metric in meta.metrics]
    return result


def _metric(metric: prediction_pb2.Metric) -> dict[str, Any]:
    return {
        "key": metric.key,
        "type": _METRIC_TYPES.Name(metric.type),
        "value": metric.value,
        "tags": dict(metric.tags),
    }


def fill_meta(message: prediction_pb2.Meta, meta: Mapping[str, Any]) -> None:
    """Write an answer's meta. Raises MicroserviceError."""
    message.SetInParent()
    message.puid = str(meta.get("puid", ""))
    for key, value in meta.get("tags", {}).items():
        _fill(message.tags[str(key)], value)
    for key, value in meta.get("requestPath", {}).items():
        message.requestPath[str(key)] = str(value)
    for metric in meta.get("metrics", ()):
        tags = {str(key): str(value) for key, value in metric.get("tags", {}).items()}
        message.metrics.add(
            key=metric["key"], type=_METRIC_TYPES.Value(metric["type"]), value=metric["value"], tags=tags
        )


def _fill_data(data: prediction_pb2.DefaultData, kind: str, value: Any) -> None:
    if kind == "tensor":
        data.tensor.shape.extend(value.shape)
        data.tensor.values.extend(value.ravel().tolist())
        data.tensor.SetInParent()
    elif kind == "tftensor":
        data.tftensor.CopyFrom(tftensor.encode(value))
    else:
        data.ndarray.SetInParent()
        _fill_list(data.ndarray, value.tolist() if isinstance(value, np.ndarray) else value)


def _fill_list(message: struct_pb2.ListValue, values: Iterable[Any]) -> None:
    for value in values:
        _fill(message.values.add(), value)


def _fill(message: struct_pb2.Value, value: Any) -> None:
    """Write any JSON value. Raises MicroserviceError for what is none."""
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.tolist()
    if isinstance(value, bool):
        message.bool_value = value
    elif isinstance(value, (int, float)):
        message.number_value = value
    elif isinstance(value, str):
        message.string_value = value
    elif value is None:
        message.null_value = struct_pb2.NULL_VALUE
    elif isinstance(value, Mapping):
        message.struct_value.SetInParent()
        for key, item in value.items():
            _fill(message.struct_value.fields[str(key)], item)
    elif isinstance(value, (list, tuple, set, frozenset)):
        message.list_value.SetInParent()
        _fill_list(message.list_value, value)
    else:
        raise MicroserviceError(f"{type(value).__name__} has no place in a message: {short(value)}")
