"""Header blocks: HPACK, read with a memory, written without any. Source: RFC 7541.

Reading: what a block means depends on the table that earlier blocks have filled. A block that leaves the table as it is
means the same again until some block changes it, so that its meaning is kept until then; calls that repeat their
headers cost one look-up. The table and Huffman's code are the `hpack` package's; its decoder copies the rest of the
block for each field, so that the walk over a block is written here.

Writing: fields go as literals that no table remembers. Blocks can then be made once and sent on any connection.
"""

import re
from typing import Any

from hpack.exceptions import HPACKError
from hpack.huffman_table import decode_huffman
from hpack.table import HeaderTable

from .frames import Code, PeerError

MAX_LIST_BYTES = 64 * 1024
"""The largest list of fields that is read, counted as RFC 9113 6.5.2 does."""
_TABLE_BYTES = 4096  # what a peer may use before it is told otherwise, which it is not
_ENTRY_BYTES = 32
_FIRST_YOUNGEST = 0x80 | 62  # the byte that stands for the entry that was put into the table last
_KEPT_BLOCKS = 64
_KEPT_BLOCK_BYTES = 2048
_CUT = "a header block is cut short"

_UNSENDABLE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]").search

Field = tuple[bytes, bytes]


class Block:
    """The fields of one block. `meaning` is for whoever reads them: it stays as long as the block is remembered."""

    __slots__ = ("fields", "meaning")

    def __init__(self, fields: tuple[Field, ...]) -> None:
        self.fields = fields
        self.meaning: Any = None


class FieldReader:
    """Of one connection: blocks must be read in the order in which they came. Raises PeerError."""

    def __init__(self) -> None:
        self._table = HeaderTable()
        self._changed = False
        self._known: dict[bytes, Block] = {}

    def read(self, block: bytes) -> Block:
        """The fields of a block."""
        known = self._known.get(block)
        if known is not None:
            return known
        self._changed = False
        try:
            fields = self._decoded(block)
        except HPACKError as error:
            raise PeerError(Code.COMPRESSION_ERROR, f"a header block cannot be read: {error}") from error
        except IndexError as error:
            raise PeerError(Code.COMPRESSION_ERROR, _CUT) from error
        read = Block(fields)
        if self._changed:
            self._known.clear()
        elif len(block) <= _KEPT_BLOCK_BYTES:
            if len(self._known) >= _KEPT_BLOCKS:
                self._known.clear()
            self._known[block] = read
        return read

    def _decoded(self, block: bytes) -> tuple[Field, ...]:
        table = self._table
        youngest = table.dynamic_entries
        fields: list[Field] = []
        at, end, size = 0, len(block), 0
        while at < end:
            first = block[at]
            if first & 0x80:
                place = first - _FIRST_YOUNGEST
                if 0 <= place < len(youngest) and first != 0xFF:  # most fields by far
                    field = youngest[place]
                    at += 1
                else:
                    index, at = _integer(block, at, 0x7F)
                    field = table.get_by_index(index)
            elif first & 0xE0 == 0x20:
                self._resize(block, at, late=bool(fields))
                _, at = _integer(block, at, 0x1F)
                continue
            else:
                index, at = _integer(block, at, 0x3F if first & 0x40 else 0x0F)
                if index:
                    name = table.get_by_index(index)[0]
                else:
                    name, at = _text(block, at)
                value, at = _text(block, at)
                field = (name, value)
                if first & 0x40:
                    self._changed = True
                    table.add(name, value)
            size += len(field[0]) + len(field[1]) + _ENTRY_BYTES
            if size > MAX_LIST_BYTES:
                text = f"the headers are larger than {MAX_LIST_BYTES} bytes"
                raise PeerError(Code.ENHANCE_YOUR_CALM, text)
            fields.append(field)
        return tuple(fields)

    def _resize(self, block: bytes, at: int, *, late: bool) -> None:
        size, _ = _integer(block, at, 0x1F)
        if late or size > _TABLE_BYTES:
            raise PeerError(Code.COMPRESSION_ERROR, "the header table is resized where, or to what, it may not be")
        self._changed = True
        self._table.maxsize = size


def _integer(block: bytes, at: int, mask: int) -> tuple[int, int]:
    """A number whose first part fills `mask`, and where it ends."""
    number = block[at] & mask
    at += 1
    if number < mask:
        return number, at
    shift = 0
    while True:
        byte = block[at]
        at += 1
        number += (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
        shift += 7
        if shift > 28:
            raise PeerError(Code.COMPRESSION_ERROR, "a number in a header block is too large")


def _text(block: bytes, at: int) -> tuple[bytes, int]:
    coded = block[at] & 0x80
    size, at = _integer(block, at, 0x7F)
    end = at + size
    text = block[at:end]
    if len(text) != size:
        raise PeerError(Code.COMPRESSION_ERROR, _CUT)
    return (bytes(decode_huffman(text)) if coded else text), end


def literal(name: bytes, value: bytes) -> bytes:
    """A field that no table remembers. Raises ValueError where it would not stay one field."""
    if _UNSENDABLE(value):
        raise ValueError(f"the value of the header {name.decode('latin-1')} holds control characters")
    return b"\x00" + _sized(name) + _sized(value)


def indexed_name(index: int, value: bytes) -> bytes:
    """A literal whose name is an entry of the static table."""
    return number(index, 0x0F, 0x00) + _sized(value)


def number(value: int, mask: int, flags: int) -> bytes:
    """HPACK's form of a number behind `flags`."""
    if value < mask:
        return bytes((flags | value,))
    value -= mask
    parts = bytearray((flags | mask,))
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)


def _sized(text: bytes) -> bytes:
    size = len(text)
    return bytes((size,)) + text if size < 0x7F else number(size, 0x7F, 0x00) + text
