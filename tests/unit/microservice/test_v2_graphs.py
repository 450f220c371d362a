"""Routers and combiners in the protocol v2: executor and model servers together, over REST and gRPC."""
# ruff: noqa: ARG002, N803 - users' classes have the signatures that they are called with

import json
import struct
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import msgspec
import numpy as np
import pytest

from seldon_core.executor import v2_steps
from seldon_core.executor.message import GraphError, Message
from seldon_core.executor.v2_payloads import V2ProtoPayloads
from seldon_core.proto import inference_pb2
from seldon_core.transport.rpc import RpcError, Status
from tests.unit.executor.stand import Client, executor
from tests.unit.executor.stand import settings as executor_settings
from tests.unit.microservice.stand import IDENTITY, serving
from tests.unit.microservice.stand import Client as Server

pytestmark = pytest.mark.asyncio
INFER = "/inference.GRPCInferenceService/ModelInfer"
OCTETS = "application/octet-stream"


class Size:
    """Child 1 for numbers above 10."""

    def route(self, X: Any, names: Any) -> int:
        return int(np.max(X) > 10)


class Mean:
    def aggregate(self, X: Any, names: Any) -> Any:
        return np.mean(X, axis=0)

    def tags(self) -> Any:
        return {"combined": len("mean")}


class Plus1:
    def predict(self, X: Any, names: Any) -> Any:
        return X + 1


class Plus3:
    def predict(self, X: Any, names: Any) -> Any:
        return X + 3


def node(name: str, server: Server | None, kind: str, *children: Any, **more: Any) -> dict[str, Any]:
    """A unit on both of a server's ports."""
    document: dict[str, Any] = {"name": name, "type": kind, "children": list(children), **more}
    if server is not None:
        ports = {"httpPort": server.port, "grpcPort": server.grpc_port}
        document["endpoint"] = {"service_host": "localhost", "service_port": server.port, **ports}
    return document


@asynccontextmanager
async def graph(*, before: bool = False) -> AsyncIterator[Client]:
    """A router over a combiner of two models, and one of these; `before`: behind a model that adds 1."""
    classes = {"size": Size, "mean": Mean, "a": Plus1, "b": Plus3, "large": Plus3, "first": Plus1}
    async with AsyncExitStack() as stack:
        n = {
            name: await stack.enter_async_context(serving(one, identity=msgspec.structs.replace(IDENTITY, unit=name)))
            for name, one in classes.items()
        }
        mean = node("mean", n["mean"], "COMBINER", node("a", n["a"], "MODEL"), node("b", n["b"], "MODEL"))
        root = node("size", n["size"], "ROUTER", mean, node("large", n["large"], "MODEL"))
        if before:
            root = node("first", n["first"], "MODEL", root)
        yield await stack.enter_async_context(executor(executor_settings(root, "--protocol", "v2")))


async def rest(client: Client, row: list[float], path: str = "/v2/models/infer") -> Any:
    tensor = {"name": "x", "shape": [1, len(row)], "datatype": "FP64", "data": row}
    body = json.dumps({"id": "7", "inputs": [tensor]}).encode()
    answer = await client.ask("POST", path, body, Content_Type="application/json")
    return answer.status, json.loads(answer.body)


async def rpc(client: Client, row: list[float], model: str = "", *, raw: bool = False) -> Any:
    request = inference_pb2.ModelInferRequest(model_name=model, id="7")
    tensor = request.inputs.add(name="x", shape=[1, len(row)], datatype="FP64")
    if raw:
        request.raw_input_contents.append(struct.pack(f"<{len(row)}d", *row))
    else:
        tensor.contents.fp64_contents.extend(row)
    body = await client._rpc_pool.call("127.0.0.1", client.grpc_port, INFER, request.SerializeToString())
    return inference_pb2.ModelInferResponse.FromString(body)


@pytest.mark.parametrize("before", [False, True])
async def test_a_router_and_a_combiner_over_both(*, before: bool) -> None:
    more = int(before)
    root = "first" if before else "size"
    async with graph(before=before) as client:
        for path in ("/v2/models/infer", f"/v2/models/{root}/infer"):
            status, answer = await rest(client, [1.0, 2.0], path)
            output = {"name": "predict", "datatype": "FP64", "shape": [1, 2], "data": [3.0 + more, 4.0 + more]}
            assert (status, answer["id"], answer["model_name"], answer["outputs"]) == (200, "7", "mean", [output])
            assert answer["parameters"] == {"combined": 4}
            _, answer = await rest(client, [1.0, 20.0], path)
            assert (answer["model_name"], answer["outputs"][0]["data"]) == ("large", [4.0 + more, 23.0 + more])
        for model in ("", root):
            for raw in (False, True):
                found = await rpc(client, [1.0, 2.0], model, raw=raw)
                assert (found.id, found.model_name, list(found.outputs[0].shape)) == ("7", "mean", [1, 2])
                content = struct.pack("<2d", 3.0 + more, 4.0 + more)
                assert list(found.raw_output_contents) == ([content] if raw else [])
                assert list(found.outputs[0].contents.fp64_contents) == ([] if raw else [3.0 + more, 4.0 + more])
                assert found.parameters["combined"].int64_param == 4
                found = await rpc(client, [1.0, 20.0], model, raw=raw)
                assert found.model_name == "large"


async def test_binary_tensors_of_all_children_reach_the_combiner() -> None:
    content = struct.pack("<2d", 1.0, 2.0)
    tensor = {"name": "x", "shape": [1, 2], "datatype": "FP64", "parameters": {"binary_data_size": len(content)}}
    text = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
    async with graph() as client:
        fields = {"Content_Type": OCTETS, "Inference_Header_Content_Length": str(len(text))}
        answer = await client.ask("POST", "/v2/models/infer", text + content, **fields)
    length = int(answer.headers.get("inference-header-content-length") or 0)
    assert (answer.status, answer.headers.get("content-type")) == (200, OCTETS)
    assert struct.unpack("<2d", answer.body[length:]) == (3.0, 4.0)
    assert json.loads(answer.body[:length])["outputs"][0]["parameters"] == {"binary_data_size": 16}


async def test_a_client_s_own_name_is_passed_on() -> None:
    """As v1.17.1 does: who names a model means it."""
    async with graph() as client:
        status, answer = await rest(client, [1.0], "/v2/models/mine/infer")
        assert (status, answer) == (404, {"error": "Model mine not found; this server has the model size"})
        with pytest.raises(RpcError, match="Model mine not found") as caught:
            await rpc(client, [1.0], "mine")
        assert caught.value.status is Status.NOT_FOUND


@pytest.mark.parametrize(
    ("step", "document", "says"),
    [
        ("aggregate", {"outputs": []}, "must be a JSON array of answers"),
        ("aggregate", [], "must be a JSON array of answers"),
        ("aggregate", [5], "must be a JSON array of answers"),
        ("aggregate", [{}], "inputs must be a list of tensors"),
        ("aggregate", [{"outputs": []}], "The request has no inputs"),
        ("route", [], "must be a JSON object"),
        ("route", {"inputs": [{"name": "x", "shape": [1], "datatype": "INT32", "data": [1]}]}, "has no method route"),
    ],
)
async def test_what_is_refused_over_rest(step: str, document: Any, says: str) -> None:
    async with serving(Mean) as server:
        answer = await server.post(f"/v2/models/classifier/{step}", document)
        assert answer.status == 400
        assert says in json.loads(answer.body)["error"]
        assert (await server.ask("GET", f"/v2/models/classifier/{step}")).status == 405


async def test_what_is_refused_over_grpc() -> None:
    request = inference_pb2.ModelInferRequest(model_name="classifier")
    request.parameters[v2_steps.STEP].string_param = v2_steps.AGGREGATE
    async with serving(Mean) as server:

        async def refused() -> str:
            with pytest.raises(RpcError) as caught:
                await server._rpc_pool.call("127.0.0.1", server.grpc_port, INFER, request.SerializeToString())
            assert caught.value.status is Status.INVALID_ARGUMENT
            return caught.value.text

        assert "has no inputs" in await refused()
        request.inputs.add(name="x", shape=[1], datatype="INT64").contents.int64_contents.append(1)
        assert "The input x has no parameter seldon_child" in await refused()
        request.parameters[v2_steps.STEP].string_param = v2_steps.ROUTE
        assert "Mean has no method route" in await refused()


def answered(values: list[int], *, datatype: str = "INT64", raw: bytes = b"") -> Message:
    message = inference_pb2.ModelInferResponse()
    output = message.outputs.add(name="x", shape=[len(values)], datatype=datatype)
    if raw:
        message.raw_output_contents.append(raw)
    else:
        output.contents.int64_contents.extend(values)
    return Message(message.SerializeToString(), answered=True)


async def test_what_a_router_answers_is_read_in_each_form_or_refused() -> None:
    payloads = V2ProtoPayloads("r")
    assert payloads.branch(answered([1, 0]), "r", 2) == 1
    assert payloads.branch(answered([0], datatype="FP32", raw=struct.pack("<f", 1.0)), "r", 2) == 1
    assert payloads.branch(answered([0], datatype="INT8", raw=b"\xff"), "r", 2) == -1
    for bad in (answered([2]), answered([]), answered([0], raw=b"\x01"), answered([0], datatype="FP16", raw=b"\0\0")):
        with pytest.raises(GraphError, match="Router r"):
            payloads.branch(bad, "r", 2)
    for body in (b"", b"\xff"):
        with pytest.raises(GraphError, match="Router r"):
            payloads.branch(Message(body, answered=True), "r", 2)


async def test_raw_and_typed_answers_cannot_be_joined() -> None:
    with pytest.raises(GraphError, match="mean cannot join tensors with raw contents"):
        V2ProtoPayloads("r").join([answered([1]), answered([1], raw=bytes(8))], "mean")
