"""Header blocks of a client: what it repeats is put into the server's table once and is a byte from then on."""

from .fields import Field, number
from .frames import HEADER_TABLE_SIZE

_ROOM = 4096
"""Bytes of the server's table that a client may use before it is told otherwise."""
_ENTRY_BYTES = 32
_FIRST_DYNAMIC = 62


class FieldWriter:
    """Of one connection: its blocks must be sent in the order in which they were made. Entries are never replaced."""

    def __init__(self) -> None:
        self._entries: dict[Field, int] = {}
        self._room = _ROOM
        self._update = b""
        self._blocks: dict[tuple[bytes, tuple[Field, ...]], bytes] = {}

    def on_setting(self, name: int, value: int) -> None:
        """The server's word on its table. A smaller one is not used at all: such servers want to keep no state."""
        if name == HEADER_TABLE_SIZE and value < _ROOM and self._room:
            self._room = 0
            self._entries.clear()
            self._blocks.clear()
            self._update = number(0, 0x1F, 0x20)

    def block(self, start: bytes, fields: tuple[Field, ...]) -> bytes:
        """`start` and what follows it; the same two again cost one look-up."""
        known = self._blocks.get((start, fields))
        if known is not None:
            return known
        before = len(self._entries)
        parts = [start, *(self._field(field) for field in fields)]
        if len(self._entries) != before:
            self._blocks.clear()  # every entry has moved
        elif not self._update:
            self._blocks[start, fields] = b"".join(parts)
        update, self._update = self._update, b""
        return update + b"".join(parts)

    def _field(self, field: Field) -> bytes:
        place = self._entries.get(field)
        if place is not None:
            return number(_FIRST_DYNAMIC + len(self._entries) - 1 - place, 0x7F, 0x80)
        name, value = field
        size = len(name) + len(value) + _ENTRY_BYTES
        text = number(len(name), 0x7F, 0x00) + name + number(len(value), 0x7F, 0x00) + value
        if size > self._room:
            return b"\x00" + text
        self._room -= size
        self._entries[field] = len(self._entries)
        return b"\x40" + text
