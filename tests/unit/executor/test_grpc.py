"""The executor over gRPC: the walk over real nodes, the prediction's id, errors, metadata, metrics."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import json_format
from grpc import aio

from seldon_core.proto import prediction_pb2
from seldon_core.transport.rpc import RpcError, Status
from tests.unit.executor.stand import TRANSCRIPTS, Node, RpcNode, executor, rpc_unit, settings, unit

SeldonMessage = prediction_pb2.SeldonMessage


def message(document: Any) -> SeldonMessage:
    return json_format.ParseDict(document, SeldonMessage())


def feedback(document: Any) -> prediction_pb2.Feedback:
    return json_format.ParseDict(document, prediction_pb2.Feedback())


@pytest.fixture(autouse=True)
async def _nodes_end() -> AsyncIterator[None]:
    yield
    await RpcNode.end_all()


async def nodes(**answers: Any) -> dict[str, RpcNode]:
    return {name: await RpcNode(name, answer).start() for name, answer in answers.items()}


def steps(node: RpcNode) -> list[str]:
    return [request.method.rpartition("/")[2] for request in node.requests]


async def test_a_chain_with_transformers_on_both_sides() -> None:
    n = await nodes(t=None, o=None, a=None, b=None, both=None)
    chain = rpc_unit("a", n["a"], "MODEL", rpc_unit("b", n["b"]))
    inner = rpc_unit("both", n["both"], "", chain, methods=["TRANSFORM_INPUT", "TRANSFORM_OUTPUT"])
    graph = rpc_unit("o", n["o"], "OUTPUT_TRANSFORMER", rpc_unit("t", n["t"], "TRANSFORMER", inner))
    async with executor(settings(graph)) as client:
        walked = "t/TransformInput both/TransformInput a/Predict b/Predict both/TransformOutput o/TransformOutput"
        assert await client.rpc_text("x") == f"x {walked}"


async def test_a_combiner_gets_all_answers_in_the_children_s_order() -> None:
    n = await nodes(c=None, a=None, b=None)
    graph = rpc_unit("c", n["c"], "COMBINER", rpc_unit("a", n["a"]), rpc_unit("b", n["b"]))
    async with executor(settings(graph)) as client:
        assert await client.rpc_text("x") == "x a/Predict+x b/Predict c/Aggregate"


@pytest.mark.parametrize(
    ("answer", "goes"),
    [
        ({"data": {"ndarray": [[1]]}}, "b"),
        ({"data": {"ndarray": [0]}}, "a"),
        ({"data": {"tensor": {"shape": [1, 1], "values": [1]}}}, "b"),
        ({"data": {"ndarray": [[-1]]}}, "a"),
        ({"data": {"ndarray": [[-2]]}}, ""),
    ],
)
async def test_a_router_chooses(answer: Any, goes: str) -> None:
    n = await nodes(r={"Router/Route": message(answer)}, a=None, b=None)
    graph = rpc_unit("r", n["r"], "ROUTER", rpc_unit("a", n["a"]), rpc_unit("b", n["b"]))
    async with executor(settings(graph)) as client:
        assert await client.rpc_text("x") == (f"x {goes}/Predict" if goes else "x")


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"data": {"ndarray": [[2]]}}, "Router r answered child 2, and has 1 children"),
        ({"data": {"ndarray": [[0.5]]}}, "Router r did not answer the number of a child"),
        ({"data": {"ndarray": [["0"]]}}, "did not answer the number"),
        ({"data": {"ndarray": []}}, "did not answer the number"),
        ({"data": {"tensor": {}}}, "did not answer the number"),
        ({"strData": "0"}, "did not answer the number"),
        ({}, "did not answer the number"),
    ],
)
async def test_a_router_s_wrong_answer_is_an_error_and_not_child_0(answer: Any, says: str) -> None:
    n = await nodes(r={"Router/Route": message(answer)}, a=None)
    async with executor(settings(rpc_unit("r", n["r"], "ROUTER", rpc_unit("a", n["a"])))) as client:
        with pytest.raises(RpcError) as caught:
            await client.rpc_text("x")
        assert caught.value.status is Status.UNKNOWN
        assert says in caught.value.text
        assert n["a"].requests == []


async def test_feedback_follows_the_routing_of_the_answer_and_gives_the_root_s_answer() -> None:
    n = await nodes(r=None, a=None, b=None)
    graph = rpc_unit("r", n["r"], "ROUTER", rpc_unit("a", n["a"]), rpc_unit("b", n["b"]))
    told = feedback({"request": {"strData": "q"}, "response": {"meta": {"routing": {"r": 1}}}, "reward": 0.5})
    async with executor(settings(graph)) as client:
        answer = SeldonMessage.FromString(await client.rpc("SendFeedback", told))
        assert answer.strData == "q r/SendFeedback"
        assert (steps(n["a"]), steps(n["b"])) == ([], ["SendFeedback"])
        assert n["b"].requests[0].body == told.SerializeToString()
        with pytest.raises(RpcError, match="routing names child 7 of r, which has 2"):
            await client.rpc("SendFeedback", feedback({"response": {"meta": {"routing": {"r": 7}}}}))


async def test_feedback_that_no_node_wants_is_answered_an_empty_message() -> None:
    n = await nodes(t=None)
    async with executor(settings(rpc_unit("t", n["t"], "TRANSFORMER"))) as client:
        assert await client.rpc("SendFeedback", feedback({"reward": 1})) == b""


async def test_the_payload_is_not_parsed_on_its_way() -> None:
    """Fields that this executor does not know survive, and garbage reaches the model."""
    n = await nodes(m={"Model/Predict": b"\xff\xff garbage"})
    async with executor(settings(rpc_unit("m", n["m"]))) as client:
        assert await client.rpc("Predict", b"\x0a\x00 also") == b"\xff\xff garbage"
        assert n["m"].requests[0].body == b"\x0a\x00 also"


async def test_the_prediction_s_id_goes_to_nodes_and_back_with_answers_and_errors() -> None:
    n = await nodes(m={}, bad={"Model/Predict": RpcError(Status.NOT_FOUND, "gone")})
    for name, code in (("m", grpc.StatusCode.OK), ("bad", grpc.StatusCode.NOT_FOUND)):
        async with (
            executor(settings(rpc_unit(name, n[name]))) as client,
            aio.insecure_channel(f"127.0.0.1:{client.grpc_port}") as channel,
        ):
            predict = channel.unary_unary("/seldon.protos.Seldon/Predict")
            call = predict(b"", metadata=(("seldon-puid", "mine"), ("x-b3-traceid", "7"), ("k-bin", b"\x00\xff")))
            assert ("seldon-puid", "mine") in tuple(await call.initial_metadata())
            assert await call.code() is code
            seen = n[name].requests[0].metadata
            wanted = {("seldon-puid", "mine"), ("x-b3-traceid", "7"), ("k-bin", b"\x00\xff")}
            assert wanted <= set(seen)
            assert [key for key, _ in seen].count("seldon-puid") == 1
            made = predict(b"")
            puid = dict(tuple(await made.initial_metadata()))["seldon-puid"]
            assert len(puid) == 36
            assert n[name].requests[1].get("seldon-puid") == puid


@pytest.mark.parametrize("status", [Status.UNKNOWN, Status.INVALID_ARGUMENT, Status.UNAVAILABLE])
async def test_a_node_s_status_and_text_are_the_answer_and_end_the_graph(status: Status) -> None:
    n = await nodes(a={"Model/Predict": RpcError(status, "Exception calling application: boom")}, b=None)
    async with executor(settings(rpc_unit("a", n["a"], "MODEL", rpc_unit("b", n["b"])))) as client:
        with pytest.raises(RpcError) as caught:
            await client.rpc_text("x")
        assert (caught.value.status, caught.value.text) == (status, "Exception calling application: boom")
        assert n["b"].requests == []


async def test_metadata_of_a_node_and_of_the_graph() -> None:
    first = prediction_pb2.SeldonModelMetadata(name="first", versions=["1"], inputs=[{"name": "i"}])
    last = prediction_pb2.SeldonModelMetadata(name="last", outputs=[{"name": "o"}], custom={"a": "b"})
    n = await nodes(t={"Model/Metadata": first}, m={"Model/Metadata": last})
    async with executor(settings(rpc_unit("t", n["t"], "TRANSFORMER", rpc_unit("m", n["m"])))) as client:
        asked = prediction_pb2.SeldonModelMetadataRequest(name="m")
        assert await client.rpc("ModelMetadata", asked) == last.SerializeToString()
        graph = prediction_pb2.SeldonGraphMetadata.FromString(await client.rpc("GraphMetadata", b""))
        assert graph.name == "p"
        assert dict(graph.models) == {"t": first, "m": last}
        assert (list(graph.inputs), list(graph.outputs)) == (list(first.inputs), list(last.outputs))
        with pytest.raises(RpcError) as caught:
            await client.rpc("ModelMetadata", prediction_pb2.SeldonModelMetadataRequest(name="zz"))
        assert (caught.value.status, caught.value.text) == (Status.UNKNOWN, "Failed to find model zz")


async def test_routing_is_injected_where_the_answer_has_a_meta() -> None:
    route = message({"data": {"ndarray": [[1]]}})
    n = await nodes(
        r={"Router/Route": route},
        a={"Model/Predict": message({"strData": "plain"})},
        b={"Model/Predict": message({"strData": "with", "meta": {"tags": {"t": 1}, "routing": {"old": 3}}})},
    )
    graph = rpc_unit("r", n["r"], "ROUTER", rpc_unit("a", n["a"]), rpc_unit("b", n["b"]))
    async with executor(settings(graph, env={"SELDON_ENABLE_ROUTING_INJECTION": "1"})) as client:
        answer = SeldonMessage.FromString(await client.rpc("Predict", b""))
        assert dict(answer.meta.routing) == {"r": 1, "b": -1}
        assert answer.meta.tags["t"].number_value == 1


async def test_grpc_timeout_of_the_pod_bounds_a_hanging_node(tmp_path: Path) -> None:
    async def hang() -> SeldonMessage:
        await asyncio.Event().wait()
        return SeldonMessage()

    annotations = tmp_path / "annotations"
    annotations.write_text('seldon.io/grpc-timeout="50"\nseldon.io/rest-timeout="60000"\n')
    n = await nodes(m={"Model/Predict": hang})
    async with executor(settings(rpc_unit("m", n["m"])), annotations) as client:
        with pytest.raises(RpcError) as caught:
            await client.rpc_text("x")
        assert (caught.value.status, caught.value.text) == (Status.DEADLINE_EXCEEDED, "context deadline exceeded")


async def test_messages_are_as_large_as_the_annotation_says(tmp_path: Path) -> None:
    n = await nodes(m=None)
    async with executor(settings(rpc_unit("m", n["m"]))) as client:
        assert len(await client.rpc_text("x" * 20_000_000)) > 20_000_000
    annotations = tmp_path / "annotations"
    annotations.write_text('seldon.io/grpc-max-message-size="1000"\n')
    async with executor(settings(rpc_unit("m", n["m"])), annotations) as client:
        assert await client.rpc_text("x" * 900)
        with pytest.raises(RpcError) as caught:
            await client.rpc_text("x" * 1100)
        assert caught.value.status is Status.RESOURCE_EXHAUSTED


async def test_metrics_have_v1_17_1_s_names() -> None:
    n = await nodes(m=None, bad={"Model/Predict": RpcError(Status.UNKNOWN, "boom")})
    containers = [{"name": "classifier", "image": "repo/img:1.2"}]
    for name in ("m", "bad"):
        graph = rpc_unit("classifier", n[name])
        async with executor(settings(graph, componentSpecs=[{"spec": {"containers": containers}}])) as client:
            for _ in range(2):
                try:
                    await client.rpc_text("x")
                except RpcError:
                    assert name == "bad"
            text = (await client.ask("GET", "/metrics")).body.decode()
            code = "OK" if name == "m" else "Unknown"
            own = f'code="{code}",deployment_name="m",method="unary"'
            assert (
                f'seldon_api_executor_server_requests_seconds_count{{{own},predictor_name="p",predictor_version="",'
                'service="/seldon.protos.Seldon/Predict"} 2.0' in _sorted_labels(text)
            )
            assert (
                f'seldon_api_executor_client_requests_seconds_count{{{own},model_image="repo/img",'
                'model_name="classifier",model_version="1.2",predictor_name="p",predictor_version="",'
                'service="/seldon.protos.Model/Predict"} 2.0' in _sorted_labels(text)
            )


def _sorted_labels(text: str) -> str:
    lines = []
    for line in text.splitlines():
        name, brace, rest = line.partition("{")
        labels, closing, value = rest.partition("}")
        lines.append(name + brace + ",".join(sorted(labels.split(","))) + closing + value if brace else line)
    return "\n".join(lines)


async def test_the_recorded_series_are_there() -> None:
    """v1.17.1's series of gRPC, by name, code and service (transcripts/grpc.txt)."""
    if not TRANSCRIPTS.is_dir():
        pytest.skip("the recorded exchanges are not beside this checkout")
    recorded = [
        line.rpartition(" ")[0] for line in (TRANSCRIPTS / "grpc.txt").read_text().splitlines() if "{code" in line
    ]
    boom = RpcError(Status.UNKNOWN, "Exception calling application: boom")
    meta = prediction_pb2.SeldonModelMetadata(name="repo/img", versions=["1.0"])
    n = await nodes(good={"Model/Metadata": meta}, bad={"Model/Predict": boom})
    seen = ""
    for name in ("good", "bad"):
        async with executor(settings(rpc_unit("classifier", n[name]))) as client:
            for method, body in (
                ("Predict", b""),
                ("SendFeedback", b""),
                ("ModelMetadata", prediction_pb2.SeldonModelMetadataRequest(name="classifier")),
                ("ModelMetadata", prediction_pb2.SeldonModelMetadataRequest(name="zz")),
                ("GraphMetadata", b""),
            ):
                try:
                    await client.rpc(method, body)
                except RpcError as error:
                    assert error.status in {Status.UNKNOWN, Status.UNIMPLEMENTED}  # noqa: PT017 - both kinds are meant
            seen += _sorted_labels((await client.ask("GET", "/metrics")).body.decode())
    assert len(recorded) == 10
    for series in recorded:
        assert series in seen


async def test_rest_and_grpc_are_served_by_one_process_each_on_the_node_s_port_of_its_own() -> None:
    rest, rpc = await Node().start(), await RpcNode("m").start()
    graph = unit("m", rest)
    graph["endpoint"]["grpcPort"] = rpc.server.port
    async with executor(settings(graph, "--transport", "grpc")) as client:
        assert (await client.predict({"strData": "x"})).status == 200
        assert await client.rpc_text("x") == "x m/Predict"
    assert rest.paths.count("/predict") == 1
    assert len(rpc.requests) == 1


@pytest.mark.parametrize("full", ["false", "true"])
async def test_a_node_that_is_expected_on_its_grpc_port_is_ready_when_it_says_so_there(full: str) -> None:
    node = await RpcNode("m").start()
    graph = rpc_unit("m", node)
    graph["endpoint"] |= {"service_port": node.server.port, "type": "GRPC"}
    async with executor(settings(graph, f"--full_health_checks={full}")) as client:
        assert (await client.ask("GET", "/ready")).status == 200
        health = "/grpc.health.v1.Health/Check"
        ask = client._rpc_pool.call
        assert await ask("127.0.0.1", client.grpc_port, health, b"") == b"\x08\x01"
        node.healthy = False
        assert (await client.ask("GET", "/ready")).status == 503
        assert await ask("127.0.0.1", client.grpc_port, health, b"") == b"\x08\x02"
        await node.server.drain(0)
        assert (await client.ask("GET", "/ready")).status == 503
