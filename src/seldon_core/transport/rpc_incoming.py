"""A message of gRPC that arrives in pieces.

A large one is put together as it comes: thousands of pieces that live until the last one is there would leave the
process with memory in which nothing large fits any more.
"""

from .budget import SMALL_BYTES
from .rpc_wire import PREFIX_BYTES


class Incoming:
    """The pieces so far. `size` is -1 until the message's prefix is there."""

    __slots__ = ("_parts", "_whole", "compressed", "got", "size")

    def __init__(self) -> None:
        self.size = -1
        self.compressed = 0
        self.got = 0
        """Bytes that came, the prefix included."""
        self._parts: list[bytes] = []
        self._whole: bytearray | None = None

    def add(self, data: bytes) -> bool:
        """Take a piece. True where it has made the size known."""
        self.got += len(data)
        if self._whole is not None:
            at = self.got - len(data) - PREFIX_BYTES
            self._whole[at : at + len(data)] = data  # longer than it should be where the client sends too much
            return False
        self._parts.append(data)
        if self.size >= 0 or self.got < PREFIX_BYTES:
            return False
        begin = b"".join(self._parts)
        self.compressed = begin[0]
        self.size = int.from_bytes(begin[1:PREFIX_BYTES], "big")
        self._parts = [begin[PREFIX_BYTES:]]
        return True

    def prepare(self) -> None:
        """Have room for all of it, where it is large. The size is known, and allowed."""
        if self.size > SMALL_BYTES:
            begin = b"".join(self._parts)
            self._whole = bytearray(self.size)
            self._whole[: len(begin)] = begin
            self._parts = []

    @property
    def complete(self) -> bool:
        """Whether all of it is there, and nothing behind it."""
        return self.size >= 0 and self.got == PREFIX_BYTES + self.size

    @property
    def excessive(self) -> bool:
        """Whether there is something behind it."""
        return self.size >= 0 and self.got > PREFIX_BYTES + self.size

    def drop(self) -> None:
        """Nobody wants it any more."""
        self._parts = []
        self._whole = None

    def take(self) -> bytes:
        """The message, as it came."""
        parts, whole = self._parts, self._whole
        self.drop()
        return b"".join(parts) if whole is None else bytes(whole)
