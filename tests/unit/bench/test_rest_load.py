"""The load generator for REST against servers that misbehave."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from tests.bench.load import HOST, Load, Measured, run
from tests.bench.processes import free_ports
from tests.bench.responder import RestResponder
from tests.bench.rest_load import RestClient

pytestmark = pytest.mark.asyncio
REQUESTS = [b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n%d]]}}" % number for number in range(3)]
Handler = Callable[[int, asyncio.StreamWriter], Awaitable[bool]]
"""Answers request number n; whether the connection goes on."""


@asynccontextmanager
async def server(answer: Handler) -> AsyncIterator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await answer(int((await reader.readuntil(b"]]}}"))[-5:-4]), writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()

    listening = await asyncio.start_server(serve, HOST, 0)
    async with listening:
        yield int(listening.sockets[0].getsockname()[1])


def body(number: int, head: bytes = b"Content-Length") -> bytes:
    return b"HTTP/1.1 200 OK\r\n%s: 6\r\n\r\nanswe%d" % (head, number)


async def ask(port: int, connections: int = 2, seconds: float = 0.2) -> Measured:
    load = Load(REQUESTS, port)
    return await run(load, RestClient, connections=connections, warm_up=0.05, seconds=seconds)


def assert_right(measured: Measured) -> None:
    assert measured.answers
    assert {answer[-1:] for answer in measured.answers} == {b"0", b"1", b"2"}
    pairs = zip(measured.indices, measured.answers, strict=True)
    assert all(answer.endswith(b"answe%d" % index) for index, answer in pairs)
    assert len(measured.seconds) == len(measured.answers)


async def test_answers_belong_to_their_requests() -> None:
    async def answer(number: int, writer: asyncio.StreamWriter) -> bool:
        writer.write(body(number))
        return True

    async with server(answer) as port:
        measured = await ask(port)

    assert_right(measured)
    assert not measured.failures


async def test_an_answer_may_come_octet_by_octet() -> None:
    async def answer(number: int, writer: asyncio.StreamWriter) -> bool:
        for octet in body(number, b"content-length"):
            writer.write(bytes((octet,)))
            await asyncio.sleep(0)
        return True

    async with server(answer) as port:
        measured = await ask(port)

    assert_right(measured)
    assert not measured.failures


async def test_a_connection_that_the_server_closes_is_made_anew() -> None:
    async def answer(number: int, writer: asyncio.StreamWriter) -> bool:
        writer.write(body(number, b"Connection: close\r\nContent-Length"))
        return False

    async with server(answer) as port:
        measured = await ask(port)

    assert_right(measured)
    assert not measured.failures


async def test_a_lost_connection_is_a_failure_and_the_next_request_is_asked() -> None:
    async def answer(number: int, writer: asyncio.StreamWriter) -> bool:
        writer.write(body(number) if number else b"HTTP/1.1 200 OK\r\nConte")
        return bool(number)

    async with server(answer) as port:
        measured = await ask(port, seconds=0.4)

    assert {answer[-1:] for answer in measured.answers} == {b"1", b"2"}
    assert measured.failures["connection lost: closed by the server"] > 0


async def test_an_answer_without_a_length_is_a_failure() -> None:
    async def answer(_number: int, writer: asyncio.StreamWriter) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        return True

    async with server(answer) as port:
        measured = await ask(port)

    assert not measured.answers
    assert measured.failures["an answer without Content-Length"] > 0


async def test_a_refused_connection_is_a_failure() -> None:
    measured = await ask(free_ports(1)[0])

    assert not measured.answers
    assert sum(measured.failures.values()) > 0


async def test_a_server_that_falls_silent_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.bench.load.STRAGGLERS_SECONDS", 0.1)

    async def answer(_number: int, _writer: asyncio.StreamWriter) -> bool:
        return True

    async with server(answer) as port:
        measured = await ask(port, connections=3)

    assert measured.failures["no answer within the measured time"] == 3
    assert measured.failures["no answer within 0 s"] == 3


async def test_the_responder_of_the_ceiling_answers() -> None:
    listening = await asyncio.get_running_loop().create_server(RestResponder, HOST, 0)
    async with listening:
        measured = await ask(int(listening.sockets[0].getsockname()[1]))

    assert measured.answers
    assert not measured.failures


async def test_a_fault_of_the_generator_does_not_look_like_a_slow_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RestClient, "data_received", lambda *_: 1 / 0)
    monkeypatch.setattr("tests.bench.load.STRAGGLERS_SECONDS", 0.1)

    async def answer(number: int, writer: asyncio.StreamWriter) -> bool:
        writer.write(body(number))
        return True

    async with server(answer) as port:
        with pytest.raises(ZeroDivisionError):
            await ask(port)
