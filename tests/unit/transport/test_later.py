"""Promised answers: alone, awaited, and on a connection."""

import asyncio

import pytest

from seldon_core.transport.later import Later
from seldon_core.transport.server import HttpServer, Request, Response
from tests.unit.transport.raw import RawClient, get

pytestmark = pytest.mark.asyncio
ANSWER = Response(200, b"later")


async def test_settled_before_and_after() -> None:
    got: list[Response] = []
    first, second = Later(), Later()
    first.settle(ANSWER)
    first.then(got.append)
    second.then(got.append)
    assert not second.done()
    second.settle(ANSWER)
    assert got == [ANSWER, ANSWER]
    assert first.done()
    assert second.done()


async def test_awaited() -> None:
    there, coming = Later(), Later()
    there.settle(ANSWER)
    assert await there is ANSWER
    asyncio.get_running_loop().call_soon(coming.settle, ANSWER)
    assert await coming is ANSWER


async def test_a_cancelled_wait_cancels_the_promise() -> None:
    later = Later()
    waiting = asyncio.ensure_future(later)  # type: ignore[arg-type]  # any awaitable
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert later.done()
    later.settle(ANSWER)  # reaches nobody


async def test_a_cancelled_promise_is_not_received() -> None:
    got: list[Response] = []
    later = Later()
    later.then(got.append)
    later.cancel()
    later.settle(ANSWER)
    assert got == []


class Told(Later):
    """Tells that nobody waits any more."""

    def __init__(self) -> None:
        super().__init__()
        self.gone = asyncio.Event()

    def cancel(self) -> None:
        super().cancel()
        self.gone.set()


class Promising:
    """A server that promises its answers."""

    def __init__(self) -> None:
        self.promises: asyncio.Queue[Told] = asyncio.Queue()
        self.server = HttpServer(self._serve, name="promising")

    def _serve(self, request: Request) -> Later:
        later = Told()
        if request.path == "/now":
            later.settle(ANSWER)
        self.promises.put_nowait(later)
        return later


async def test_pipelined_requests_are_answered_in_order() -> None:
    one = Promising()
    await one.server.start("127.0.0.1", 0)
    client = await RawClient.to(one.server.port)
    await client.send(get("/a") + get("/now") + get("/b"))
    (await one.promises.get()).settle(Response(200, b"a"))
    await one.promises.get()
    (await one.promises.get()).settle(Response(201, b"b"))
    answers = [await client.answer() for _ in range(3)]
    assert [(a.status, a.body) for a in answers] == [(200, b"a"), (200, b"later"), (201, b"b")]
    await one.server.drain(1)


async def test_a_client_that_leaves_cancels_its_promise() -> None:
    one = Promising()
    await one.server.start("127.0.0.1", 0)
    client = await RawClient.to(one.server.port)
    await client.send(get("/a"))
    later = await one.promises.get()
    client.vanish()
    await asyncio.wait_for(later.gone.wait(), 5)
    later.settle(ANSWER)
    await one.server.drain(1)
