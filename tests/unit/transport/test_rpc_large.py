"""Large messages over gRPC: their memory is bounded over all connections, and small calls do not notice."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import h2.events
import pytest

from seldon_core.transport import budget as budget_module
from seldon_core.transport.rpc import RpcAnswer, RpcError, RpcRequest, Status
from seldon_core.transport.rpc_client import RpcPool
from seldon_core.transport.rpc_server import RpcServer
from seldon_core.transport.rpc_wire import PREFIX_BYTES
from tests.unit.transport.h2peer import connected, message
from tests.unit.transport.rpcstand import yes
from tests.unit.transport.stand import until

pytestmark = pytest.mark.asyncio

METHOD = "/seldon.protos.Model/Predict"
SIZE = 2_000_000
ROOM_FOR_ONE = 3_000_000
WINDOW = 1024 * 1024


class Gate:
    """A handler whose answers to large messages wait until they are let go. Answers sizes, or with what came."""

    def __init__(self, *, echo: bool = False) -> None:
        self.begun: list[bytes] = []
        self.open = asyncio.Event()
        self.echo = echo

    async def __call__(self, request: RpcRequest) -> RpcAnswer:
        if len(request.body) > 1:
            self.begun.append(request.body[:1])
            await self.open.wait()
        return RpcAnswer(request.body if self.echo else b"%d" % len(request.body))


@asynccontextmanager
async def running(gate: Gate, pools: int = 1) -> AsyncIterator[tuple[RpcServer, list[RpcPool]]]:
    server = RpcServer({METHOD: gate}, ready=yes, large_bodies_bytes=ROOM_FOR_ONE, name="test")
    await server.start("127.0.0.1", 0)
    made = [RpcPool() for _ in range(pools)]
    try:
        yield server, made
    finally:
        for pool in made:
            await pool.close()
        await server.drain(0)


def begin(server: RpcServer, pool: RpcPool, body: bytes) -> "asyncio.Task[bytes]":
    return asyncio.ensure_future(pool.call("127.0.0.1", server.port, METHOD, body))


def waiting(server: RpcServer) -> int:
    return len(server.budget._waiting)


def received(server: RpcServer) -> list[int]:
    """Bytes of each call that is under way."""
    return sorted(stream.received for client in server._connections for stream in client.streams.values())


@pytest.mark.parametrize("pools", [1, 2], ids=["one connection", "two connections"])
async def test_a_large_message_waits_for_room_and_small_calls_pass(pools: int) -> None:
    gate = Gate()
    async with running(gate, pools) as (server, made):
        first = begin(server, made[0], b"a" * SIZE)
        await until(lambda: gate.begun == [b"a"])
        second = begin(server, made[-1], b"b" * SIZE)
        await until(lambda: waiting(server) == 1)
        assert await begin(server, made[-1], b"x") == b"1"
        await until(lambda: received(server) == [WINDOW, SIZE + 5])
        gate.open.set()
        assert (await first, await second) == (b"%d" % SIZE, b"%d" % SIZE)
        assert server.budget._held == 0


@pytest.mark.parametrize("who", ["holds", "waits"])
@pytest.mark.parametrize("how", ["call", "connection"])
async def test_who_vanishes_gives_its_room_back(who: str, how: str) -> None:
    gate = Gate()
    async with running(gate, 3) as (server, made):
        calls = []
        for number, name in enumerate((b"a", b"b", b"c")):
            calls.append(begin(server, made[number], name * SIZE))
            await until(lambda number=number: len(gate.begun) + waiting(server) == number + 1)  # type: ignore[misc]  # mypy knows no default of a lambda
        gone = 0 if who == "holds" else 1
        if how == "call":
            calls[gone].cancel()
        else:
            await made[gone].close()
        if who == "holds":
            await until(lambda: gate.begun == [b"a", b"b"])
        gate.open.set()
        assert await calls[2] == b"%d" % SIZE
        await asyncio.gather(*calls, return_exceptions=True)
        await until(lambda: server.budget._held == 0)


async def test_what_comes_and_goes_of_a_large_call_counts_as_moving(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seldon_core.transport.rpc_server._TICK_SECONDS", 60.0)
    gate = Gate(echo=True)
    async with running(gate) as (server, made):
        call = begin(server, made[0], b"a" * SIZE)
        await until(lambda: gate.begun == [b"a"])
        (ticket,) = server.budget._holders
        assert SIZE - WINDOW <= ticket.moved <= SIZE + PREFIX_BYTES
        ticket.moved = 0
        gate.open.set()
        await call
        assert ticket.moved >= SIZE
        assert not server.budget._holders


async def test_whoever_does_not_move_is_overtaken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seldon_core.transport.rpc_server._TICK_SECONDS", 0.01)
    monkeypatch.setattr(budget_module, "_OVERTAKE_SECONDS", 0.02)
    gate = Gate()
    async with running(gate, 3) as (server, made):
        calls = [begin(server, pool, b"y" * SIZE) for pool in made]
        await until(lambda: len(gate.begun) == 3)
        gate.open.set()
        assert await asyncio.gather(*calls) == [b"%d" % SIZE] * 3


async def test_what_finds_no_room_in_time_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seldon_core.transport.rpc_server._TICK_SECONDS", 0.01)
    monkeypatch.setattr("seldon_core.transport.rpc_calls._SILENT_TICKS", 3)
    gate = Gate()
    async with running(gate, 2) as (server, made):
        first = begin(server, made[0], b"a" * SIZE)
        await until(lambda: gate.begun == [b"a"])
        with pytest.raises(RpcError, match="Too many large requests are being answered") as caught:
            await begin(server, made[1], b"b" * SIZE)
        assert caught.value.status is Status.UNAVAILABLE
        assert waiting(server) == 0
        gate.open.set()
        await first


async def test_who_sends_more_than_it_may_is_reset() -> None:
    """A client that does not heed its window cannot have its message kept all the same."""
    gate = Gate()
    async with running(gate) as (server, made):
        first = begin(server, made[0], b"a" * SIZE)
        await until(lambda: gate.begun == [b"a"])
        async with connected(server.port) as peer:
            await peer.seen(h2.events.RemoteSettingsChanged)
            stream = peer.call(METHOD, None)
            frame = b"\x00\x40\x00\x00\x00" + stream.to_bytes(4, "big")
            body = message(bytes(SIZE))
            for at in range(0, len(body), 0x4000):
                if len(piece := body[at : at + 0x4000]) == 0x4000:
                    peer.write(frame + piece)
            await peer.seen(h2.events.StreamReset, stream)
        gate.open.set()
        await first
