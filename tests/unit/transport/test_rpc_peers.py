"""Our client against others' servers: grpcio's, and `h2` where a server must do what grpcio's never would."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import h2.events
import h2.settings
import pytest
from grpc import aio

from seldon_core.transport.rpc import RpcError, Status
from seldon_core.transport.rpc_client import RpcPool
from tests.unit.transport.h2peer import H2Peer, message

pytestmark = pytest.mark.asyncio
METHOD = "/a.B/Echo"
OK_HEAD = ((":status", "200"), ("content-type", "application/grpc"))
OK_TRAILERS = (("grpc-status", "0"),)


@asynccontextmanager
async def grpcio(behaviour: Any, **more: Any) -> AsyncIterator[tuple[aio.Server, int]]:
    """A server of grpcio's with one method."""
    server = aio.server(options=(("grpc.max_receive_message_length", -1),), **more)

    class Router(grpc.GenericRpcHandler):
        def service(self, details: grpc.HandlerCallDetails) -> Any:
            return grpc.unary_unary_rpc_method_handler(behaviour) if details.method == METHOD else None

    server.add_generic_rpc_handlers((Router(),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield server, port
    finally:
        await server.stop(None)


@asynccontextmanager
async def pool(**more: Any) -> AsyncIterator[RpcPool]:
    made = RpcPool(**more)
    try:
        yield made
    finally:
        await made.close()


async def test_bytes_go_to_grpcio_and_back() -> None:
    async def echo(body: bytes, _: Any) -> bytes:
        return body

    async with grpcio(echo) as (_, port), pool() as client:
        for body in (b"", b"\x00\xff", bytes(range(256)) * 20_000):
            assert await client.call("127.0.0.1", port, METHOD, body) == body
        many = [client.call("127.0.0.1", port, METHOD, b"%d" % number) for number in range(500)]
        assert await asyncio.gather(*many) == [b"%d" % number for number in range(500)]


async def test_metadata_and_the_timeout_reach_grpcio() -> None:
    seen: list[Any] = []

    async def look(_: bytes, context: Any) -> bytes:
        seen.append((dict(context.invocation_metadata()), context.time_remaining()))
        return b""

    async with grpcio(look) as (_, port), pool() as client:
        metadata = (("puid", "p"), ("raw-bin", b"\x00\xff"), ("puid2", "a b, c"))
        for _ in range(3):
            await client.call("127.0.0.1", port, METHOD, b"", metadata=metadata, timeout=7.0)
    for fields, remaining in seen:
        assert (fields["puid"], fields["raw-bin"], fields["puid2"]) == ("p", b"\x00\xff", "a b, c")
        assert 5 < remaining <= 7.1


@pytest.mark.parametrize("code", [code for code in grpc.StatusCode if code is not grpc.StatusCode.OK])
async def test_statuses_of_grpcio(code: grpc.StatusCode) -> None:
    async def refuse(_: bytes, context: Any) -> bytes:
        await context.send_initial_metadata((("k", "v"),))
        await context.abort(code, "100 % wröng\n")
        return b""

    async with grpcio(refuse) as (_, port), pool() as client:
        with pytest.raises(RpcError) as caught:
            await client.call("127.0.0.1", port, METHOD, b"")
        late = code is grpc.StatusCode.DEADLINE_EXCEEDED
        expected = (code.value[0], "context deadline exceeded" if late else "100 % wröng\n")
        assert (caught.value.status, caught.value.text) == expected


async def test_an_unknown_method_of_grpcio() -> None:
    async with grpcio(None) as (_, port), pool() as client:
        with pytest.raises(RpcError) as caught:
            await client.call("127.0.0.1", port, "/a.B/Nope", b"")
        assert (caught.value.status, caught.value.text) == (Status.UNIMPLEMENTED, "Method not found!")


@pytest.mark.parametrize("kind", [grpc.Compression.Gzip, grpc.Compression.Deflate])
async def test_compressed_answers_of_grpcio(kind: grpc.Compression) -> None:
    async def echo(body: bytes, _: Any) -> bytes:
        return body

    async with grpcio(echo, compression=kind) as (_, port), pool() as client:
        assert await client.call("127.0.0.1", port, METHOD, bytes(50_000)) == bytes(50_000)


async def test_an_answer_beyond_the_limit() -> None:
    async def large(_: bytes, __: Any) -> bytes:
        return bytes(5000)

    async with grpcio(large) as (_, port), pool(max_bytes=1000) as client:
        with pytest.raises(RpcError) as caught:
            await client.call("127.0.0.1", port, METHOD, b"")
        expected = (Status.RESOURCE_EXHAUSTED, "Received message larger than max (5000 vs. 1000)")
        assert (caught.value.status, caught.value.text) == expected


@asynccontextmanager
async def h2_server(
    behave: Callable[[H2Peer], Awaitable[None]], host: str = "127.0.0.1"
) -> AsyncIterator[tuple[int, list[H2Peer]]]:
    """A server whose connections do what a test says."""
    peers: list[H2Peer] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = H2Peer(reader, writer, client=False)
        peers.append(peer)
        running = asyncio.ensure_future(peer.run())
        try:
            await behave(peer)
            await running
        finally:
            writer.close()
            running.cancel()

    server = await asyncio.start_server(serve, host, 0)
    try:
        yield server.sockets[0].getsockname()[1], peers
    finally:
        server.close()


def requests(peer: H2Peer) -> list[int]:
    return [event.stream_id for event in peer.events if isinstance(event, h2.events.StreamEnded)]


def answer(peer: H2Peer, stream: int, body: bytes = b"ok") -> None:
    peer.h2.send_headers(stream, OK_HEAD)
    peer.h2.send_data(stream, message(body))
    peer.h2.send_headers(stream, OK_TRAILERS, end_stream=True)
    peer.flush()


async def test_a_stream_that_is_refused_is_asked_again() -> None:
    async def behave(peer: H2Peer) -> None:
        await peer.until(lambda: requests(peer))
        peer.h2.reset_stream(1, 7)
        peer.flush()
        await peer.until(lambda: len(requests(peer)) == 2)
        answer(peer, 3)

    async with h2_server(behave) as (port, peers), pool() as client:
        assert await client.call("127.0.0.1", port, METHOD, b"x") == b"ok"
        assert len(peers) == 1


async def test_a_server_that_goes_away_answers_what_it_took_and_the_rest_goes_elsewhere() -> None:
    async def behave(peer: H2Peer) -> None:
        first = len(peers) == 1
        await peer.until(lambda: len(requests(peer)) == (3 if first else 2))
        if first:
            # h2 counts a connection as closed that it has ended: the frames come from here.
            for stream in (1, 3, 5):
                peer.h2.send_headers(stream, OK_HEAD)
            head = peer.h2.data_to_send()
            peer.write(b"\x00\x00\x08\x07\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00")
            peer.write(head)
            peer.h2.send_data(1, message(b"old"))
            peer.h2.send_headers(1, OK_TRAILERS, end_stream=True)
            peer.flush()
        else:
            for stream in requests(peer):
                answer(peer, stream, b"new")

    async with h2_server(behave) as (port, peers), pool() as client:
        calls = [client.call("127.0.0.1", port, METHOD, b"x") for _ in range(3)]
        assert await asyncio.gather(*calls) == [b"old", b"new", b"new"]
        await peers[0].until(lambda: peers[0].closed)


async def test_calls_wait_where_a_server_takes_few_at_a_time() -> None:
    async def behave(peer: H2Peer) -> None:
        peer.h2.update_settings({h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: 2})
        peer.flush()
        await peer.until(lambda: requests(peer))
        answer(peer, 1)
        await peer.seen(h2.events.SettingsAcknowledged)
        done = 1
        while done < 9:
            stream = (await peer.until(lambda: requests(peer)[done:]))[0]  # noqa: B023 - asked at once
            assert peer.h2.open_inbound_streams <= 2
            answer(peer, stream)
            done += 1

    async with h2_server(behave) as (port, _), pool() as client:
        assert await client.call("127.0.0.1", port, METHOD, b"x") == b"ok"
        calls = [client.call("127.0.0.1", port, METHOD, b"x") for _ in range(8)]
        assert await asyncio.gather(*calls) == [b"ok"] * 8


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (((":status", "503"), ("content-type", "text/html")), Status.UNAVAILABLE),
        (((":status", "404"),), Status.UNIMPLEMENTED),
        (((":status", "200"), ("content-type", "text/html")), Status.UNKNOWN),
        (((":status", "403"), ("grpc-status", "8"), ("grpc-message", "full")), Status.RESOURCE_EXHAUSTED),
        (((":status", "200"), ("content-type", "application/grpc")), Status.UNKNOWN),
        (((":status", "200"), ("content-type", "application/grpc"), ("grpc-status", "99")), Status.UNKNOWN),
        (((":status", "200"), ("content-type", "application/grpc"), ("grpc-status", "0")), Status.INTERNAL),
    ],
)
async def test_answers_that_are_no_answer(head: Any, status: Status) -> None:
    async def behave(peer: H2Peer) -> None:
        await peer.until(lambda: requests(peer))
        peer.h2.send_headers(1, head, end_stream=True)
        peer.flush()

    async with h2_server(behave) as (port, _), pool() as client:
        with pytest.raises(RpcError) as caught:
            await client.call("127.0.0.1", port, METHOD, b"x")
        assert caught.value.status is status


@pytest.mark.parametrize(
    ("frames", "says"),
    [
        ([(message(b"x"), True)], "without sending trailers"),
        ([(message(b"x")[:-1], False)], "not one whole message"),
        ([(message(b"x") * 2, False)], "not one whole message"),
        ([(message(b"x", compressed=1), False)], "no encoding is named"),
    ],
)
async def test_messages_that_are_none(frames: list[tuple[bytes, bool]], says: str) -> None:
    async def behave(peer: H2Peer) -> None:
        await peer.until(lambda: requests(peer))
        peer.h2.send_headers(1, OK_HEAD)
        for data, end in frames:
            peer.h2.send_data(1, data, end_stream=end)
        if not frames[-1][1]:
            peer.h2.send_headers(1, OK_TRAILERS, end_stream=True)
        peer.flush()

    async with h2_server(behave) as (port, _), pool() as client:
        with pytest.raises(RpcError, match=says) as caught:
            await client.call("127.0.0.1", port, METHOD, b"x")
        assert caught.value.status is Status.INTERNAL


async def test_an_interim_answer_is_read_past() -> None:
    async def behave(peer: H2Peer) -> None:
        await peer.until(lambda: requests(peer))
        peer.h2.send_headers(1, ((":status", "103"), ("link", "x")))
        answer(peer, 1)

    async with h2_server(behave) as (port, _), pool() as client:
        assert await client.call("127.0.0.1", port, METHOD, b"x") == b"ok"


@pytest.mark.parametrize("said", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"", b"\x00\x00\x00\x06\x00\x00\x00\x00\x00"])
async def test_a_server_that_does_not_speak_http2(said: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(said)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with pool() as client:
        with pytest.raises(RpcError) as caught:
            await client.call("127.0.0.1", server.sockets[0].getsockname()[1], METHOD, b"x")
        assert caught.value.status is Status.UNAVAILABLE
    server.close()


async def test_a_service_gets_ten_connections_and_a_neighbour_one() -> None:
    async def behave(peer: H2Peer) -> None:
        done = 0
        while not peer.closed:
            waiting = await peer.until(lambda: requests(peer)[done:] or peer.closed)  # noqa: B023 - asked at once
            if waiting is True:
                return
            answer(peer, waiting[0])
            done += 1

    for host, connections in (("127.0.0.1", 1), ("127.0.0.2", 10)):
        async with h2_server(behave, host) as (port, peers), pool() as client:
            for _ in range(30):
                await client.call(host, port, METHOD, b"x")
            assert len(peers) == connections
