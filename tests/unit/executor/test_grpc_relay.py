"""Predictions over gRPC of one node on a kept connection: as on the long way, which makes the connection."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import h2.config
import h2.connection
import h2.events
import pytest
from grpc import aio

from seldon_core.executor import grpc_relay
from seldon_core.proto import inference_pb2, prediction_pb2
from seldon_core.transport.rpc import RpcError, Status
from tests.unit.executor.stand import Client, RpcNode, executor, rpc_unit, settings
from tests.unit.transport.h2peer import message
from tests.unit.transport.stand import until

PREDICT = "/seldon.protos.Seldon/Predict"


@pytest.fixture(autouse=True)
async def _nodes_end() -> AsyncIterator[None]:
    yield
    await RpcNode.end_all()


async def twice(client: Client, *metadata: tuple[str, str | bytes]) -> list[Any]:
    """What the field's own client is told: of the long way, and of the short one."""
    seen: list[Any] = []
    async with aio.insecure_channel(f"127.0.0.1:{client.grpc_port}") as channel:
        call: Any = channel.unary_unary(PREDICT)
        for _ in range(2):
            asked = call(prediction_pb2.SeldonMessage(strData="x").SerializeToString(), metadata=metadata)
            initial = sorted(await asked.initial_metadata())
            try:
                seen.append((initial, await asked))
            except aio.AioRpcError as error:
                seen.append((initial, error.code(), error.details()))
    return seen


@pytest.mark.parametrize(
    "answer",
    [
        None,
        prediction_pb2.SeldonMessage(strData="y" * 100_000),
        RpcError(Status.UNKNOWN, "Exception calling application: boom"),
        RpcError(Status.DEADLINE_EXCEEDED, "too late"),
        RpcError(Status.INVALID_ARGUMENT, "ü"),
    ],
    ids=["small", "large", "unknown", "too late", "invalid"],
)
async def test_both_ways_answer_alike(answer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    short_ways: list[str] = []

    class Watched(grpc_relay._Relayed):
        def set_result(self, result: bytes, /) -> None:
            short_ways.append("answered")
            super().set_result(result)

        def set_exception(self, exception: Exception, /) -> None:
            short_ways.append("failed")
            super().set_exception(exception)

    monkeypatch.setattr(grpc_relay, "_Relayed", Watched)
    node = await RpcNode("m", {} if answer is None else {"Model/Predict": answer}).start()
    async with executor(settings(rpc_unit("m", node))) as client:
        long, short = await twice(client, ("seldon-puid", "p1"), ("x-own", "1"), ("x-own-bin", b"\x00\xff"))
        assert short == long
        assert ("seldon-puid", "p1") in [tuple(field) for field in long[0]]
        assert short_ways == ["failed" if isinstance(answer, RpcError) else "answered"]
        first, second = node.requests
        assert sorted(first.metadata) == sorted(second.metadata)
        assert {("x-own", "1"), ("x-own-bin", b"\x00\xff"), ("seldon-puid", "p1")} <= set(second.metadata)
        assert first.body == second.body
        scraped = (await client.ask("GET", "/metrics")).body.decode()
        counts = [line for line in scraped.splitlines() if "requests_seconds_count{" in line]
        assert [line.split()[-1] for line in counts] == ["2.0", "2.0"], counts


async def test_each_call_has_a_puid_of_its_own() -> None:
    node = await RpcNode().start()
    async with executor(settings(rpc_unit("m", node))) as client:
        told = [dict(initial)["seldon-puid"] for _ in range(2) for initial, _ in await twice(client)]
    assert len(set(told)) == 4
    assert [request.get("seldon-puid") for request in node.requests] == told


async def test_who_gives_up_is_heeded_at_the_node() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def hang() -> Any:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    node = await RpcNode().start()
    async with executor(settings(rpc_unit("m", node))) as client:
        await client.rpc_text("x")
        node._answers = {"Model/Predict": hang}
        asked = asyncio.ensure_future(client.rpc_text("x"))
        await begun.wait()
        asked.cancel()
        await asyncio.wait_for(ended.wait(), 5)
        begun.clear()
        ended.clear()
        with pytest.raises(RpcError) as caught:
            await client.rpc_text("x", timeout=0.05)
        assert caught.value.status is Status.DEADLINE_EXCEEDED
        await asyncio.wait_for(ended.wait(), 5)
        node._answers = {}
        assert await client.rpc_text("x") == "x /Predict"


async def test_a_node_that_goes_is_told_apart_from_one_that_is_back() -> None:
    node = await RpcNode().start()
    async with executor(settings(rpc_unit("m", node))) as client:
        await client.rpc_text("x")
        await node.server.drain(0)
        with pytest.raises(RpcError) as caught:
            await client.rpc_text("x")
        assert caught.value.status is Status.UNAVAILABLE


class Refusing:
    """A server that says of some calls that it did nothing for them. `asked` are the calls that it got."""

    def __init__(self) -> None:
        self.asked = 0
        self.refuse = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        config = h2.config.H2Configuration(client_side=False)
        connection = h2.connection.H2Connection(config)
        connection.initiate_connection()
        writer.write(connection.data_to_send())
        while data := await reader.read(65536):
            for event in connection.receive_data(data):
                if isinstance(event, h2.events.StreamEnded):
                    self._answer(connection, event.stream_id)
            writer.write(connection.data_to_send())
        writer.close()

    def _answer(self, connection: h2.connection.H2Connection, stream: int) -> None:
        self.asked += 1
        if self.refuse:
            self.refuse -= 1
            connection.reset_stream(stream, 7)
            return
        connection.send_headers(stream, ((":status", "200"), ("content-type", "application/grpc")))
        connection.send_data(stream, message(b""))
        connection.send_headers(stream, (("grpc-status", "0"),), end_stream=True)


@pytest.mark.parametrize("refused", [1, 10])
async def test_what_a_node_did_nothing_for_is_asked_again(refused: int) -> None:
    node = Refusing()
    listener = await asyncio.start_server(node.serve, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    async with executor(settings(rpc_unit("m", port))) as client:
        assert await client.rpc("Predict", b"") == b""
        node.refuse = refused
        if refused == 1:
            assert await client.rpc("Predict", b"") == b""
            assert node.asked == 3
        else:
            with pytest.raises(RpcError) as caught:
                await client.rpc("Predict", b"")
            assert caught.value.status is Status.UNAVAILABLE
            assert node.asked == 1 + 6, "once on the short way, and five times on the long one"
    listener.close()


async def test_v2_takes_the_short_way_with_the_node_s_own_name() -> None:
    node = await RpcNode().start()
    infer = "/inference.GRPCInferenceService/ModelInfer"
    node.server._methods = {infer: node.server._methods["/seldon.protos.Model/Predict"]}  # type: ignore[assignment]  # a mapping is all it needs
    node._answers = {infer: inference_pb2.ModelInferResponse(id="1")}
    async with executor(settings(rpc_unit("m", node), "--protocol", "v2")) as client:
        for _ in range(2):
            body = inference_pb2.ModelInferRequest(id="1").SerializeToString()
            await client._rpc_pool.call("127.0.0.1", client.grpc_port, infer, body)
    await until(lambda: len(node.requests) == 2)
    assert [inference_pb2.ModelInferRequest.FromString(one.body).model_name for one in node.requests] == ["m", "m"]
