"""Large bodies: their memory is bounded over all connections, small requests do not notice, slow readers are served."""

import asyncio
import socket
import struct

import pytest

from seldon_core.transport import budget as budget_module
from seldon_core.transport import server as server_module
from seldon_core.transport.budget import SMALL_BYTES
from seldon_core.transport.messages import Response
from seldon_core.transport.server import HttpServer, Limits, Request
from tests.unit.transport.raw import RawClient, get, post
from tests.unit.transport.stand import echo, serving, until

pytestmark = pytest.mark.asyncio

BODY = b"y" * 2_000_000
ROOM_FOR_ONE = Limits(large_bodies_bytes=3_000_000)
CHUNKED = b"POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)


@pytest.fixture
def fast_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "_TICK_SECONDS", 0.01)


class Gate:
    """A handler whose answers to POST wait until they are let go."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.open = asyncio.Event()

    async def __call__(self, request: Request) -> Response:
        if request.method == "POST":
            self.begun.append(request.path)
            await self.open.wait()
        return Response(200, b"%d" % len(request.body))


def waiting(server: HttpServer) -> int:
    return len(server._shared.budget._waiting)


@pytest.mark.parametrize("second", [post("/b", BODY), CHUNKED], ids=["length", "chunked"])
async def test_a_large_body_waits_for_room_and_small_requests_pass(second: bytes) -> None:
    gate = Gate()
    async with serving(gate, ROOM_FOR_ONE) as server:
        first, other, small = [await RawClient.to(server.port) for _ in range(3)]
        first.writer.write(post("/a", BODY))
        await until(lambda: gate.begun == ["/a"])
        other.writer.write(second)
        await until(lambda: waiting(server) == 1)
        await small.send(get("/"))
        assert (await small.answer()).status == 200
        assert gate.begun == ["/a"]
        gate.open.set()
        assert (await first.answer()).body == b"2000000"
        assert (await other.answer()).body == b"2000000"
        assert server._shared.budget._held == 0


async def test_a_client_that_asks_first_is_told_to_go_on_when_there_is_room() -> None:
    gate = Gate()
    async with serving(gate, ROOM_FOR_ONE) as server:
        first, other = [await RawClient.to(server.port) for _ in range(2)]
        first.writer.write(post("/a", BODY))
        await until(lambda: gate.begun == ["/a"])
        await other.send(post("/b", b"", "Expect: 100-continue").replace(b"Length: 0", b"Length: 2000000"))
        await until(lambda: waiting(server) == 1)
        gate.open.set()
        assert (await other.answer(head_only=True)).status == 100
        await other.send(BODY)
        assert (await other.answer()).body == b"2000000"


async def test_large_bodies_of_one_connection_are_read_one_after_the_other() -> None:
    gate = Gate()
    async with serving(gate, Limits(large_bodies_bytes=100_000_000)) as server:
        client = await RawClient.to(server.port)
        client.writer.write(post("/a", BODY) + post("/b", BODY) + get("/c"))
        await until(lambda: gate.begun == ["/a"])
        (connection,) = server._shared.connections
        await until(lambda: connection._read_paused)
        assert connection._reader._body_bytes < 1_000_000, "what arrived in one piece, and no more"
        gate.open.set()
        assert [(await client.answer()).body for _ in range(3)] == [b"2000000", b"2000000", b"0"]


@pytest.mark.parametrize("who", ["holds", "waits"])
async def test_a_client_that_vanishes_gives_its_room_back(who: str) -> None:
    gate = Gate()
    async with serving(gate, ROOM_FOR_ONE) as server:
        first, second, third = [await RawClient.to(server.port) for _ in range(3)]
        first.writer.write(post("/a", BODY))
        await until(lambda: gate.begun == ["/a"])
        second.writer.write(post("/b", BODY))
        await until(lambda: waiting(server) == 1)
        third.writer.write(post("/c", BODY))
        await until(lambda: waiting(server) == 2)
        gone = first if who == "holds" else second
        connected: socket.socket = gone.writer.get_extra_info("socket")
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await gone.close()  # a reset
        if who == "holds":
            await until(lambda: gate.begun == ["/a", "/b"])
        gate.open.set()
        assert (await third.answer()).body == b"2000000"
        await until(lambda: server._shared.budget._held == 0)


async def test_what_comes_of_a_large_body_counts_as_moving(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "_TICK_SECONDS", 60.0)
    gate = Gate()
    async with serving(gate, ROOM_FOR_ONE) as server:
        client = await RawClient.to(server.port)
        client.writer.write(post("/a", BODY))
        await until(lambda: gate.begun == ["/a"])
        (ticket,) = server._shared.budget._holders
        assert SMALL_BYTES <= ticket.moved <= len(post("/a", BODY))
        gate.open.set()
        assert (await client.answer()).status == 200
        await until(lambda: not server._shared.budget._holders)


async def test_whoever_does_not_move_is_overtaken(fast_clock: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that hangs, or a client that sends by the byte, must not keep large requests of others away."""
    monkeypatch.setattr(budget_module, "_OVERTAKE_SECONDS", 0.02)
    gate = Gate()
    async with serving(gate, ROOM_FOR_ONE) as server:
        clients = [await RawClient.to(server.port) for _ in range(3)]
        await clients[0].send(post("/slow", b"y").replace(b"Length: 1", b"Length: 2000000"))
        await until(lambda: server._shared.budget._held == 2_000_000)
        for client in clients[1:]:
            client.writer.write(post("/quick", BODY))
        await until(lambda: gate.begun == ["/quick", "/quick"])
        gate.open.set()
        assert [(await client.answer()).status for client in clients[1:]] == [200, 200]


async def test_what_finds_no_room_in_time_is_answered_503(fast_clock: None) -> None:
    gate = Gate()
    async with serving(gate, Limits(large_bodies_bytes=1, request_seconds=0.1)) as server:
        first, second = [await RawClient.to(server.port) for _ in range(2)]
        first.writer.write(post("/a", BODY))
        await until(lambda: gate.begun == ["/a"])
        second.writer.write(post("/b", BODY))
        answer = await second.answer()
        assert (answer.status, answer.headers["connection"]) == (503, "close")
        gate.open.set()
        assert (await first.answer()).status == 200


async def test_a_slow_reader_gets_all_of_a_large_answer_and_one_that_stops_does_not(fast_clock: None) -> None:
    """The time in which an answer must be read is counted from the last progress, at the slowest rate."""
    limits = Limits(write_stall_seconds=0.5, slowest_bytes_per_second=16 * 1024)
    async with serving(lambda _: Response(200, b"y" * 8_000_000), limits) as server:
        slow, stopped = socket.create_connection(("127.0.0.1", server.port)), await RawClient.to(server.port)
        slow.setblocking(False)
        await stopped.send(get("/"))
        stopped.writer.transport.pause_reading()  # type: ignore[attr-defined]  # a stream's transport reads
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(slow, get("/", "Connection: close"))
        begun, size = loop.time(), 0
        while data := await loop.sock_recv(slow, 200_000):
            size += len(data)
            await asyncio.sleep(0.015)
        assert size > 8_000_000
        assert loop.time() - begun > limits.write_stall_seconds
        await until(lambda: not server._shared.connections)
        slow.close()
        await stopped.close()


async def test_an_idle_connection_keeps_nothing_of_what_it_carried() -> None:
    async with serving(echo) as server:
        client = await RawClient.to(server.port)
        client.writer.write(post("/a", BODY))
        assert len((await client.answer()).body) > len(BODY)
        (connection,) = server._shared.connections
        assert connection._reader._body == []
        assert connection._exchange is None
