"""The server over real sockets: order, limits, slow and vanishing clients."""

import asyncio
import socket
import ssl
import struct
from collections.abc import Awaitable
from pathlib import Path

import pytest

from seldon_core.transport import server as server_module
from seldon_core.transport.client import HttpPool
from seldon_core.transport.server import HttpServer, Limits, Request, Response
from tests.unit.transport.raw import RawClient, get, post
from tests.unit.transport.stand import echo, serving, until

pytestmark = pytest.mark.asyncio


@pytest.fixture
def fast_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server looks at its connections every few milliseconds, so that short limits are reached at once."""
    monkeypatch.setattr(server_module, "_TICK_SECONDS", 0.01)


async def test_one_connection_serves_many_requests() -> None:
    async with serving(echo) as server:
        client = await RawClient.to(server.port)
        for number in range(3):
            await client.send(post(f"/{number}", b"hi"))
            answer = await client.answer()
            assert (answer.status, answer.body) == (200, f"POST /{number}? hi".encode())
            assert answer.headers["content-type"] == "text/plain"
            assert answer.headers["date"].endswith("GMT")
            assert "connection" not in answer.headers


async def test_pipelined_requests_are_answered_in_order_though_later_ones_are_ready_first() -> None:
    release = asyncio.Event()

    async def slow() -> Response:
        await release.wait()
        return Response(200, b"slow")

    def handler(request: Request) -> Response | Awaitable[Response]:
        return slow() if request.path == "/slow" else Response(200, request.path.encode())

    async with serving(handler) as server:
        client = await RawClient.to(server.port)
        await client.send(get("/a") + get("/slow") + get("/b") + post("/c", b"x"))
        assert (await client.answer()).body == b"/a"
        release.set()
        assert [(await client.answer()).body for _ in range(3)] == [b"slow", b"/b", b"/c"]


async def test_more_pipelined_requests_than_may_wait_are_all_answered() -> None:
    async def later(request: Request) -> Response:
        await asyncio.sleep(0)
        return Response(200, request.path.encode())

    async with serving(later, Limits(max_pipelined=4)) as server:
        client = await RawClient.to(server.port)
        await client.send(b"".join(get(f"/{number}") for number in range(300)))
        assert [(await client.answer()).body for _ in range(300)] == [f"/{n}".encode() for n in range(300)]


async def test_chunked_body() -> None:
    async with serving(echo) as server:
        client = await RawClient.to(server.port)
        head = b"POST /x?a=1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        await client.send(head + b"3\r\nabc\r\n5;ext=1\r\ndefgh\r\n0\r\nTrailer: t\r\n\r\n")
        assert (await client.answer()).body == b"POST /x?a=1 abcdefgh"


@pytest.mark.parametrize(
    ("target", "path"),
    [("/a%20b/%C3%A9?q=%20", "/a b/é?q=%20"), ("http://other:80/p?q", "/p?q"), ("http://other", "/?"), ("*", "*?")],
)
async def test_targets(target: str, path: str) -> None:
    async with serving(echo) as server:
        client = await RawClient.to(server.port)
        await client.send(f"OPTIONS {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert (await client.answer()).body == f"OPTIONS {path} ".encode()


async def test_expect_100_continue_is_told_to_go_on_only_after_earlier_answers() -> None:
    release = asyncio.Event()

    async def slow(request: Request) -> Response:
        if request.path == "/slow":
            await release.wait()
        return echo(request)

    async with serving(slow) as server:
        client = await RawClient.to(server.port)
        head, body = post("/body", b"abc", "Expect: 100-continue").split(b"\r\n\r\n")
        await client.send(get("/slow") + head + b"\r\n\r\n")
        release.set()
        assert (await client.answer()).body == b"GET /slow? "
        assert (await client.answer()).status == 100
        await client.send(body)
        assert (await client.answer()).body == b"POST /body? abc"


async def test_head_has_the_length_and_no_body() -> None:
    async with serving(echo) as server:
        client = await RawClient.to(server.port)
        await client.send(b"HEAD /h HTTP/1.1\r\nHost: x\r\n\r\n" + get("/next"))
        answer = await client.answer(head_only=True)
        assert answer.headers["content-length"] == str(len(b"HEAD /h? "))
        assert (await client.answer()).body == b"GET /next? "


async def test_no_content_has_neither_body_nor_length() -> None:
    async with serving(lambda _: Response(204, b"", "")) as server:
        client = await RawClient.to(server.port)
        await client.send(get("/"))
        answer = await client.answer()
        assert answer.status == 204
        assert "content-length" not in answer.headers
        assert "content-type" not in answer.headers


async def test_http_1_0_closes_unless_asked_to_keep() -> None:
    async with serving(echo) as server:
        client = await RawClient.to(server.port)
        await client.send(get("/a", "Connection: keep-alive", version="1.0"))
        assert (await client.answer()).headers["connection"] == "keep-alive"
        await client.send(get("/b", version="1.0", host=""))
        assert (await client.answer()).headers["connection"] == "close"
        assert await client.ended() == b""


async def test_nothing_after_connection_close_is_served() -> None:
    seen: list[str] = []

    def handler(request: Request) -> Response:
        seen.append(request.path)
        return Response(200, b"ok")

    async with serving(handler) as server:
        client = await RawClient.to(server.port)
        await client.send(get("/last", "Connection: close") + get("/after"))
        assert (await client.answer()).headers["connection"] == "close"
        assert await client.ended() == b""
        assert seen == ["/last"]


async def test_an_offered_upgrade_is_ignored_and_the_body_kept() -> None:
    fields = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA")
    async with serving(echo) as server:
        client = await RawClient.to(server.port)
        await client.send(post("/java", b"abc", *fields) + get("/next"))
        assert (await client.answer()).body == b"POST /java? abc"
        assert (await client.answer()).body == b"GET /next? "


SMALL = Limits(max_header_bytes=1000, max_headers=10, max_body_bytes=100)


@pytest.mark.parametrize(
    ("data", "status", "says"),
    [
        pytest.param(b"nonsense\r\n\r\n", 400, "not valid HTTP", id="no HTTP"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01", 400, "not valid HTTP", id="TLS on a plain port"),
        pytest.param(get("/", host=""), 400, "0 Host", id="no Host"),
        pytest.param(get("/", "Host: y"), 400, "2 Host", id="two Hosts"),
        pytest.param(b"GET nopath HTTP/1.1\r\nHost: x\r\n\r\n", 400, "", id="no path"),
        pytest.param(post("/", b"abc", "Content-Length: 3"), 400, "Content-Length", id="duplicate length"),
        pytest.param(post("/", b"abc", "Content-Length: 4"), 400, "Content-Length", id="conflicting length"),
        pytest.param(post("/", b"", "Transfer-Encoding: chunked"), 400, "Content-Length", id="length and chunks"),
        pytest.param(get("/", "Content-Length: -1"), 400, "Content-Length", id="negative length"),
        pytest.param(get("/", "X: " + "y" * 1000), 431, "1000 bytes", id="large header"),
        pytest.param(get("/" + "y" * 1000), 431, "1000 bytes", id="long path"),
        pytest.param(get("/", *(f"X{n}: y" for n in range(10))), 431, "11 header fields", id="many headers"),
        pytest.param(get("/", "X: " + "y" * 2000)[:1900], 431, "1000 bytes", id="endless header"),
        pytest.param(get("/", "Content-Length: 101"), 413, "101 bytes", id="large body declared"),
        pytest.param(
            get("/", "Content-Length: 101", "Expect: 100-continue"), 413, "101 bytes", id="large body asked for"
        ),
        pytest.param(
            get("/", "Transfer-Encoding: chunked") + b"40\r\n" + b"y" * 64 + b"\r\n40\r\n" + b"y" * 64,
            413,
            "at most 100",
            id="large body in chunks",
        ),
        pytest.param(b"CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n", 405, "CONNECT", id="CONNECT"),
    ],
)
async def test_bad_requests_are_refused_in_one_sentence(data: bytes, status: int, says: str) -> None:
    """The refusal comes after the answers to what came before, then the connection ends; others do not notice."""
    async with serving(echo, SMALL) as server:
        other = await RawClient.to(server.port)
        client = await RawClient.to(server.port)
        await client.send(get("/before") + data)
        assert (await client.answer()).body == b"GET /before? "
        answer = await client.answer()
        assert answer.status == status
        assert says in answer.body.decode()
        assert answer.headers["connection"] == "close"
        assert await client.ended() == b""
        await other.send(get("/other"))
        assert (await other.answer()).status == 200


async def test_a_refusal_reaches_a_client_that_is_still_sending() -> None:
    async with serving(echo, SMALL) as server:
        client = await RawClient.to(server.port)
        await client.send(post("/big", b"y" * 3_000_000))
        assert (await client.answer()).status == 413


async def test_a_request_that_does_not_arrive_is_answered_408(fast_clock: None) -> None:
    async with serving(echo, Limits(request_seconds=0.05)) as server:
        client = await RawClient.to(server.port)
        await client.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
        assert (await client.answer()).status == 408
        assert await client.ended() == b""


async def test_an_idle_connection_is_closed(fast_clock: None) -> None:
    async with serving(echo, Limits(keep_alive_seconds=0.05)) as server:
        client = await RawClient.to(server.port)
        await client.send(get("/"))
        await client.answer()
        assert await client.ended() == b""


async def test_a_connection_without_a_request_is_closed(fast_clock: None) -> None:
    async with serving(echo, Limits(request_seconds=0.05)) as server:
        client = await RawClient.to(server.port)
        assert await client.ended() == b""


async def test_a_half_closed_connection_still_gets_its_answer() -> None:
    async def later(request: Request) -> Response:
        await asyncio.sleep(0)
        return echo(request)

    async with serving(later) as server:
        client = await RawClient.to(server.port)
        await client.send(get("/"))
        client.writer.write_eof()
        assert b"GET /? " in await client.ended()


async def test_a_client_that_does_not_read_is_dropped_and_starts_no_further_requests(fast_clock: None) -> None:
    started = 0

    def handler(_: Request) -> Response:
        nonlocal started
        started += 1
        return Response(200, b"y" * 4_000_000)

    async with serving(handler, Limits(write_stall_seconds=0.1)) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1000)
        writer.write(get("/") * 20)
        await until(lambda: not server._shared.connections and started > 0)
        assert started < 5
        writer.close()
        assert reader is not None


@pytest.mark.parametrize("how", ["reset", "closed"])
async def test_a_vanished_client_cancels_its_handler(how: str, fast_clock: None) -> None:
    """A reset says it at once. A closed half may still read, so the answer is waited for, not for ever."""
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def handler(_: Request) -> Response:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return Response(200)

    async with serving(handler, Limits(half_closed_seconds=0.05 if how == "closed" else 60)) as server:
        client = await RawClient.to(server.port)
        await client.send(get("/"))
        await begun.wait()
        if how == "reset":
            connected: socket.socket = client.writer.get_extra_info("socket")
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await client.close()
        await asyncio.wait_for(cancelled.wait(), 5)


@pytest.mark.parametrize("kind", ["sync", "async", "header"])
async def test_a_failing_handler_costs_its_own_request_alone(kind: str) -> None:
    async def later() -> Response:
        raise ValueError("a secret text")

    def handler(request: Request) -> Response | Awaitable[Response]:
        if request.path == "/good":
            return Response(200, b"ok")
        if kind == "sync":
            raise ValueError("a secret text")
        return later() if kind == "async" else Response(200, headers=(("X", "a\r\nSet-Cookie: b"),))

    async with serving(handler) as server:
        client = await RawClient.to(server.port)
        await client.send(get("/bad") + get("/good"))
        answer = await client.answer()
        assert answer.status == 500
        assert b"secret" not in answer.body
        assert "set-cookie" not in answer.headers
        assert (await client.answer()).body == b"ok"


async def test_large_bodies_pass_both_ways() -> None:
    body = b"0123456789" * 1_000_000
    async with serving(lambda request: Response(200, request.body)) as server:
        pool = HttpPool()
        assert (await pool.request("127.0.0.1", server.port, "POST", "/", body=body)).body == body
        await pool.close()


async def test_tls(tls_files: tuple[Path, Path]) -> None:
    certificate, key = tls_files
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    server = HttpServer(echo, name="tls")
    await server.start("127.0.0.1", 0, ssl=context)
    pool = HttpPool(ssl=ssl.create_default_context(cafile=str(certificate)))
    answer = await pool.request("localhost", server.port, "POST", "/", body=b"abc")
    assert answer.body == b"POST /? abc"
    again = await pool.request("localhost", server.port, "GET", "/again")
    assert again.body == b"GET /again? "
    await pool.close()
    await server.drain(1)
