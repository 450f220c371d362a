"""A transport without a socket: a test says how input is cut into pieces, and sees exactly what was written."""

import asyncio
from typing import Any

from seldon_core.transport.http2 import frames
from seldon_core.transport.http2.connection import Connection


class MemoryTransport(asyncio.Transport):
    """What a connection writes is kept."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.ended = False

    def write(self, data: Any) -> None:
        assert not self.ended, "written behind the end"
        self.written += bytes(data)

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.ended = True

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        self.ended = True

    def abort(self) -> None:
        self.ended = True

    def pause_reading(self) -> None:
        """Nothing is read by itself here."""

    def resume_reading(self) -> None:
        """As above."""


def connect(connection: Connection) -> MemoryTransport:
    transport = MemoryTransport()
    connection.connection_made(transport)
    return transport


def turns(loop: asyncio.AbstractEventLoop, number: int = 5) -> None:
    """Let the loop run what is ready, and what becomes ready by that."""
    for _ in range(number):
        loop.run_until_complete(asyncio.sleep(0))


def parsed(data: bytes) -> list[tuple[int, int, int, bytes]]:
    """Whole frames, and nothing but those: kind, flags, stream, payload."""
    found = []
    at = 0
    while at < len(data):
        high, low, kind, flags, stream = frames.HEAD.unpack_from(data, at)
        end = at + frames.HEAD_BYTES + (high << 8 | low)
        assert end <= len(data), "a frame is cut short"
        assert kind <= frames.CONTINUATION
        found.append((kind, flags, stream, data[at + frames.HEAD_BYTES : end]))
        at = end
    return found
