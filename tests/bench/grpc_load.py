"""The load generator for gRPC: unary calls on raw HTTP/2 frames, a connection each with one call in flight.

grpcio's own client makes about as many calls a second on one core as its server answers, and could not show a faster
one. What is left out (flow control of big messages, header blocks in several frames, padding) is a failure if it comes.
Sources: RFC 9113 (frames), RFC 7541 (headers), gRPC's PROTOCOL-HTTP2.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import cast

import hpack

from .load import HOST, RETRY_SECONDS, Load

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITY = 0x1, 0x1, 0x4, 0x8, 0x20
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
FIRST_WINDOW = 65_535
"""Octets that may be sent before the peer allows more."""
_LARGEST_WINDOW = 2**31 - 1
_TOP_UP = 2**30
_INITIAL_WINDOW_SIZE = 4


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """A frame of HTTP/2."""
    return len(payload).to_bytes(3) + bytes((kind, flags)) + stream.to_bytes(4) + payload


def setting(name: int, value: int) -> bytes:
    """One entry of a SETTINGS frame."""
    return name.to_bytes(2) + value.to_bytes(4)


def _literal(name: bytes, value: bytes) -> bytes:
    """A header with a new name that is remembered: what a client sends the first time. All are shorter than 127."""
    return b"\x40" + bytes((len(name),)) + name + bytes((len(value),)) + value


def header_blocks(path: str, authority: str) -> tuple[bytes, bytes]:
    """A connection's first block of request headers, and the one for all further requests: numbers of the first's.

    62 is the youngest entry of the table, so the six that the first block adds are 67 down to 62.
    """
    first = b"\x83\x86" + b"".join(  # :method POST, :scheme http
        (
            _literal(b":path", path.encode()),
            _literal(b":authority", authority.encode()),
            _literal(b"content-type", b"application/grpc"),
            _literal(b"te", b"trailers"),
            _literal(b"user-agent", b"seldon-bench"),
            _literal(b"grpc-accept-encoding", b"identity"),
        )
    )
    return first, b"\x83\x86" + bytes(0x80 | entry for entry in range(67, 61, -1))


OPENING = (
    PREFACE
    + frame(SETTINGS, 0, 0, setting(2, 0) + setting(_INITIAL_WINDOW_SIZE, _LARGEST_WINDOW))  # 2: no server push
    + frame(WINDOW_UPDATE, 0, 0, (_LARGEST_WINDOW - FIRST_WINDOW).to_bytes(4))
)


def grpc_client(path: str) -> Callable[[Load], GrpcClient]:
    """What makes clients that call this method."""
    return lambda load: GrpcClient(load, path)


class GrpcClient(asyncio.Protocol):
    """One connection. An answer is kept without its length prefix."""

    def __init__(self, load: Load, path: str) -> None:
        self._load = load
        self._path = path
        self._transport: asyncio.Transport | None = None
        self._block, self._later_block = header_blocks(path, f"{HOST}:{load.port}")
        self._stream = -1
        self._window = FIRST_WINDOW
        self._held = False
        self._rest = b""
        self._message = b""
        self._received = 0
        self._decoder = hpack.Decoder()
        self._known: dict[bytes, dict[str, str]] = {}
        self._index = 0
        self._sent = 0.0
        self._over = False

    def ask(self) -> None:
        """Make the next call."""
        load = self._load
        if load.stopped:
            self._over = True
            if self._transport is not None:
                self._transport.close()
            load.leave()
            return
        self._index = next(load.order)
        self._sent = time.perf_counter()
        if self._transport is None:
            load.spawn(self._connect())
        else:
            self._send()

    async def _connect(self) -> None:
        try:
            await asyncio.get_running_loop().create_connection(lambda: self, HOST, self._load.port)
        except OSError as error:
            self._fail(f"connection refused: {error.strerror or error}")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Open HTTP/2 and make the call that the connection was made for."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(OPENING)
        self._send()

    def _send(self) -> None:
        request = self._load.requests[self._index]
        size = len(request)
        if size > self._window:
            self._held = True  # until the server allows more
            return
        assert self._transport is not None
        self._window -= size
        self._stream += 2
        stream = self._stream.to_bytes(4)
        block = self._block
        self._transport.write(
            b"".join(
                (len(block).to_bytes(3), b"\x01\x04", stream, block, size.to_bytes(3), b"\x00\x01", stream, request)
            )
        )
        self._block = self._later_block

    def data_received(self, data: bytes) -> None:
        """Take the frames that are whole."""
        if self._rest:
            data = self._rest + data
        at, size = 0, len(data)
        while size - at >= 9:
            end = at + 9 + int.from_bytes(data[at : at + 3])
            if end > size:
                break
            kind, flags = data[at + 3], data[at + 4]
            if kind == DATA and not flags & PADDED:
                self._message += data[at + 9 : end]
                self._received += end - at - 9
            elif kind == HEADERS and flags & (END_HEADERS | PADDED | PRIORITY) == END_HEADERS:
                headers = self._headers(data[at + 9 : end])
                if flags & END_STREAM:
                    self._answered(headers)
            elif not self._control(kind, flags, data[at + 5 : at + 9], data[at + 9 : end]):
                return
            at = end
        self._rest = data[at:]

    def _headers(self, block: bytes) -> dict[str, str]:
        """The headers of a block. One that changed nothing in the table means the same again until something does."""
        known = self._known.get(block)
        if known is not None:
            return known
        table = self._decoder.header_table.dynamic_entries
        before = (len(table), table[0] if table else None)
        headers = {str(name): str(value) for name, value in self._decoder.decode(block)}
        after = (len(table), table[0] if table else None)
        if before[0] != after[0] or before[1] is not after[1]:
            self._known.clear()
        else:
            self._known[block] = headers
        return headers

    def _answered(self, headers: dict[str, str]) -> None:
        now = time.perf_counter()
        load = self._load
        if headers.get("grpc-status") == "0":
            load.indices.append(self._index)
            load.answers.append(self._message[5:])
            load.seconds.append(now - self._sent)
        else:
            load.fail(f"grpc-status {headers.get('grpc-status', 'missing')}: {headers.get('grpc-message', '')}".strip())
        self._message = b""
        if self._received > _TOP_UP and self._transport is not None:
            self._transport.write(frame(WINDOW_UPDATE, 0, 0, self._received.to_bytes(4)))
            self._received = 0
        self.ask()

    def _control(self, kind: int, flags: int, stream: bytes, payload: bytes) -> bool:
        """A frame that carries no answer. False where the connection is of no use any more."""
        assert self._transport is not None
        if kind == SETTINGS:
            if not flags & ACK:
                self._transport.write(frame(SETTINGS, ACK, 0))
        elif kind == PING:
            if not flags & ACK:
                self._transport.write(frame(PING, ACK, 0, payload))
        elif kind == WINDOW_UPDATE:
            if not any(stream):  # a stream's own is of no interest: none is sent more than its first window
                self._window += int.from_bytes(payload)
            if self._held:
                self._held = False
                self._send()
        elif kind in {DATA, HEADERS, RST_STREAM, GOAWAY}:
            self._fail(f"HTTP/2 frame {kind} with flags {flags}: {payload[:80]!r}")
            return False
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Count the call that was lost with it."""
        if not self._over:
            self._fail(f"connection lost: {exc or 'closed by the server'}")

    def _fail(self, reason: str) -> None:
        self._load.fail(reason)
        self._over = True
        if self._transport is not None:
            self._transport.close()
        asyncio.get_running_loop().call_later(RETRY_SECONDS, GrpcClient(self._load, self._path).ask)
