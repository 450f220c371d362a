"""HTTP/1.1 as the load generator speaks it: one request on one connection, and every way in which that can fail.

Nothing is sent twice, and nothing is forgiven: a library with a pool of its own would do either.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

_HEAD_LIMIT = 1 << 20
REFUSED = "refused"
BROKEN = "broken"


class NoAnswerError(Exception):
    """There is no whole answer. `kind` is REFUSED where no connection came about, BROKEN where it ended too early."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


@dataclass(frozen=True)
class Reply:
    """A whole answer; `keeps` tells whether its connection may be used again."""

    status: int
    body: bytes
    keeps: bool


@dataclass
class Wire:
    """A connection; `idle_since` is the moment of its last answer's end, on `time.monotonic`'s clock."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    idle_since: float = field(default_factory=time.monotonic)

    @property
    def usable(self) -> bool:
        """Whether the other side has left it open, as far as this side knows."""
        return not (self.reader.at_eof() or self.reader.exception() or self.writer.is_closing())

    def close(self) -> None:
        """Close it without waiting."""
        self.writer.close()


async def dial(host: str, port: int) -> Wire:
    """A new connection. Raises NoAnswerError."""
    try:
        return Wire(*await asyncio.open_connection(host, port, limit=_HEAD_LIMIT))
    except OSError as error:
        raise NoAnswerError(REFUSED, f"no connection to {host}:{port}: {error}") from error


def request(host: str, path: str, body: bytes) -> bytes:
    """A POST of JSON, whole."""
    head = (
        f"POST {path} HTTP/1.1",
        f"Host: {host}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "\r\n",
    )
    return "\r\n".join(head).encode() + body


async def exchange(wire: Wire, message: bytes) -> Reply:
    """Send a request and read its answer whole. Raises NoAnswerError."""
    try:
        wire.writer.write(message)
        await wire.writer.drain()
        return await _reply(wire.reader)
    except asyncio.IncompleteReadError as error:
        got = f"{len(error.partial)} bytes of what was awaited had come"
        raise NoAnswerError(BROKEN, f"the connection was closed before the answer was whole: {got}") from error
    except (asyncio.LimitOverrunError, ValueError) as error:
        raise NoAnswerError(BROKEN, f"the answer is no HTTP: {error}") from error
    except OSError as error:
        raise NoAnswerError(BROKEN, f"the connection broke: {error}") from error
    finally:
        wire.idle_since = time.monotonic()


async def _reply(reader: asyncio.StreamReader) -> Reply:
    start, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    protocol, status, *_ = [*start.split(" ", 2), "", ""]
    if not (protocol.startswith("HTTP/1.") and status.isdigit()):
        raise ValueError(f"it begins with {start[:80]!r}")
    fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if fields.get("transfer-encoding", "").lower() == "chunked":
        body = await _chunks(reader)
    elif "content-length" in fields:
        body = await reader.readexactly(int(fields["content-length"]))
    else:
        body = await reader.read()
        fields["connection"] = "close"
    return Reply(int(status), body, keeps=fields.get("connection", "").lower() != "close")


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    parts = []
    while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
        parts.append((await reader.readexactly(size + 2))[:-2])
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass  # trailers
    return b"".join(parts)
