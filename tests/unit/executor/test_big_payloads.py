"""The program under 16 payloads of 10 MB at once: passed on unread, within the memory that its container has."""

import asyncio
import signal
from itertools import cycle
from pathlib import Path

import pytest

from seldon_core.proto import prediction_pb2
from seldon_core.transport.client import HttpPool
from seldon_core.transport.rpc import RpcError, Status
from seldon_core.transport.rpc_client import RpcPool
from seldon_core.transport.server import Response
from tests.unit.executor.stand import Node, RpcNode, encoded, rpc_unit, unit
from tests.unit.executor.test_main import free_port, program, until_ready
from tests.unit.transport.raw import RawClient
from tests.unit.transport.stand import until

pytestmark = pytest.mark.asyncio

PATH = "/api/v1.0/predictions"
ROWS = b'{"data":{"ndarray":[' + b",".join([b"[0.123456789,1.5,2.25,3]"] * 400_000)
AT_ONCE = 16
LIMIT_MB = 256
"""Of the process at its worst; its container has 512 MB by default. Each payload is there twice, coming and going."""
KEPT_MB = 80
"""Of the process afterwards; it begins with 40 to 45."""


def megabytes(process: asyncio.subprocess.Process, field: str) -> int:
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith(field))


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"binData":"' + b"QUJD" * 2_500_000 + b'"}', id="binData"),
        pytest.param(ROWS, id="ndarray that never ends: whoever parsed it would refuse it"),
    ],
)
async def test_payloads_of_ten_megabytes_pass_unread_within_bounded_memory(body: bytes) -> None:
    node = await Node(lambda request: Response(200, request.body)).start()
    port = free_port()
    process = await program("--http_port", str(port), "--shutdown_delay", "0", predictor=encoded(unit("m", node)))
    pool = HttpPool()
    await until_ready(pool, port)
    for _ in range(2):
        calls = [pool.request("127.0.0.1", port, "POST", PATH, body=body) for _ in range(AT_ONCE)]
        for answer in await asyncio.gather(*calls):
            assert (answer.status, answer.body == body) == (200, True)
    node.requests.clear()
    assert megabytes(process, "VmHWM") < LIMIT_MB
    assert megabytes(process, "VmRSS") < KEPT_MB, "connections that wait keep no payload"
    process.send_signal(signal.SIGTERM)
    await pool.close()
    assert await asyncio.wait_for(process.wait(), 10) == 0


async def until_serving(pool: RpcPool, port: int) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                await pool.call("127.0.0.1", port, "/grpc.health.v1.Health/Check", b"")
            except RpcError as error:
                if error.status is not Status.UNAVAILABLE:
                    raise
                await asyncio.sleep(0.01)
            else:
                return


@pytest.mark.parametrize("connections", [1, AT_ONCE])
async def test_messages_of_ten_megabytes_pass_within_the_same_memory(connections: int) -> None:
    """Over gRPC, as calls of one client and of many."""
    body = prediction_pb2.SeldonMessage(binData=b"QUJD" * 2_500_000).SerializeToString()
    node = await RpcNode(answers={"Model/Predict": body}).start()
    http_port, port = free_port(), free_port()
    flags = ("--http_port", str(http_port), "--grpc_port", str(port), "--shutdown_delay", "0")
    process = await program(*flags, predictor=encoded(rpc_unit("m", node)))
    pools = [RpcPool() for _ in range(connections)]
    try:
        await until_serving(pools[0], port)
        for _ in range(2):
            turns = zip(range(AT_ONCE), cycle(pools), strict=False)
            calls = [pool.call("127.0.0.1", port, "/seldon.protos.Seldon/Predict", body) for _, pool in turns]
            assert await asyncio.gather(*calls) == [body] * AT_ONCE
        assert all(request.body == body for request in node.requests)
        assert megabytes(process, "VmHWM") < LIMIT_MB
        await until(lambda: megabytes(process, "VmRSS") < KEPT_MB)  # connections that wait keep no message
    finally:
        process.send_signal(signal.SIGTERM)
        for pool in pools:
            await pool.close()
        assert await asyncio.wait_for(process.wait(), 10) == 0
        await RpcNode.end_all()


@pytest.mark.parametrize("how", ["length", "chunks"])
async def test_a_body_above_the_limit_is_refused_before_it_is_read(how: str) -> None:
    """By the length that the client tells it is known at once; in chunks, when the limit is reached."""
    node = await Node().start()
    port = free_port()
    flags = ("--http_port", str(port), "--shutdown_delay", "0", "--max_body_bytes", "1000000")
    process = await program(*flags, predictor=encoded(unit("m", node)))
    pool = HttpPool()
    await until_ready(pool, port)
    client = await RawClient.to(port)
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\n".encode()
    if how == "length":
        await client.send(head + b"Content-Length: 100000000\r\n\r\n")
    else:
        client.writer.write(
            head + b"Transfer-Encoding: chunked\r\n\r\n" + (b"186a0\r\n" + b"y" * 100_000 + b"\r\n") * 11
        )
    answer = await client.answer()
    assert (answer.status, answer.headers["connection"]) == (413, "close")
    assert b'"code":413' in answer.body
    assert b"at most 1000000 bytes" in answer.body
    assert all(request.path != "/predict" for request in node.requests)
    process.send_signal(signal.SIGTERM)
    await client.close()
    await pool.close()
    assert await asyncio.wait_for(process.wait(), 10) == 0
