"""TensorFlow's tensor message to numpy and back, without TensorFlow. Source: its tensor.proto."""

import math
from typing import Any

import numpy as np

from seldon_core.proto.tensors import tensor_pb2

from .errors import MicroserviceError

_FIELDS = {
    tensor_pb2.DT_FLOAT: (np.float32, "float_val"),
    tensor_pb2.DT_DOUBLE: (np.float64, "double_val"),
    tensor_pb2.DT_INT8: (np.int8, "int_val"),
    tensor_pb2.DT_INT16: (np.int16, "int_val"),
    tensor_pb2.DT_INT32: (np.int32, "int_val"),
    tensor_pb2.DT_INT64: (np.int64, "int64_val"),
    tensor_pb2.DT_UINT8: (np.uint8, "int_val"),
    tensor_pb2.DT_UINT16: (np.uint16, "int_val"),
    tensor_pb2.DT_UINT32: (np.uint32, "uint32_val"),
    tensor_pb2.DT_UINT64: (np.uint64, "uint64_val"),
    tensor_pb2.DT_BOOL: (np.bool_, "bool_val"),
    tensor_pb2.DT_HALF: (np.float16, "half_val"),
    tensor_pb2.DT_STRING: (np.object_, "string_val"),
}
_TYPES = {np.dtype(kind): number for number, (kind, _) in _FIELDS.items() if number != tensor_pb2.DT_STRING}


def decode(message: Any) -> Any:
    """An array. Raises MicroserviceError (400)."""
    if message.dtype not in _FIELDS:
        raise MicroserviceError(f"data.tftensor has the dtype {message.dtype}, which is not served here")
    kind, field = _FIELDS[message.dtype]
    shape = [dimension.size for dimension in message.tensor_shape.dim]
    if message.tensor_shape.unknown_rank or any(size < 0 for size in shape):
        raise MicroserviceError("data.tftensor has no fixed shape")
    size = math.prod(shape)
    values = _values(message, kind, field)
    if 0 < len(values) < size and not message.tensor_content:
        # The last value stands for all that follow.
        values = np.concatenate([values, np.repeat(values[-1:], size - len(values))])
    if len(values) != size:
        raise MicroserviceError(f"data.tftensor has {len(values)} values, and its shape {shape} needs {size}")
    return values.reshape(shape)


def _values(message: Any, kind: Any, field: str) -> Any:
    content = message.tensor_content
    if not content:
        if field == "half_val":  # the bits of each number
            return np.array(message.half_val, dtype=np.uint16).view(np.float16)
        return np.array(list(getattr(message, field)), dtype=kind)
    if field == "string_val" or len(content) % np.dtype(kind).itemsize:
        raise MicroserviceError(f"data.tftensor.tensor_content of {len(content)} bytes holds no whole values")
    return np.frombuffer(content, dtype=kind)


def encode(array: Any) -> Any:
    """A TensorProto of numbers, all of them in tensor_content."""
    message = tensor_pb2.TensorProto(dtype=_TYPES[array.dtype.newbyteorder("=")])
    for size in array.shape:
        message.tensor_shape.dim.add(size=size)
    message.tensor_content = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).tobytes()
    return message
