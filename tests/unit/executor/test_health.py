"""Readiness over time: a node that loads, is busy, goes away; several that hang at once."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable

import pytest

from seldon_core.executor import health, nodes, predictor
from seldon_core.executor.health import Readiness
from seldon_core.transport.server import Request, Response
from tests.unit.executor.stand import Node, encoded, unit

pytestmark = pytest.mark.asyncio


class Moody:
    """A node's health check: answers `status`, or nothing where that is None."""

    def __init__(self) -> None:
        self.status: int | None = 200

    def __call__(self, _: Request) -> Response | Awaitable[Response]:
        return self._never() if self.status is None else Response(self.status)

    async def _never(self) -> Response:
        await asyncio.Event().wait()
        raise AssertionError


@pytest.fixture(autouse=True)
def _quick_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_CHECK_SECONDS", 0.5)


@pytest.fixture
async def moody() -> AsyncIterator[tuple[Moody, Node]]:
    mood = Moody()
    node = await Node(mood).start()
    yield mood, node
    await node.server.drain(0)


def readiness(*ports: int, full: bool = False, dial_seconds: float = 1.0) -> Readiness:
    first, *others = [unit(f"n{number}", port) for number, port in enumerate(ports)]
    first["children"] = others
    return Readiness(nodes.build(predictor.decode(encoded(first))), full=full, dial_seconds=dial_seconds)


async def test_a_node_that_never_answered_is_not_ready_and_one_that_did_is_busy(moody: tuple[Moody, Node]) -> None:
    mood, node = moody
    ready = readiness(node.server.port)
    mood.status = None
    assert not await ready.ready()
    mood.status = 404
    assert await ready.ready()
    mood.status = None
    assert await ready.ready()
    mood.status = 503
    assert not await ready.ready()
    mood.status = None
    assert not await ready.ready(), "it was loading when it was last heard of"
    await ready.close()


async def test_a_busy_node_is_not_ready_under_full_health_checks(moody: tuple[Moody, Node]) -> None:
    mood, node = moody
    ready = readiness(node.server.port, full=True)
    assert await ready.ready()
    mood.status = None
    assert not await ready.ready()
    await ready.close()


async def test_a_node_that_was_away_has_to_answer_again(moody: tuple[Moody, Node]) -> None:
    mood, node = moody
    port = node.server.port
    ready = readiness(port)
    assert await ready.ready()
    await node.server.drain(0)
    assert not await ready.ready()
    mood.status = None
    await node.server.start("127.0.0.1", port)
    assert not await ready.ready()
    await ready.close()


async def test_a_host_that_no_connection_reaches_is_not_a_busy_one(moody: tuple[Moody, Node]) -> None:
    """A full queue of connections: the kernel drops what comes, as a host does that is gone."""
    _, node = moody
    port = node.server.port
    ready = readiness(port, dial_seconds=0.05)
    assert await ready.ready()
    await node.server.drain(0)
    with socket.create_server(("127.0.0.1", port), backlog=0):
        queued = [socket.socket() for _ in range(4)]
        for one in queued:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        assert not await ready.ready()
        for one in queued:
            one.close()
    await ready.close()


async def test_nodes_are_asked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several that are slow must not take a probe's whole time, one after the other: here each waits for the last."""
    monkeypatch.setattr(health, "_CHECK_SECONDS", 5)
    together = asyncio.Barrier(5)

    async def answer(_: Request) -> Response:
        await together.wait()
        return Response(200)

    node = await Node(answer).start()
    ready = readiness(*[node.server.port] * 5)
    assert await ready.ready()
    await ready.close()
    await node.server.drain(0)
