"""Frame by frame: what HTTP/2 forbids ends the stream or the connection with the right code. Source: RFC 9113."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import hpack
import pytest

from seldon_core.transport.http2 import frames
from seldon_core.transport.http2.frames import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    PADDED,
    PING,
    PREFACE,
    PRIORITIZED,
    PRIORITY,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    Code,
    frame,
)
from seldon_core.transport.rpc import RpcAnswer, RpcRequest
from seldon_core.transport.rpc_server import RpcServer
from tests.unit.transport.rpcstand import echo, yes

pytestmark = pytest.mark.asyncio
METHOD = "/a.B/Echo"
OPENING = PREFACE + frame(SETTINGS, 0, 0)
BOTH = END_HEADERS | END_STREAM
MESSAGE = b"\x00\x00\x00\x00\x02hi"


def block(*more: tuple[str, str], leave_out: str = "", **changed: str) -> bytes:
    """A request's headers, none of them kept in a table."""
    fields = {
        ":method": "POST",
        ":scheme": "http",
        ":path": METHOD,
        ":authority": "x",
        "content-type": "application/grpc",
        "te": "trailers",
    }
    fields |= {name.replace("_", "-"): value for name, value in changed.items()}
    fields.pop(leave_out, None)
    headers = [hpack.NeverIndexedHeaderTuple(name, value) for name, value in (*fields.items(), *more)]
    return hpack.Encoder().encode(headers)


HELD = frame(HEADERS, END_HEADERS, 1, block())
"""A call that has not ended."""
CALL = HELD + frame(DATA, END_STREAM, 1, MESSAGE)


class Wire:
    """A client that sends bytes, and reads frames."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.decoder = hpack.Decoder()

    async def frame(self) -> tuple[int, int, int, bytes]:
        """The next one: kind, flags, stream, payload. EOFError at the end."""
        async with asyncio.timeout(5):
            head = await self.reader.readexactly(9)
            high, low, kind, flags, stream = frames.HEAD.unpack(head)
            payload = await self.reader.readexactly(high << 8 | low)
        return kind, flags, stream, payload

    async def next(self, *kinds: int) -> tuple[int, int, int, bytes]:
        """The next one of these kinds."""
        while True:
            found = await self.frame()
            if found[0] in kinds:
                return found

    async def answered(self, stream: int) -> None:
        """A call was answered well."""
        kind, flags, number, payload = await self.next(HEADERS, RST_STREAM, GOAWAY)
        assert (kind, number) == (HEADERS, stream), payload
        while not flags & END_STREAM:
            fields = dict(self.decoder.decode(payload))
            kind, flags, number, payload = await self.next(HEADERS, RST_STREAM, GOAWAY)
            assert (kind, number) == (HEADERS, stream), payload
        fields |= dict(self.decoder.decode(payload))
        assert fields["grpc-status"] == "0", fields


@asynccontextmanager
async def wire(opening: bytes = OPENING, handler: Any = echo) -> AsyncIterator[tuple[Wire, RpcServer]]:
    server = RpcServer({METHOD: handler}, ready=yes, name="test")
    await server.start("127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(opening)
    try:
        yield Wire(reader, writer), server
    finally:
        writer.close()
        await server.drain(0)


def padded(data: bytes, size: int) -> bytes:
    return bytes((size,)) + data + bytes(size)


FATAL = {
    "data without a stream": (frame(DATA, 0, 0, b"x"), Code.PROTOCOL_ERROR),
    "data on a stream that is not open": (frame(DATA, 0, 1, b"x"), Code.PROTOCOL_ERROR),
    "padding beyond the frame": (HELD + frame(DATA, PADDED, 1, b"\x09abc"), Code.PROTOCOL_ERROR),
    "padding as large as the frame": (HELD + frame(DATA, PADDED, 1, b"\x04abc"), Code.PROTOCOL_ERROR),
    "padding without its length": (HELD + frame(DATA, PADDED, 1), Code.PROTOCOL_ERROR),
    "headers without a stream": (frame(HEADERS, BOTH, 0, block()), Code.PROTOCOL_ERROR),
    "an even stream": (frame(HEADERS, BOTH, 2, block()), Code.PROTOCOL_ERROR),
    "a lower stream": (frame(HEADERS, BOTH, 3, block()) + frame(HEADERS, BOTH, 1, block()), Code.STREAM_CLOSED),
    "headers padded beyond the frame": (frame(HEADERS, BOTH | PADDED, 1, b"\xff" + block()), Code.PROTOCOL_ERROR),
    "headers too short for a priority": (frame(HEADERS, BOTH | PRIORITIZED, 1, b"abc"), Code.FRAME_SIZE_ERROR),
    "a block that cannot be read": (frame(HEADERS, BOTH, 1, b"\xff\xff\xff\xff\xff\x0f"), Code.COMPRESSION_ERROR),
    "a block that is cut short": (frame(HEADERS, BOTH, 1, block()[:-3]), Code.COMPRESSION_ERROR),
    "an index out of range": (frame(HEADERS, BOTH, 1, b"\xbe"), Code.COMPRESSION_ERROR),
    "a table that is too large": (frame(HEADERS, BOTH, 1, b"\x3f\xe2\x1f" + block()), Code.COMPRESSION_ERROR),
    "a table resized too late": (frame(HEADERS, BOTH, 1, block() + b"\x20"), Code.COMPRESSION_ERROR),
    "a continuation of nothing": (frame(CONTINUATION, END_HEADERS, 1, block()), Code.PROTOCOL_ERROR),
    "a frame within a block": (frame(HEADERS, 0, 1, block()) + frame(PING, 0, 0, bytes(8)), Code.PROTOCOL_ERROR),
    "a block continued on another stream": (
        frame(HEADERS, 0, 1, block()) + frame(CONTINUATION, END_HEADERS, 3),
        Code.PROTOCOL_ERROR,
    ),
    "an endless block": (
        frame(HEADERS, 0, 1, block()) + frame(CONTINUATION, 0, 1, bytes(40_000)) * 2,
        Code.ENHANCE_YOUR_CALM,
    ),
    "continuations that carry nothing": (
        frame(HEADERS, 0, 1, block()) + frame(CONTINUATION, 0, 1) * 5000,
        Code.ENHANCE_YOUR_CALM,
    ),
    "headers beyond the limit": (
        frame(HEADERS, BOTH, 1, block() + b"\x40\x01x\x7f\xa1\x1e" + b"y" * 4000 + b"\xbe" * 20),
        Code.ENHANCE_YOUR_CALM,
    ),
    "a priority without a stream": (frame(PRIORITY, 0, 0, bytes(5)), Code.PROTOCOL_ERROR),
    "a reset without a stream": (frame(RST_STREAM, 0, 0, bytes(4)), Code.PROTOCOL_ERROR),
    "a reset of a stream that is not open": (frame(RST_STREAM, 0, 1, bytes(4)), Code.PROTOCOL_ERROR),
    "a reset of a wrong size": (HELD + frame(RST_STREAM, 0, 1, bytes(3)), Code.FRAME_SIZE_ERROR),
    "settings on a stream": (frame(SETTINGS, 0, 1), Code.PROTOCOL_ERROR),
    "settings of a wrong size": (frame(SETTINGS, 0, 0, bytes(5)), Code.FRAME_SIZE_ERROR),
    "an acknowledgement with settings": (frame(SETTINGS, ACK, 0, bytes(6)), Code.FRAME_SIZE_ERROR),
    "push neither on nor off": (frames.settings(enable_push=2), Code.PROTOCOL_ERROR),
    "a window that is too wide": (frames.settings(initial_window_size=2**31), Code.FLOW_CONTROL_ERROR),
    "frames that are too small": (frames.settings(max_frame_size=16_383), Code.PROTOCOL_ERROR),
    "frames that are too large": (frames.settings(max_frame_size=2**24), Code.PROTOCOL_ERROR),
    "a promised push": (frame(PUSH_PROMISE, END_HEADERS, 1, bytes(4) + block()), Code.PROTOCOL_ERROR),
    "a ping on a stream": (frame(PING, 0, 1, bytes(8)), Code.PROTOCOL_ERROR),
    "a ping of a wrong size": (frame(PING, 0, 0, bytes(7)), Code.FRAME_SIZE_ERROR),
    "a goaway on a stream": (frame(GOAWAY, 0, 1, bytes(8)), Code.PROTOCOL_ERROR),
    "a goaway of a wrong size": (frame(GOAWAY, 0, 0, bytes(7)), Code.FRAME_SIZE_ERROR),
    "a window update of a wrong size": (frame(WINDOW_UPDATE, 0, 0, bytes(3)), Code.FRAME_SIZE_ERROR),
    "a window update of nothing": (frames.window_update(0, 0), Code.PROTOCOL_ERROR),
    "a window beyond its bound": (frames.window_update(0, 2**31 - 1), Code.FLOW_CONTROL_ERROR),
    "a window of a stream that is not open": (frames.window_update(1, 1), Code.PROTOCOL_ERROR),
    "a frame beyond the limit": (frame(HEADERS, BOTH, 1, bytes(70_000)), Code.FRAME_SIZE_ERROR),
    "an unknown frame beyond the limit": (frame(99, 0, 1, bytes(70_000)), Code.FRAME_SIZE_ERROR),
    "a flood of pings": (frame(PING, 0, 0, bytes(8)) * 5000, Code.ENHANCE_YOUR_CALM),
    "a flood of settings": (frame(SETTINGS, 0, 0) * 5000, Code.ENHANCE_YOUR_CALM),
    "a flood of empty data": (HELD + frame(DATA, 0, 1) * 5000, Code.ENHANCE_YOUR_CALM),
    "a flood of unknown frames": (frame(99, 0, 0) * 5000, Code.ENHANCE_YOUR_CALM),
    "a rapid reset": (
        b"".join(
            frame(HEADERS, END_HEADERS, number, block()) + frame(RST_STREAM, 0, number, bytes(4))
            for number in range(1, 10_001, 2)
        ),
        Code.ENHANCE_YOUR_CALM,
    ),
    "streams that we have to reset": (
        b"".join(frame(HEADERS, BOTH, number, block(leave_out=":path")) for number in range(1, 10_001, 2)),
        Code.ENHANCE_YOUR_CALM,
    ),
}
"""What ends the connection."""


@pytest.mark.parametrize("what", FATAL)
async def test_what_ends_the_connection(what: str) -> None:
    sent, code = FATAL[what]
    async with wire() as (client, server):
        client.writer.write(sent)
        _, _, stream, payload = await client.next(GOAWAY)
        assert stream == 0
        assert Code(int.from_bytes(payload[4:8], "big")) is code, payload
        assert payload[8:], "a text says why"
        with pytest.raises(EOFError):
            await client.next(GOAWAY)
        client.writer.close()
        await server._wait_empty(5)
        assert not server._connections


@pytest.mark.parametrize(
    "opening",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
        PREFACE + frame(PING, 0, 0, bytes(8)),
        PREFACE + frame(SETTINGS, ACK, 0),
        PREFACE + HELD,
    ],
)
async def test_what_is_no_beginning(opening: bytes) -> None:
    async with wire(opening) as (client, _):
        _, _, _, payload = await client.next(GOAWAY)
        assert Code(int.from_bytes(payload[4:8], "big")) is Code.PROTOCOL_ERROR


BROKEN = {
    "an upper-case name": (block(("X-Y", "1")), Code.PROTOCOL_ERROR),
    "an unknown pseudo-header": (block((":x", "1")), Code.PROTOCOL_ERROR),
    "a pseudo-header of an answer": (block((":status", "200")), Code.PROTOCOL_ERROR),
    "a pseudo-header behind others": (block((":path", "/x"), leave_out=":path"), Code.PROTOCOL_ERROR),
    "no method": (block(leave_out=":method"), Code.PROTOCOL_ERROR),
    "no scheme": (block(leave_out=":scheme"), Code.PROTOCOL_ERROR),
    "no path": (block(leave_out=":path"), Code.PROTOCOL_ERROR),
    "an empty path": (block(**{":path": ""}), Code.PROTOCOL_ERROR),
    "a header of the connection": (block(("connection", "close")), Code.PROTOCOL_ERROR),
    "a te that is not trailers": (block(te="gzip"), Code.PROTOCOL_ERROR),
    "a line break in a value": (block(("x", "a\nb")), Code.PROTOCOL_ERROR),
    "a length that is no number": (block(("content-length", "x")), Code.PROTOCOL_ERROR),
    "two lengths": (block(("content-length", "1"), ("content-length", "2")), Code.PROTOCOL_ERROR),
}
"""Headers that end their stream."""


@pytest.mark.parametrize("what", BROKEN)
async def test_headers_that_end_their_stream_alone(what: str) -> None:
    sent, code = BROKEN[what]
    async with wire() as (client, _):
        client.writer.write(frame(HEADERS, BOTH, 1, sent) + frame(HEADERS, END_HEADERS, 3, block()))
        client.writer.write(frame(DATA, END_STREAM, 3, MESSAGE))
        kind, _, stream, payload = await client.next(RST_STREAM, GOAWAY)
        assert (kind, stream, Code(int.from_bytes(payload, "big"))) == (RST_STREAM, 1, code)
        await client.answered(3)


STREAM = {
    "a body beyond its length": (
        frame(HEADERS, END_HEADERS, 1, block(("content-length", "3"))) + frame(DATA, 0, 1, MESSAGE),
        Code.PROTOCOL_ERROR,
    ),
    "a body short of its length": (
        frame(HEADERS, END_HEADERS, 1, block(("content-length", "9"))) + frame(DATA, END_STREAM, 1, MESSAGE),
        Code.PROTOCOL_ERROR,
    ),
    "trailers that end nothing": (HELD + frame(HEADERS, END_HEADERS, 1, b""), Code.PROTOCOL_ERROR),
    "trailers with a pseudo-header": (HELD + frame(HEADERS, BOTH, 1, block()), Code.PROTOCOL_ERROR),
    "a window of a stream beyond its bound": (HELD + frames.window_update(1, 2**31 - 1), Code.FLOW_CONTROL_ERROR),
    "a window of a stream widened by nothing": (HELD + frames.window_update(1, 0), Code.PROTOCOL_ERROR),
    "a priority of a wrong size": (HELD + frame(PRIORITY, 0, 1, bytes(4)), Code.FRAME_SIZE_ERROR),
    "a stream that depends on itself": (HELD + frame(PRIORITY, 0, 1, b"\0\0\0\1\0"), Code.PROTOCOL_ERROR),
}
"""Frames that end their stream."""


@pytest.mark.parametrize("what", STREAM)
async def test_frames_that_end_their_stream_alone(what: str) -> None:
    sent, code = STREAM[what]
    async with wire() as (client, _):
        client.writer.write(sent)
        kind, _, stream, payload = await client.next(RST_STREAM, GOAWAY)
        assert (kind, stream, Code(int.from_bytes(payload, "big"))) == (RST_STREAM, 1, code)
        client.writer.write(frame(DATA, 0, 1, b"late") + frame(HEADERS, END_HEADERS, 3, block()))
        client.writer.write(frame(DATA, END_STREAM, 3, MESSAGE))
        await client.answered(3)


@pytest.mark.parametrize("late", [frame(DATA, 0, 1, b"x"), frame(HEADERS, BOTH, 1, b"")])
async def test_frames_behind_the_end_of_a_stream(late: bytes) -> None:
    async def hang(_: RpcRequest) -> RpcAnswer:
        await asyncio.Event().wait()
        return RpcAnswer(b"")

    async with wire(handler=hang) as (client, _):
        client.writer.write(CALL + late)
        kind, _, stream, payload = await client.next(RST_STREAM, GOAWAY)
        assert (kind, stream, Code(int.from_bytes(payload, "big"))) == (RST_STREAM, 1, Code.STREAM_CLOSED)


FINE = {
    "padding": frame(HEADERS, END_HEADERS | PADDED, 1, padded(block(), 7))
    + frame(DATA, PADDED | END_STREAM, 1, padded(MESSAGE, 255)),
    "a priority in the headers": frame(HEADERS, END_HEADERS | PRIORITIZED, 1, b"\x80\0\0\0\xff" + block())
    + frame(DATA, END_STREAM, 1, MESSAGE),
    "priorities of any stream": frame(PRIORITY, 0, 9, bytes(5)) + CALL,
    "continuations": frame(HEADERS, 0, 1, block()[:5])
    + frame(CONTINUATION, 0, 1, block()[5:9])
    + frame(CONTINUATION, 0, 1)
    + frame(CONTINUATION, END_HEADERS, 1, block()[9:])
    + frame(DATA, END_STREAM, 1, MESSAGE),
    "an unknown frame": frame(0x77, 0xFF, 1, b"what") + CALL,
    "an unknown setting": frame(SETTINGS, 0, 0, b"\x00\x99\xff\xff\xff\xff") + CALL,
    "the reserved bit": HELD + frame(DATA, END_STREAM, 0x80000001, MESSAGE),
    "unknown flags": frame(HEADERS, 0xC2 | END_HEADERS, 1, block()) + frame(DATA, 0xF6 | END_STREAM, 1, MESSAGE),
    "a message in single bytes": HELD
    + b"".join(frame(DATA, 0, 1, MESSAGE[at : at + 1]) for at in range(len(MESSAGE)))
    + frame(DATA, END_STREAM, 1),
    "trailers": HELD
    + frame(DATA, 0, 1, MESSAGE)
    + frame(HEADERS, BOTH, 1, hpack.Encoder().encode([hpack.NeverIndexedHeaderTuple("k", "v")])),
    "a length": frame(HEADERS, END_HEADERS, 1, block(("content-length", str(len(MESSAGE)))))
    + frame(DATA, END_STREAM, 1, MESSAGE),
    "a table that shrinks": frame(HEADERS, END_HEADERS, 1, b"\x20" + block()) + frame(DATA, END_STREAM, 1, MESSAGE),
}
"""What is allowed, however rare."""


@pytest.mark.parametrize("what", FINE)
async def test_what_is_allowed(what: str) -> None:
    async with wire() as (client, _):
        client.writer.write(FINE[what] + frame(PING, 0, 0, b"12345678"))
        await client.answered(1)
        client.writer.write(frame(HEADERS, END_HEADERS, 3, block()) + frame(DATA, END_STREAM, 3, MESSAGE))
        await client.answered(3)


async def test_a_ping_is_answered_before_everything_else() -> None:
    async with wire() as (client, _):
        client.writer.write(frame(PING, 0, 0, b"12345678"))
        assert (await client.next(PING))[1:] == (ACK, 0, b"12345678")


async def test_streams_beyond_the_limit_are_refused_and_the_others_live() -> None:
    release = asyncio.Event()

    async def wait(request: RpcRequest) -> RpcAnswer:
        await release.wait()
        return RpcAnswer(request.body)

    async with wire(handler=wait) as (client, _):
        end = frame(DATA, END_STREAM, 0, MESSAGE)
        for number in range(1, 2 * 1025, 2):
            client.writer.write(frame(HEADERS, END_HEADERS, number, block()))
            client.writer.write(end[:5] + number.to_bytes(4, "big") + end[9:])
        _, _, stream, payload = await client.next(RST_STREAM)
        assert (stream, Code(int.from_bytes(payload, "big"))) == (2049, Code.REFUSED_STREAM)
        release.set()
        for _ in range(1024):
            assert (await client.next(DATA))[3] == MESSAGE


async def test_the_end_is_told_twice_and_loses_no_call() -> None:
    begun, release = asyncio.Event(), asyncio.Event()

    async def wait(request: RpcRequest) -> RpcAnswer:
        begun.set()
        await release.wait()
        return RpcAnswer(request.body)

    async with wire(handler=wait) as (client, server):
        client.writer.write(CALL)
        await asyncio.wait_for(begun.wait(), 5)
        ending = asyncio.ensure_future(server.drain(20))
        assert (await client.next(GOAWAY))[3] == b"\x7f\xff\xff\xff" + bytes(4)
        asked = (await client.next(PING))[3]
        # Sent before the client knew: it is served.
        client.writer.write(frame(HEADERS, END_HEADERS, 3, block()) + frame(DATA, END_STREAM, 3, MESSAGE))
        client.writer.write(frame(PING, ACK, 0, asked))
        assert (await client.next(GOAWAY))[3] == (3).to_bytes(4, "big") + bytes(4)
        # Sent after that: it is not, and the client knows it.
        client.writer.write(frame(HEADERS, END_HEADERS, 5, block()) + frame(DATA, END_STREAM, 5, MESSAGE))
        release.set()
        streams = [(await client.next(DATA, RST_STREAM))[2] for _ in range(2)]
        assert sorted(streams) == [1, 3]
        with pytest.raises(EOFError):
            await client.next(DATA, RST_STREAM)
        client.writer.close()
        await asyncio.wait_for(ending, 5)


async def test_a_client_that_does_not_answer_the_end_is_let_go_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seldon_core.transport.rpc_server._DOOR_SECONDS", 0.05)
    monkeypatch.setattr("seldon_core.transport.http2.connection._LINGER_SECONDS", 0.05)
    async with wire() as (client, server):
        client.writer.write(CALL)
        await client.answered(1)
        await asyncio.wait_for(server.drain(20), 5)
        with pytest.raises(EOFError):
            await client.next(HEADERS)
