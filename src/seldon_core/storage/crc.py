"""The CRCs of S3's additional checksums, put together from those of pieces.

A large file comes in pieces, in any order, and each is summed as soon as it is there. The CRC of two pieces in a row
follows from theirs and from the length of the second: it is arithmetic of polynomials over GF(2), where appending n
bytes multiplies by x^8n. Source: Mark Adler, `crc32_combine` of zlib, of which this is the general form.
"""

import dataclasses
import functools
from collections.abc import Iterable


@dataclasses.dataclass(frozen=True)
class Crc:
    """A reflected CRC that begins with ones and is inverted at its end: bits, and its polynomial without the first."""

    bits: int
    polynomial: int


KINDS = {
    "crc32": Crc(32, 0xEDB88320),
    "crc32c": Crc(32, 0x82F63B78),
    "crc64nvme": Crc(64, 0x9A6C9329AC4BC9B5),
}


def of(kind: str, content: bytes) -> bytes:
    """Return the CRC of a few bytes, the highest first. Gigabytes are for the program `partsums`."""
    crc = KINDS[kind]
    table = _table(crc)
    ones = (1 << crc.bits) - 1
    value = ones
    for byte in content:
        value = value >> 8 ^ table[(value ^ byte) & 0xFF]
    return (value ^ ones).to_bytes(crc.bits // 8, "big")


def joined(kind: str, pieces: Iterable[tuple[bytes, int]]) -> bytes:
    """Return the CRC of pieces in a row, each given by its CRC and its length."""
    crc = KINDS[kind]
    value = 0  # of nothing
    for digest, length in pieces:
        value = _product(crc, _power(crc, 8 * length), value) ^ int.from_bytes(digest, "big")
    return value.to_bytes(crc.bits // 8, "big")


@functools.cache
def _table(crc: Crc) -> tuple[int, ...]:
    found = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value >> 1 ^ (crc.polynomial if value & 1 else 0)
        found.append(value)
    return tuple(found)


@functools.lru_cache(maxsize=64)
def _power(crc: Crc, exponent: int) -> int:
    """Return a power of x. The highest bit is x^0: a reflected CRC's coefficients are in that order."""
    result, square = 1 << crc.bits - 1, 1 << crc.bits - 2
    while exponent:
        if exponent & 1:
            result = _product(crc, result, square)
        square = _product(crc, square, square)
        exponent >>= 1
    return result


def _product(crc: Crc, one: int, other: int) -> int:
    result = 0
    for bit in range(crc.bits - 1, -1, -1):
        if one >> bit & 1:
            result ^= other
        other = other >> 1 ^ (crc.polynomial if other & 1 else 0)
    return result
