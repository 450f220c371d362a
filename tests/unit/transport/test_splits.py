"""The server on a socket: wherever the network cuts a client's bytes, the answers are the same bytes."""

import asyncio
import itertools
import re
import socket
from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seldon_core.transport.messages import Limits
from seldon_core.transport.server import HttpServer, Request, Response
from tests.unit.transport.raw import get, post

pytestmark = pytest.mark.asyncio
GOOD = st.sampled_from(
    [
        get("/a?b=c", "X-One: 1"),
        get("/later"),
        post("/p", b"0123456789", "Content-Type: application/json"),
        get("/chunks", "Transfer-Encoding: chunked") + b"4\r\nwxyz\r\n2\r\nab\r\n0\r\n\r\n",
        post("/p", b"e" * 40, "Expect: 100-continue"),
    ]
)
LAST = st.sampled_from(
    [
        get("/end", "Connection: close"),
        b"garbage\r\n\r\n",
        get("/", "X: " + "y" * 600),
        post("/", b"y" * 60),
        post("/", b"abc", "Content-Length: 4"),
        get("/", "Transfer-Encoding: chunked") + b"3c\r\n" + b"y" * 60,
    ]
)
PLACES = st.lists(st.integers(0, 5000), max_size=8)


async def serve(request: Request) -> Response:
    if request.path == "/later":
        await asyncio.sleep(0)
    return Response(200, b"%s %s?%s " % (request.method.encode(), request.path.encode(), request.query) + request.body)


@pytest.fixture
async def port() -> AsyncIterator[int]:
    limits = Limits(max_header_bytes=500, max_headers=8, max_body_bytes=50)
    server = HttpServer(serve, limits=limits, name="splits")
    await server.start("127.0.0.1", 0)
    yield server.port
    await server.drain(0)


async def answers(port: int, pieces: list[bytes]) -> bytes:
    """What a client reads that sends these pieces, until the server closes; without dates and interim answers."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for piece in pieces:
        writer.write(piece)
        await asyncio.sleep(0)  # the server's turn: it may read what is there
    writer.write_eof()
    got = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return re.sub(rb"Date: [^\r]*\r\n|HTTP/1.1 100 Continue\r\n\r\n", b"", got)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(good=st.lists(GOOD, max_size=4), last=LAST, places=PLACES)
async def test_any_split_gives_the_same_answers(port: int, good: list[bytes], last: bytes, places: list[int]) -> None:
    stream = b"".join(good) + last
    edges = [0, *sorted({place % (len(stream) + 1) for place in places} - {0, len(stream)}), len(stream)]
    whole = await answers(port, [stream])
    assert whole.count(b"HTTP/1.1 ") == len(good) + 1
    assert await answers(port, [stream[a:b] for a, b in itertools.pairwise(edges)]) == whole
    assert await answers(port, [bytes([byte]) for byte in stream]) == whole
