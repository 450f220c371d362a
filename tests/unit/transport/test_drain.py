"""The orderly end of the server: what is under way is answered, whenever it came."""

import asyncio
import socket
import ssl
from pathlib import Path

import pytest

from seldon_core.transport.server import HttpServer, Limits, Request, Response
from tests.unit.transport.raw import RawClient, get, post
from tests.unit.transport.stand import echo, serving, until

pytestmark = pytest.mark.asyncio


async def test_drain_finishes_what_is_in_flight_and_accepts_nothing_new() -> None:
    begun, release = asyncio.Event(), asyncio.Event()

    async def handler(_: Request) -> Response:
        begun.set()
        await release.wait()
        return Response(200, b"done")

    async with serving(handler, Limits(idle_grace_seconds=0.02)) as server:
        port = server.port
        busy, idle = await RawClient.to(port), await RawClient.to(port)
        await busy.send(get("/"))
        await begun.wait()
        drained = asyncio.ensure_future(server.drain(5))
        assert await idle.ended() == b""
        with pytest.raises(ConnectionRefusedError):
            await RawClient.to(port)
        assert not drained.done()
        release.set()
        answer = await busy.answer()
        assert (answer.body, answer.headers["connection"]) == (b"done", "close")
        await drained


async def test_drain_answers_a_request_that_is_just_arriving() -> None:
    async with serving(echo) as server:
        client = await RawClient.to(server.port)
        whole = post("/late", b"abc")
        await client.send(whole[:20])
        await until(lambda: any(connection._reader.reading for connection in server._shared.connections))
        drained = asyncio.ensure_future(server.drain(5))
        await asyncio.sleep(0)
        await client.send(whole[20:])
        assert (await client.answer()).body == b"POST /late? abc"
        await drained


async def test_drain_gives_up_at_its_deadline() -> None:
    begun = asyncio.Event()

    async def handler(_: Request) -> Response:
        begun.set()
        await asyncio.Event().wait()
        return Response(200)

    async with serving(handler) as server:
        client = await RawClient.to(server.port)
        await client.send(get("/"))
        await begun.wait()
        await asyncio.wait_for(server.drain(0.05), 5)
        with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
            await client.answer()


async def test_announce_close_serves_on_and_sends_clients_to_new_connections() -> None:
    async with serving(echo) as server:
        old = await RawClient.to(server.port)
        await old.send(get("/"))
        await old.answer()
        server.announce_close()
        for client in (old, await RawClient.to(server.port)):
            await client.send(get("/a"))
            answer = await client.answer()
            assert (answer.status, answer.headers["connection"]) == (200, "close")
            assert await client.ended() == b""


async def test_drain_waits_for_a_tls_handshake_that_has_begun(tls_files: tuple[Path, Path]) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*tls_files)
    server = HttpServer(echo, name="tls", limits=Limits(idle_grace_seconds=1))
    await server.start("127.0.0.1", 0, ssl=context)
    plain = socket.create_connection(("127.0.0.1", server.port))
    plain.setblocking(False)
    drained = asyncio.ensure_future(server.drain(10))
    await until(lambda: server._server is not None and not server._server.is_serving())
    trust = ssl.create_default_context(cafile=str(tls_files[0]))
    reader, writer = await asyncio.open_connection(sock=plain, ssl=trust, server_hostname="localhost")
    assert not drained.done()
    client = RawClient(reader, writer)
    await client.send(get("/late"))
    assert (await client.answer()).body == b"GET /late? "
    await client.close()
    await asyncio.wait_for(drained, 5)


async def test_waiting_for_the_last_client_serves_on() -> None:
    async with serving(echo) as server:
        client = await RawClient.to(server.port)
        await client.send(get("/"))
        await client.answer()
        assert not await server.wait_unused(0.01)
        unused = asyncio.ensure_future(server.wait_unused(60))
        for asked in (client, await RawClient.to(server.port)):
            await asked.send(get("/on"))
            assert "connection" not in (await asked.answer()).headers
            assert not unused.done()
            await asked.close()
        assert await asyncio.wait_for(unused, 5)
