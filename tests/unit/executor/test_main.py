"""The program itself: its refusals, and its orderly end under load."""

import asyncio
import os
import signal
import socket
import sys
from typing import Any

import pytest

from seldon_core.proto import prediction_pb2
from seldon_core.transport.client import HttpPool
from seldon_core.transport.errors import CallError
from seldon_core.transport.rpc_client import RpcPool
from seldon_core.transport.server import Response
from tests.unit.executor.stand import Node, RpcNode, encoded, rpc_unit, unit

pytestmark = pytest.mark.asyncio


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


async def program(*flags: str, predictor: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "seldon_core.executor.main",
        *("--sdep", "m", "--predictor", "p", "--grpc_port", "0", *flags),
        env={**os.environ, "ENGINE_PREDICTOR": predictor, "PYTHONPATH": os.pathsep.join(sys.path)},
        stderr=asyncio.subprocess.PIPE,
    )


@pytest.mark.parametrize(
    ("predictor", "says"),
    [("", "ENGINE_PREDICTOR is not set"), ("%%", "cannot be read"), (encoded(unit("m", None)), "no endpoint")],
)
async def test_a_predictor_that_cannot_be_served_ends_it_with_one_sentence(predictor: str, says: str) -> None:
    process = await program(predictor=predictor)
    _, error = await process.communicate()
    assert process.returncode == 1
    assert says in error.decode()
    assert error.decode().count("\n") == 1


async def test_a_port_that_is_taken() -> None:
    node = await Node().start()
    process = await program("--http_port", str(node.server.port), predictor=encoded(unit("m", node)))
    _, error = await process.communicate()
    assert process.returncode == 1
    assert f"Port {node.server.port} cannot be listened on" in error.decode()


async def test_a_grpc_port_that_is_taken() -> None:
    node = await Node().start()
    flags = ("--http_port", "0", "--grpc_port", str(node.server.port))
    process = await program(*flags, predictor=encoded(unit("m", node)))
    _, error = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 1
    assert f"Port {node.server.port} cannot be listened on" in error.decode()


async def test_calls_over_grpc_are_served_after_sigterm_and_finished_at_the_end() -> None:
    begun, release = asyncio.Event(), asyncio.Event()

    async def slow() -> Any:
        begun.set()
        await release.wait()
        return prediction_pb2.SeldonMessage(strData="late")

    node = await RpcNode("m", {"Model/SendFeedback": slow}).start()
    port, http_port = free_port(), free_port()
    graph = rpc_unit("m", node)
    graph["endpoint"]["service_port"] = node.server.port
    flags = ("--http_port", str(http_port), "--grpc_port", str(port), "--shutdown_delay", "10m")
    process = await program(*flags, predictor=encoded(graph))
    http, pool = HttpPool(), RpcPool()
    await until_ready(http, http_port)
    late = asyncio.ensure_future(pool.call("127.0.0.1", port, "/seldon.protos.Seldon/SendFeedback", b""))
    await begun.wait()
    process.send_signal(signal.SIGTERM)
    assert process.stderr is not None
    while b"stopping" not in await process.stderr.readline():
        pass
    for _ in range(100):
        assert await pool.call("127.0.0.1", port, "/seldon.protos.Seldon/Predict", b"")
    process.send_signal(signal.SIGTERM)
    release.set()
    assert prediction_pb2.SeldonMessage.FromString(await late).strData == "late"
    assert await asyncio.wait_for(process.wait(), 10) == 0
    await pool.close()
    await RpcNode.end_all()


async def test_sigterm_loses_no_request() -> None:
    """Requests go on after the signal, for as long as routers still send some, over old connections and new ones."""
    node = await Node(lambda _: Response(200, b"{}")).start()
    port = free_port()
    process = await program("--http_port", str(port), "--shutdown_delay", "10m", predictor=encoded(unit("m", node)))
    pool = HttpPool()
    await until_ready(pool, port)
    signalled = moved = False
    late = 0

    async def client() -> None:
        nonlocal late, signalled, moved
        own = HttpPool()
        while late < 500:
            answer = await own.request("127.0.0.1", port, "POST", "/api/v1.0/predictions", body=b"{}", repeatable=False)
            assert answer.status == 200
            late += signalled
            if not signalled:
                process.send_signal(signal.SIGTERM)
                signalled = True
            if answer.headers.get("connection") == "close":
                moved = True

    await asyncio.wait_for(asyncio.gather(*(client() for _ in range(8))), 20)
    assert moved, "clients were asked to come back by a new connection"
    assert process.returncode is None
    process.send_signal(signal.SIGTERM)  # a second one ends the delay
    assert await asyncio.wait_for(process.wait(), 10) == 0


async def test_a_request_in_flight_is_finished_after_sigterm() -> None:
    begun, release = asyncio.Event(), asyncio.Event()

    async def slow() -> Response:
        begun.set()
        await release.wait()
        return Response(200, b"late")

    def answer(request: Any) -> Any:
        return slow() if request.path == "/predict" else Response(200)

    node = await Node(answer).start()
    port = free_port()
    process = await program("--http_port", str(port), "--shutdown_delay", "0", predictor=encoded(unit("m", node)))
    pool = HttpPool()
    await until_ready(pool, port)
    call = asyncio.ensure_future(pool.request("127.0.0.1", port, "POST", "/api/v1.0/predictions", body=b"{}"))
    await begun.wait()
    process.send_signal(signal.SIGTERM)
    assert process.stderr is not None
    while b"stopping" not in await process.stderr.readline():
        pass
    release.set()
    assert (await call).body == b"late"
    assert await asyncio.wait_for(process.wait(), 10) == 0


async def until_ready(pool: HttpPool, port: int) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                if (await pool.request("127.0.0.1", port, "GET", "/ready")).status == 200:
                    return
            except CallError:
                await asyncio.sleep(0.01)
