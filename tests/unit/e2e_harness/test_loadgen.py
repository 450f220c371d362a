"""Each way in which a request can fail, by a real server that fails so: each is counted, none is mended."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.e2e.harness import iris, prediction, wire
from tests.e2e.harness.loadgen import BODY, STATUS, TIMEOUT, Generator, Record

pytestmark = pytest.mark.asyncio

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
PATH = "/seldon/ns/iris/api/v1.0/predictions"


@asynccontextmanager
async def server(serve: Serve) -> AsyncIterator[str]:
    """The address of a server that treats each connection so."""
    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}{PATH}"


async def read(reader: asyncio.StreamReader) -> list[float]:
    """The row of the next request. Raises IncompleteReadError where none comes."""
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(f"POST {PATH} HTTP/1.1\r\n".encode())
    size = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
    row: list[float] = json.loads(await reader.readexactly(size))["data"]["ndarray"][0]
    return row


def good(row: list[float], unit: str = "classifier") -> dict[str, Any]:
    data = {"names": prediction.NAMES, "ndarray": [iris.probabilities(row)]}
    return {"data": data, "meta": {"requestPath": {unit: "image"}}}


def answer(body: Any, status: str = "200 OK", *fields: str) -> bytes:
    text = json.dumps(body).encode()
    return "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(text)}", *fields, "\r\n"]).encode() + text


def answering(reply: Callable[[list[float]], bytes], *, requests: int = 1000) -> Serve:
    """Answers so many requests of a connection, then closes it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            for _ in range(requests):
                writer.write(reply(await read(reader)))
        except asyncio.IncompleteReadError:
            pass  # the client has closed it
        writer.close()

    return serve


async def ask(url: str, count: int = 1, *, fresh_every: int = 1000, timeout: float = 5.0) -> list[Record]:  # noqa: ASYNC109
    """One request after the other."""
    records: list[Record] = []
    generator = Generator(url, fresh_every=fresh_every, timeout=timeout, write=records.append)
    for number in range(1, count + 1):
        await generator.ask(number)
    return records


async def failure_of(serve: Serve, *, timeout: float = 5.0) -> tuple[str, str]:  # noqa: ASYNC109
    """Kind and text of a request that such a server gets."""
    async with server(serve) as url:
        (record,) = await ask(url, timeout=timeout)
    assert record.answered_by == ""
    return record.kind, record.text


async def test_the_models_answer_is_none() -> None:
    async with server(answering(lambda row: answer(good(row)))) as url:
        records = await ask(url, 3)

    assert [(r.kind, r.text, r.answered_by) for r in records] == [("", "", "classifier")] * 3


async def test_an_answer_in_chunks_is_read() -> None:
    def chunks(row: list[float]) -> bytes:
        text = json.dumps(good(row)).encode()
        parts = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (text[:7], text[7:]))
        return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + parts + b"0\r\n\r\n"

    async with server(answering(chunks)) as url:
        assert [record.kind for record in await ask(url, 2)] == ["", ""]


async def test_a_refused_connection() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody else gets the port
        (record,) = await ask(f"http://127.0.0.1:{taken.getsockname()[1]}{PATH}")

    assert (record.kind, "no connection to 127.0.0.1" in record.text) == (wire.REFUSED, True)


async def test_a_connection_that_is_closed_instead_of_an_answer() -> None:
    kind, text = await failure_of(answering(lambda _: b"", requests=1))
    assert (kind, "closed before the answer was whole" in text) == (wire.BROKEN, True)


async def test_an_answer_that_ends_too_early() -> None:
    kind, text = await failure_of(answering(lambda row: answer(good(row))[:-1], requests=1))
    assert (kind, "closed before the answer was whole" in text) == (wire.BROKEN, True)


async def test_a_connection_that_is_reset() -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read(reader)
        writer.transport.abort()

    kind, _ = await failure_of(reset)
    assert kind == wire.BROKEN


async def test_what_is_no_http() -> None:
    kind, text = await failure_of(answering(lambda _: b"+OK\r\n\r\n"))
    assert (kind, "no HTTP" in text) == (wire.BROKEN, True)


async def test_an_answer_that_does_not_come() -> None:
    kind, text = await failure_of(answering(lambda _: b""), timeout=0.1)
    assert (kind, text) == (TIMEOUT, "no answer within 0.1 s")


async def test_another_status() -> None:
    kind, text = await failure_of(answering(lambda row: answer(good(row), "503 Service Unavailable")))
    assert (kind, text.startswith("503: ")) == (STATUS, True)


@pytest.mark.parametrize(
    ("body", "telling"),
    [
        ({"status": {"info": "no model"}}, "no prediction"),
        ([], "no prediction"),
        (good(iris.row(2)), "off by"),
        (good(iris.row(1)) | {"meta": {}}, "no prediction"),
        (good(iris.row(1), unit="") | {"meta": {"requestPath": {}}}, "requestPath names no unit"),
        (good(iris.row(1)) | {"data": {"names": ["a"], "ndarray": [[0.5, 0.5]]}}, "another shape"),
        (good(iris.row(1)) | {"data": {"names": prediction.NAMES, "ndarray": [[float("nan")] * 3]}}, "off by"),
    ],
)
async def test_a_wrong_body(body: Any, telling: str) -> None:
    kind, text = await failure_of(answering(lambda _: answer(body)))
    assert (kind, telling in text) == (BODY, True), text


async def test_nothing_is_sent_twice() -> None:
    rows = []

    def drop(row: list[float]) -> bytes:
        rows.append(tuple(row))
        return b""

    async with server(answering(drop, requests=1)) as url:
        records = await ask(url, 5)

    assert [record.kind for record in records] == [wire.BROKEN] * 5
    assert rows == [tuple(iris.row(number)) for number in range(1, 6)]


async def test_connections_are_kept_but_for_a_share() -> None:
    connections = []
    serve = answering(lambda row: answer(good(row)))

    async def counted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        await serve(reader, writer)

    async with server(counted) as url:
        records = await ask(url, 8, fresh_every=4)

    assert [record.fresh for record in records] == [False, False, False, True] * 2
    assert len(connections) == 1 + 2
    assert not any(record.kind for record in records)


async def test_a_connection_that_the_server_gave_up_is_not_used_again() -> None:
    async with server(answering(lambda row: answer(good(row), "200 OK", "Connection: close"), requests=1)) as url:
        records = await ask(url, 3)

    assert not any(record.kind for record in records)


async def test_a_server_that_hangs_is_asked_on() -> None:
    records: list[Record] = []
    stop = asyncio.Event()
    arrived = asyncio.Event()
    rows = []

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        rows.append(await read(reader))
        if len(rows) == 20:
            arrived.set()
        await reader.read()
        writer.close()

    async with server(hang) as url:
        generator = Generator(url, fresh_every=4, timeout=0.5, write=records.append)
        running = asyncio.ensure_future(generator.run(200, stop))
        await asyncio.wait_for(arrived.wait(), 5)
        stop.set()
        await running

    assert len(records) >= 20
    assert {record.kind for record in records} == {TIMEOUT}
    assert [record.number for record in sorted(records, key=lambda r: r.sent)] == list(range(len(records)))
