"""The pooled client against a server that answers, or fails to, exactly as a test says."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from seldon_core.transport.client import ClientLimits, HttpPool
from seldon_core.transport.errors import BadAnswerError, CallTimeoutError, ConnectError, ConnectionClosedError

pytestmark = pytest.mark.asyncio

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Scripted:
    """A server with one script for each connection in turn; the last one stays."""

    def __init__(self, *scripts: Script) -> None:
        self.scripts = list(scripts)
        self.connections = 0
        self.port = 0

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        script = self.scripts[min(self.connections, len(self.scripts) - 1)]
        self.connections += 1
        try:
            await script(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def scripted(*scripts: Script) -> AsyncIterator[tuple[Scripted, HttpPool]]:
    server = Scripted(*scripts)
    listener = await asyncio.start_server(server._serve, "127.0.0.1", 0)
    server.port = listener.sockets[0].getsockname()[1]
    pool = HttpPool(limits=ClientLimits(max_body_bytes=1000, connect_seconds=2))
    try:
        yield server, pool
    finally:
        await pool.close()
        listener.close()


def answering(*answers: bytes) -> Script:
    """Answers one request with each of these, then ends the connection."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            await writer.drain()

    return script


async def ask(pool: HttpPool, port: int, **options: Any) -> bytes:
    return (await pool.request("127.0.0.1", port, "POST", "/x", **options)).body


async def test_connections_are_kept_and_used_again() -> None:
    async with scripted(answering(*[OK] * 5)) as (server, pool):
        for _ in range(5):
            assert await ask(pool, server.port) == b"ok"
        assert server.connections == 1


async def test_concurrent_calls_have_connections_of_their_own() -> None:
    async with scripted(answering(*[OK] * 5)) as (server, pool):
        assert await asyncio.gather(*(ask(pool, server.port) for _ in range(4))) == [b"ok"] * 4
        assert server.connections == 4


async def test_a_kept_connection_that_the_server_closed_costs_no_request() -> None:
    async def closes_on_second_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answering(OK)(reader, writer)
        await reader.readuntil(b"\r\n\r\n")

    async with scripted(closes_on_second_request, answering(OK)) as (server, pool):
        assert await ask(pool, server.port) == b"ok"
        assert await ask(pool, server.port) == b"ok"
        assert server.connections == 2


async def test_what_must_not_be_repeated_is_not() -> None:
    async def closes_on_second_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answering(OK)(reader, writer)
        await reader.readuntil(b"\r\n\r\n")

    async with scripted(closes_on_second_request, answering(OK)) as (server, pool):
        await ask(pool, server.port)
        with pytest.raises(ConnectionClosedError, match="EOF"):
            await ask(pool, server.port, repeatable=False)
        assert server.connections == 1


async def test_a_new_connection_that_ends_is_not_tried_again() -> None:
    async with scripted(answering(b"")) as (server, pool):
        with pytest.raises(ConnectionClosedError, match=r"^EOF$"):
            await ask(pool, server.port)
        assert server.connections == 1


async def test_an_answer_that_began_is_not_asked_for_again() -> None:
    async with scripted(answering(OK, b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nab"), answering(OK)) as (
        server,
        pool,
    ):
        await ask(pool, server.port)
        with pytest.raises(ConnectionClosedError, match="unexpected EOF"):
            await ask(pool, server.port)
        assert server.connections == 1


async def test_timeout_names_itself_and_the_late_answer_reaches_nobody() -> None:
    release = asyncio.Event()

    async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await release.wait()
        writer.write(OK)

    async with scripted(late, answering(OK.replace(b"ok", b"no"))) as (server, pool):
        with pytest.raises(CallTimeoutError, match=r"Client\.Timeout exceeded while awaiting headers"):
            await ask(pool, server.port, timeout=0.05)
        release.set()
        assert await ask(pool, server.port) == b"no"


async def test_a_cancelled_call_takes_its_connection_with_it() -> None:
    async def never(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        seen.set()
        await reader.read()

    seen = asyncio.Event()
    async with scripted(never, answering(OK)) as (server, pool):
        call = asyncio.ensure_future(ask(pool, server.port))
        await seen.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert await ask(pool, server.port) == b"ok"
        assert server.connections == 2


async def test_refused_connection() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    pool = HttpPool()
    with pytest.raises(ConnectError, match=rf"^dial tcp 127\.0\.0\.1:{port}: connect: connection refused$"):
        await pool.request("localhost", port, "GET", "/")


async def test_no_such_host() -> None:
    with pytest.raises(ConnectError, match="no such host"):
        await HttpPool().request("no-such-host.invalid", 1, "GET", "/")


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", b"abc"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, b"ok"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", b"until the end"),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", b"x"),
    ],
)
async def test_kinds_of_answers(answer: bytes, body: bytes) -> None:
    async with scripted(answering(answer)) as (server, pool):
        assert await ask(pool, server.port) == body


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"nonsense\r\n\r\n", "malformed HTTP response"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n" + b"y" * 2000, "larger than 1000 bytes"),
        (b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", "malformed"),
    ],
)
async def test_bad_answers(answer: bytes, says: str) -> None:
    async with scripted(answering(answer)) as (server, pool):
        with pytest.raises(BadAnswerError, match=says):
            await ask(pool, server.port)


async def test_words_that_were_not_asked_for_end_the_connection() -> None:
    async with scripted(answering(OK + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"), answering(OK)) as (
        server,
        pool,
    ):
        assert await ask(pool, server.port) == b"ok"
        assert await ask(pool, server.port) == b"ok"
        assert server.connections == 2


@pytest.mark.parametrize(
    ("path", "headers"), [("/a b", ()), ("/a\r\nX: y", ()), ("/", ((b"X", b"a\r\nY: b"),)), ("/", ((b"X\r\n", b"a"),))]
)
async def test_no_request_can_be_smuggled(path: str, headers: tuple[tuple[bytes, bytes], ...]) -> None:
    with pytest.raises(ValueError, match="line break"):
        await HttpPool().request("localhost", 1, "GET", path, headers=headers)
