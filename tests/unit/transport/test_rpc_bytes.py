"""The server against `h2` as its client: framing, compression, limits, errors, flow control, seen on the wire."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import h2.errors
import h2.events
import h2.settings
import pytest

from seldon_core.transport.rpc import RpcAnswer, RpcError, RpcRequest, Status
from seldon_core.transport.rpc_server import RpcServer
from tests.unit.transport.h2peer import H2Peer, connected, message
from tests.unit.transport.rpcstand import echo, yes

pytestmark = pytest.mark.asyncio
METHOD = "/a.B/Echo"


@asynccontextmanager
async def peer_of(handler: Any = echo, **more: Any) -> AsyncIterator[tuple[H2Peer, RpcServer]]:
    server = RpcServer({METHOD: handler}, ready=yes, name="test", **more)
    await server.start("127.0.0.1", 0)
    try:
        async with connected(server.port) as peer:
            yield peer, server
    finally:
        await server.drain(0)


async def test_an_answer_has_headers_a_message_and_trailers() -> None:
    async with peer_of() as (peer, _):
        stream = peer.call(METHOD, b"hello")
        status, data, fields = await peer.outcome(stream)
        assert (status, data) == ("0", message(b"hello"))
        assert (fields[":status"], fields["content-type"]) == ("200", "application/grpc")
        assert "gzip" in fields["grpc-accept-encoding"]


async def test_an_error_without_metadata_is_trailers_alone() -> None:
    async def refuse(_: RpcRequest) -> RpcAnswer:
        raise RpcError(Status.ABORTED, "50 % ü\n")

    async with peer_of(refuse) as (peer, _):
        stream = peer.call(METHOD, b"")
        status, data, fields = await peer.outcome(stream)
        assert (status, data, fields["grpc-message"]) == ("10", b"", "50 %25 %C3%BC%0A")
        assert not any(isinstance(event, h2.events.TrailersReceived) for event in peer.events)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content-type": "application/json"}, "415"),
        ({"content-type": "application/grpc-web"}, "415"),
        ({":method": "GET"}, "405"),
    ],
)
async def test_what_is_no_grpc_gets_an_answer_of_http(headers: dict[str, str], status: str) -> None:
    async with peer_of() as (peer, _):
        stream = peer.call(METHOD, b"x", *headers.items())
        _, data, fields = await peer.outcome(stream)
        assert (fields[":status"], fields["content-type"]) == (status, "text/plain")
        assert data.endswith(b".\n")


@pytest.mark.parametrize("kind", ["application/grpc+proto", "application/grpc;charset=utf-8", "Application/GRPC"])
async def test_other_spellings_of_the_content_type(kind: str) -> None:
    async with peer_of() as (peer, _):
        assert (await peer.outcome(peer.call(METHOD, b"x", ("content-type", kind))))[0] == "0"


async def test_an_unknown_method_has_grpc_s_own_words() -> None:
    async with peer_of() as (peer, _):
        for path in ("/a.B/Nope", "/nope", "/"):
            status, _, fields = await peer.outcome(peer.call(path, b"x"))
            assert (status, fields["grpc-message"]) == ("12", "Method not found!")


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
async def test_compressed_messages_are_read(encoding: str, pack: Any) -> None:
    async with peer_of() as (peer, _):
        stream = peer.call(METHOD, None, ("grpc-encoding", encoding))
        peer.h2.send_data(stream, message(pack(b"y" * 5000), compressed=1), end_stream=True)
        peer.flush()
        status, data, _ = await peer.outcome(stream)
        assert (status, data) == ("0", message(b"y" * 5000))


@pytest.mark.parametrize(
    ("headers", "sent", "status", "says"),
    [
        ({"grpc-encoding": "snappy"}, message(b"x"), "12", "snappy"),
        ({}, message(b"x", compressed=1), "13", "no encoding is named"),
        ({"grpc-encoding": "gzip"}, message(b"xyz", compressed=1), "13", "cannot be decompressed"),
        ({"grpc-encoding": "gzip"}, message(gzip.compress(b"x" * 100, mtime=0)[:-4], compressed=1), "13", "cut short"),
        ({"grpc-encoding": "gzip"}, message(gzip.compress(bytes(2000), mtime=0), compressed=1), "8", "larger than max"),
        ({}, message(bytes(1001)), "8", "Received message larger than max (1001 vs. 1000)"),
        ({}, message(b"x") * 2, "13", "several"),
        ({}, message(b"x")[:-1], "13", "ended within a message"),
        ({}, b"", "13", "ended within a message, or without one"),
        ({"grpc-timeout": "soon"}, message(b"x"), "13", "soon"),
        ({"k-bin": "***"}, message(b"x"), "13", "k-bin"),
    ],
)
async def test_what_is_wrong_with_a_call_is_said(headers: dict[str, str], sent: bytes, status: str, says: str) -> None:
    async with peer_of(max_bytes=1000) as (peer, _):
        stream = peer.call(METHOD, None, *headers.items())
        peer.h2.send_data(stream, sent, end_stream=True)
        peer.flush()
        found, data, fields = await peer.outcome(stream)
        assert (found, data) == (status, b"")
        assert says in fields["grpc-message"]
        assert (await peer.outcome(peer.call(METHOD, b"next")))[0] == "0"


async def test_an_answer_beyond_the_limit_is_an_error() -> None:
    async def large(_: RpcRequest) -> RpcAnswer:
        return RpcAnswer(bytes(1001))

    async with peer_of(large, max_bytes=1000) as (peer, _):
        status, data, fields = await peer.outcome(peer.call(METHOD, b""))
        assert (status, data, fields["grpc-message"]) == ("8", b"", "Sent message larger than max (1001 vs. 1000)")


async def test_metadata_is_decoded_and_the_transport_s_own_is_left_out() -> None:
    seen: list[Any] = []

    async def handle(request: RpcRequest) -> RpcAnswer:
        seen.append(request.metadata)
        return RpcAnswer(b"", (("k", "v"), ("raw-bin", b"\xff\x00")))

    async with peer_of(handle) as (peer, _):
        headers = (("x", "1"), ("two-bin", "AAE,/w=="), ("grpc-timeout", "5S"), ("user-agent", "me"))
        _, _, fields = await peer.outcome(peer.call(METHOD, b"", *headers))
        assert seen == [(("x", "1"), ("two-bin", b"\x00\x01"), ("two-bin", b"\xff"), ("user-agent", "me"))]
        assert (fields["k"], fields["raw-bin"]) == ("v", "/wA")


async def test_grpc_timeout_ends_the_handler_and_the_call() -> None:
    ended = asyncio.Event()

    async def hang(_: RpcRequest) -> RpcAnswer:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return RpcAnswer(b"")

    async with peer_of(hang) as (peer, _):
        status, _, fields = await peer.outcome(peer.call(METHOD, b"", ("grpc-timeout", "20m")))
        assert (status, fields["grpc-message"]) == ("4", "Deadline Exceeded")
        await asyncio.wait_for(ended.wait(), 5)


@pytest.mark.parametrize("how", ["reset", "close"])
async def test_a_client_that_leaves_ends_its_handler(how: str) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def hang(_: RpcRequest) -> RpcAnswer:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return RpcAnswer(b"")

    async with peer_of(hang) as (peer, _):
        stream = peer.call(METHOD, b"")
        await asyncio.wait_for(begun.wait(), 5)
        if how == "reset":
            peer.h2.reset_stream(stream, h2.errors.ErrorCodes.CANCEL)
            peer.flush()
        else:
            peer._writer.close()
        await asyncio.wait_for(ended.wait(), 5)


async def test_an_answer_waits_for_the_client_s_windows_and_others_pass_it() -> None:
    async with peer_of() as (peer, _):
        peer.acknowledge = False
        stream = peer.call(METHOD, None)
        await _upload(peer, stream, bytes(70_000))
        await peer.until(lambda: len(peer.data(stream)) == 65_535)
        peer.h2.increment_flow_control_window(100)
        peer.flush()
        other = peer.call(METHOD, b"")
        assert (await peer.outcome(other))[:2] == ("0", message(b""))
        peer.h2.increment_flow_control_window(5000, stream)
        peer.h2.increment_flow_control_window(5000)
        peer.flush()
        status, data, _ = await peer.outcome(stream)
        assert (status, data) == ("0", message(bytes(70_000)))


async def test_large_messages_go_both_ways_within_the_windows() -> None:
    body = bytes(range(256)) * 20_000
    async with peer_of() as (peer, _):
        stream = peer.call(METHOD, None)
        await _upload(peer, stream, body)
        status, data, _ = await peer.outcome(stream)
        assert (status, data) == ("0", message(body))


async def _upload(peer: H2Peer, stream: int, body: bytes) -> None:
    """As fast as the server's windows allow."""
    rest = memoryview(message(body))
    await peer.seen(h2.events.RemoteSettingsChanged)
    while rest:
        await peer.until(lambda: peer.h2.local_flow_control_window(stream))
        room = min(peer.h2.local_flow_control_window(stream), peer.h2.max_outbound_frame_size)
        peer.h2.send_data(stream, bytes(rest[:room]), end_stream=room >= len(rest))
        rest = rest[room:]
        peer.flush()


async def test_a_smaller_window_given_later_holds_for_streams_that_are_open() -> None:
    release = asyncio.Event()

    async def wait(request: RpcRequest) -> RpcAnswer:
        await release.wait()
        return RpcAnswer(request.body)

    async with peer_of(wait) as (peer, _):
        stream = peer.call(METHOD, b"z" * 1000)
        peer.h2.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 10})
        peer.flush()
        await peer.seen(h2.events.SettingsAcknowledged)
        peer.acknowledge = False
        release.set()
        await peer.until(lambda: len(peer.data(stream)) == 10)
        peer.h2.increment_flow_control_window(5000, stream)
        peer.flush()
        status, data, _ = await peer.outcome(stream)
        assert (status, data) == ("0", message(b"z" * 1000))


async def test_a_client_without_a_header_table_gets_none() -> None:
    async with peer_of() as (peer, _):
        peer.h2.update_settings({h2.settings.SettingCodes.HEADER_TABLE_SIZE: 0})
        peer.flush()
        await peer.seen(h2.events.SettingsAcknowledged)
        for _ in range(3):
            assert (await peer.outcome(peer.call(METHOD, b"x")))[0] == "0"


async def test_a_handler_that_is_cancelled_from_elsewhere_ends_its_call() -> None:
    async def give_up(_: RpcRequest) -> RpcAnswer:
        raise asyncio.CancelledError

    async with peer_of(give_up) as (peer, _):
        assert (await peer.outcome(peer.call(METHOD, b"")))[0] == "1"


async def test_a_call_that_expires_while_its_answer_cannot_be_sent_is_answered_once() -> None:
    ready = asyncio.Event()

    async def wait(_: RpcRequest) -> RpcAnswer:
        try:
            await asyncio.Event().wait()
        finally:
            ready.set()
        return RpcAnswer(b"")

    async with peer_of(wait) as (peer, server):
        stream = peer.call(METHOD, b"", ("grpc-timeout", "20m"))
        await peer.seen(h2.events.SettingsAcknowledged)
        (connection,) = server._connections
        connection.pause_writing()
        await asyncio.wait_for(ready.wait(), 5)
        connection.resume_writing()
        assert (await peer.outcome(stream))[0] == "4"
        assert (await peer.outcome(peer.call("/nope", b"")))[0] == "12"


async def test_a_request_that_stops_coming_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seldon_core.transport.rpc_calls._SILENT_TICKS", 2)
    monkeypatch.setattr("seldon_core.transport.rpc_server._TICK_SECONDS", 0.01)
    async with peer_of() as (peer, _):
        stream = peer.call(METHOD, b"x", end=False)
        status, _, fields = await peer.outcome(stream)
        assert (status, fields["grpc-message"]) == ("1", "Nothing of the request came for 30 s.")
