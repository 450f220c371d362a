"""The load generator for gRPC against grpcio's own server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import pytest

from tests.bench.grpc_load import HEADERS, RST_STREAM, SETTINGS, frame, grpc_client, header_blocks
from tests.bench.load import HOST, Load, Measured, run
from tests.bench.processes import free_ports
from tests.bench.responder import GrpcResponder

pytestmark = pytest.mark.asyncio
PATH = "/test.Service/Method"


def message(number: int, size: int) -> bytes:
    content = b"%d" % number * size
    return b"\0" + len(content).to_bytes(4) + content


@asynccontextmanager
async def server() -> AsyncIterator[int]:
    """Answers each message with itself and a trailer of its own; refuses those that begin with 9."""

    async def answer(request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        if request.startswith(b"9"):
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "nine is refused")
        context.set_trailing_metadata((("x-length", str(len(request))),))
        return request

    listening = grpc.aio.server()
    method = grpc.unary_unary_rpc_method_handler(answer)
    listening.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Service", {"Method": method}),))
    port = listening.add_insecure_port(f"{HOST}:0")
    await listening.start()
    try:
        yield port
    finally:
        await listening.stop(None)


async def ask(port: int, requests: list[bytes], connections: int = 2, seconds: float = 0.3) -> Measured:
    load = Load(requests, port)
    return await run(load, grpc_client(PATH), connections=connections, warm_up=0.05, seconds=seconds)


async def test_answers_belong_to_their_requests() -> None:
    requests = [message(number, 20 + number) for number in range(5)]
    async with server() as port:
        measured = await ask(port, requests)

    assert len(measured.answers) > 5
    assert not measured.failures
    assert all(answer == requests[index][5:] for index, answer in zip(measured.indices, measured.answers, strict=True))


async def test_more_is_sent_than_the_first_window_holds() -> None:
    requests = [message(number, 12_000) for number in range(3)]
    async with server() as port:
        measured = await ask(port, requests, connections=1, seconds=0.5)

    assert len(measured.answers) > 20
    assert not measured.failures
    assert all(answer == requests[index][5:] for index, answer in zip(measured.indices, measured.answers, strict=True))


async def test_a_refused_call_is_a_failure_and_the_next_one_is_made() -> None:
    async with server() as port:
        measured = await ask(port, [message(1, 4), message(9, 4)])

    assert measured.answers
    assert set(measured.answers) == {b"1111"}
    assert set(measured.failures) == {"grpc-status 3: nine is refused"}


async def test_a_method_that_is_not_there_is_a_failure() -> None:
    load = Load([message(1, 4)], 0)
    async with server() as port:
        load.port = port
        measured = await run(load, grpc_client("/test.Service/Other"), connections=1, warm_up=0.05, seconds=0.1)

    assert not measured.answers
    assert all(reason.startswith("grpc-status 12") for reason in measured.failures)


async def test_a_refused_connection_is_a_failure() -> None:
    measured = await ask(free_ports(1)[0], [message(1, 4)])

    assert not measured.answers
    assert sum(measured.failures.values()) > 0


async def test_a_reset_call_is_a_failure_and_another_connection_is_made() -> None:
    connections = 0

    class Resetting(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            nonlocal connections
            connections += 1
            assert isinstance(transport, asyncio.Transport)
            transport.write(frame(SETTINGS, 0, 0) + frame(RST_STREAM, 0, 1, b"\0\0\0\x08"))

    listening = await asyncio.get_running_loop().create_server(Resetting, HOST, 0)
    async with listening:
        measured = await ask(int(listening.sockets[0].getsockname()[1]), [message(1, 4)], connections=1)

    assert connections > 1
    assert all(reason.startswith("HTTP/2 frame 3") for reason in measured.failures)
    assert measured.failures


async def test_the_responder_of_the_ceiling_answers() -> None:
    listening = await asyncio.get_running_loop().create_server(GrpcResponder, HOST, 0)
    async with listening:
        measured = await ask(int(listening.sockets[0].getsockname()[1]), [message(1, 40)])

    assert len(measured.answers) > 5
    assert not measured.failures


async def test_later_header_blocks_name_the_first_one_s_entries() -> None:
    hpack = pytest.importorskip("hpack")
    decoder = hpack.Decoder()
    first, later = header_blocks(PATH, "127.0.0.1:5000")

    assert len(later) == 8
    assert decoder.decode(first) == decoder.decode(later)
    assert frame(HEADERS, 4, 1, later)[:3] == b"\0\0\x08"
