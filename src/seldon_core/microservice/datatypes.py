"""Tensors of the Open Inference Protocol (v2): its datatypes as numpy's, and their binary form.

Binary means row-major and little-endian; each element of BYTES has its length, four bytes, in front. Source: the
protocol's inference_rest.md, and its binary tensor data extension.
"""

import math
import struct
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from .errors import MicroserviceError

_NUMPY = {
    "BOOL": np.dtype(np.bool_),
    "UINT8": np.dtype("<u1"),
    "UINT16": np.dtype("<u2"),
    "UINT32": np.dtype("<u4"),
    "UINT64": np.dtype("<u8"),
    "INT8": np.dtype("<i1"),
    "INT16": np.dtype("<i2"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
    "FP16": np.dtype("<f2"),
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
}
_NAMES = {kind: name for name, kind in _NUMPY.items()}
_LENGTH = struct.Struct("<I")


class Tensor(msgspec.Struct, frozen=True):
    """A named array. Texts and other bytes are arrays of objects."""

    name: str
    array: Any

    @property
    def datatype(self) -> str:
        """The protocol's name of the array's type. Raises MicroserviceError for a type that it does not have."""
        kind = self.array.dtype
        if kind.kind in "USO":
            return "BYTES"
        name = _NAMES.get(kind.newbyteorder("<"))
        if name is None:
            raise MicroserviceError(f"The output {self.name} is of the type {kind}, which the protocol does not have")
        return name


def numpy_type(name: str, datatype: Any) -> np.dtype[Any]:
    """The array type of a datatype, objects for BYTES. Raises MicroserviceError."""
    if datatype == "BYTES":
        return np.dtype(np.object_)
    kind = _NUMPY.get(datatype) if isinstance(datatype, str) else None
    if kind is None:
        raise MicroserviceError(f"The input {name} has the datatype {datatype!r}; use BYTES, {', '.join(_NUMPY)}")
    return kind


def shaped(name: str, flat: Any, shape: Sequence[int]) -> Tensor:
    """A tensor from its values. Raises MicroserviceError where they do not fit the shape."""
    if any(not isinstance(size, int) or isinstance(size, bool) or size < 0 for size in shape):
        raise MicroserviceError(f"The input {name} has the shape {list(shape)}; sizes are whole numbers from 0")
    if math.prod(shape) != len(flat):
        raise MicroserviceError(
            f"The input {name} has {len(flat)} values, and its shape {list(shape)} needs {math.prod(shape)}"
        )
    return Tensor(name, flat.reshape(tuple(shape)))


def from_binary(name: str, datatype: Any, shape: Sequence[int], content: bytes) -> Tensor:
    """A tensor from its binary form. Raises MicroserviceError."""
    kind = numpy_type(name, datatype)
    if kind == np.object_:
        flat = np.array(_texts(name, content), dtype=np.object_)
    elif len(content) % kind.itemsize:
        raise MicroserviceError(f"The input {name} has {len(content)} bytes, which are no whole values of {datatype}")
    else:
        flat = np.frombuffer(content, dtype=kind)
    return shaped(name, flat, shape)


def _texts(name: str, content: bytes) -> list[Any]:
    texts: list[Any] = []
    position = 0
    while position < len(content):
        end = position + _LENGTH.size
        size = _LENGTH.unpack_from(content, position)[0] if end <= len(content) else 0
        if end + size > len(content):
            raise MicroserviceError(f"The input {name} ends within an element of BYTES")
        texts.append(text(content[end : end + size]))
        position = end + size
    return texts


def text(element: bytes) -> str | bytes:
    """An element of BYTES as a model wants it: text where it is text."""
    try:
        return element.decode()
    except UnicodeDecodeError:
        return element


def element(value: Any) -> bytes:
    """The other way round; whatever is neither text nor bytes is written as text."""
    return value if isinstance(value, bytes) else str(value).encode()


def binary(tensor: Tensor) -> bytes:
    """The binary form of an output."""
    if tensor.datatype == "BYTES":
        parts = [element(value) for value in tensor.array.ravel().tolist()]
        return b"".join(piece for part in parts for piece in (_LENGTH.pack(len(part)), part))
    array = tensor.array
    return bytes(np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).tobytes())
