"""Protobuf's wire format, as little of it as the payloads of this benchmark need.

By hand, because a generated module of ours could be wrong on both sides at once, and because rendering and checking
must not cost more than the servers' own work. Source: protobuf's encoding guide.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def varint(number: int) -> bytes:
    """Seven bits a byte, lowest first. `number` is not negative."""
    parts = bytearray()
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    parts.append(number)
    return bytes(parts)


def field(number: int, content: bytes | str) -> bytes:
    """A field of bytes, of text, of a message or of packed numbers."""
    data = content.encode() if isinstance(content, str) else content
    return varint(number << 3 | _BYTES) + varint(len(data)) + data


def integers(number: int, values: tuple[int, ...]) -> bytes:
    """A packed field of integers that are not negative."""
    return field(number, b"".join(varint(value) for value in values))


def doubles(number: int, values: np.ndarray) -> bytes:
    """A packed field of doubles."""
    return field(number, np.ascontiguousarray(values, dtype="<f8").tobytes())


def fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Each field's number and value: an int for varints, bytes for everything else. Raises ValueError if cut short."""
    at, size = 0, len(message)
    while at < size:
        key, at = _read_varint(message, at)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, at = _read_varint(message, at)
            yield number, value
            continue
        if kind == _BYTES:
            length, at = _read_varint(message, at)
        elif kind in {_FIXED64, _FIXED32}:
            length = 8 if kind == _FIXED64 else 4
        else:
            raise ValueError(f"field {number} has the wire type {kind}, which no message here has")
        if at + length > size:
            raise ValueError(f"field {number} is cut short")
        yield number, message[at : at + length]
        at += length


def child(message: bytes, *path: int) -> bytes:
    """The bytes field at a path of field numbers, the first one of each. Raises ValueError where there is none."""
    for number in path:
        for found, value in fields(message):
            if found == number and isinstance(value, bytes):
                message = value
                break
        else:
            raise ValueError(f"there is no field {number}")
    return message


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    try:
        while True:
            byte = message[at]
            at += 1
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                return number, at
            shift += 7
    except IndexError as error:
        raise ValueError("a number is cut short") from error
