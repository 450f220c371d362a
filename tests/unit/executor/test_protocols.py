"""The protocols v2 and tensorflow through the executor, over REST and gRPC: paths, chains, what is passed on."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from seldon_core import __version__
from seldon_core.executor.grpc_tensorflow import TensorflowProtoPayloads
from seldon_core.executor.message import GraphError, Message
from seldon_core.executor.v2_payloads import V2ProtoPayloads
from seldon_core.proto import inference_pb2, serving_pb2
from seldon_core.proto.tensors import tensor_pb2
from seldon_core.transport.client import ClientResponse
from seldon_core.transport.rpc import RpcAnswer, RpcError, RpcRequest, Status
from seldon_core.transport.rpc_server import RpcServer
from seldon_core.transport.server import Request, Response
from tests.unit.executor.stand import Client, Node, decoded, executor, rpc_unit, settings, unit

INFER = "/inference.GRPCInferenceService/"
SERVING = "/tensorflow.serving."


def post(client: Client, path: str, document: Any, **fields: str) -> Awaitable[ClientResponse]:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return client.ask("POST", path, body, Content_Type="application/json", **fields)


def adds(number: int, given: str, taken: str) -> Callable[[Request], Response]:
    """A model server that adds a number to the data of its first tensor."""

    def answer(request: Request) -> Response:
        if request.method == "GET":
            return Response(200, json.dumps({"path": request.path}).encode())
        document = json.loads(request.body)
        if given == "inputs":
            tensor = document["inputs"][0]
            document = {taken: [{**tensor, "data": [value + number for value in tensor["data"]]}], "id": "1"}
        else:
            document = {taken: [value + number for value in document[given]]}
        return Response(200, json.dumps(document).encode())

    return answer


def v2(data: list[int], key: str = "inputs") -> dict[str, Any]:
    return {key: [{"name": "x", "shape": [len(data)], "datatype": "INT64", "data": data}]}


@pytest.mark.parametrize("protocol", ["v2", "kfserving"])
async def test_v2_chains_outputs_to_inputs_and_names_the_model_in_every_path(protocol: str) -> None:
    a, b = [await Node(adds(n, "inputs", "outputs")).start() for n in (1, 10)]
    graph = unit("a", a, "MODEL", unit("b", b))
    async with executor(settings(graph, "--protocol", protocol)) as client:
        answer = await post(client, "/v2/models/infer", v2([1, 2]))
        assert decoded(answer) == {**v2([12, 13], "outputs"), "id": "1"}
        assert answer.headers.get("seldon-puid")
        assert (a.paths, b.paths) == (["/v2/models/a/infer"], ["/v2/models/b/infer"])
        assert (await post(client, "/v2/models/mine/infer", v2([1]))).status == 200
        assert (a.paths[-1], b.paths[-1]) == ("/v2/models/mine/infer", "/v2/models/mine/infer")


async def test_v2_paths() -> None:
    node = await Node(adds(1, "inputs", "outputs")).start()
    server = {"name": "seldon-core", "version": __version__, "extensions": []}
    answers: list[tuple[str, str, int, Any]] = [
        ("GET", "/v2/models/m", 200, {"path": "/v2/models/m"}),
        ("GET", "/v2/models/m/ready", 200, {"path": "/v2/models/m/ready"}),
        ("GET", "/v2/health/ready", 200, None),
        ("GET", "/v2/health/live", 200, None),
        ("GET", "/v2", 200, server),
        ("GET", "/v2/models/m/infer", 405, None),
        ("GET", "/v2/models/zz", 500, {"code": 500, "info": "Failed to find model zz", "status": "FAILURE"}),
        ("GET", "/v2/nope", 404, None),
        ("GET", "/v2/models/m/nope", 404, None),
        ("POST", "/api/v1.0/predictions", 404, None),
        ("GET", "/ready", 200, None),
    ]
    async with executor(settings(unit("m", node), "--protocol", "v2")) as client:
        for method, path, status, document in answers:
            answer = await client.ask(method, path)
            assert answer.status == status, path
            if document is not None:
                assert decoded(answer).get("status", decoded(answer)) == document
        allowed = await client.ask("OPTIONS", "/v2/models/m/infer")
        assert allowed.headers.get("access-control-allow-methods") == "OPTIONS,POST"
        metrics = (await client.ask("GET", "/metrics")).body.decode()
        assert 'service="/v2/models/m/ready"' in metrics
        assert 'service="status"' in metrics
    assert "/v2/health/ready" in node.paths


async def test_v2_binary_tensors_pass_untouched_and_are_chained() -> None:
    """The bytes behind the JSON are nobody's business on the way, `<` and `&` among them."""
    raw = b"<&>\x00\xff"
    head = json.dumps({"inputs": [{"name": "x", "shape": [5], "datatype": "UINT8"}]}).encode()
    seen: list[tuple[str | None, bytes]] = []

    def answer(request: Request) -> Response:
        if request.method == "GET":
            return Response(200)
        length = request.headers.get("inference-header-content-length")
        seen.append((length, request.body))
        document = json.loads(request.body[: int(length or 0)])
        text = json.dumps({"id": "1", "outputs": document["inputs"]}).encode()
        fields = (("Inference-Header-Content-Length", str(len(text))),)
        return Response(200, text + request.body[int(length or 0) :], "application/octet-stream", fields)

    a, b = [await Node(answer).start() for _ in range(2)]
    async with executor(settings(unit("a", a, "MODEL", unit("b", b)), "--protocol", "v2")) as client:
        got = await client.ask(
            "POST",
            "/v2/models/infer",
            head + raw,
            Content_Type="application/octet-stream",
            Inference_Header_Content_Length=str(len(head)),
        )
    size = int(got.headers.get("inference-header-content-length") or 0)
    assert got.headers.get("content-type") == "application/octet-stream"
    assert got.body[size:] == raw
    assert json.loads(got.body[:size])["outputs"][0]["name"] == "x"
    assert seen[0] == (str(len(head)), head + raw)
    length, body = seen[1]
    assert json.loads(body[: int(length or 0)]) == {"id": "1", **json.loads(head)}
    assert body[int(length or 0) :] == raw


@pytest.mark.parametrize(
    ("protocol", "path", "says"),
    [("v2", "/v2/models/infer", "kfserving"), ("tensorflow", "/v1/models/:predict", "tensorflow")],
)
async def test_an_answer_that_is_no_answer_ends_the_chain(protocol: str, path: str, says: str) -> None:
    for body in (b"{}", b"no json", b"[1]"):
        node = await Node(lambda _, body=body: Response(200, body)).start()
        graph = unit("a", node, "MODEL", unit("b", node))
        async with executor(settings(graph, "--protocol", protocol)) as client:
            answer = await post(client, path, {})
            info = f"Failed to convert {says} response so it could be chained to new input"
            assert (answer.status, decoded(answer)["status"]["info"]) == (500, info)


async def test_tensorflow_paths_and_chain() -> None:
    a, b = [await Node(adds(n, "instances", "predictions")).start() for n in (1, 10)]
    graph = unit("a", a, "MODEL", unit("b", b))
    async with executor(settings(graph, "--protocol", "tensorflow")) as client:
        for path in ("/v1/models:predict", "/v1/models/:predict"):
            assert decoded(await post(client, path, {"instances": [1]})) == {"predictions": [12]}
            assert (a.paths[-1], b.paths[-1]) == ("/v1/models/a:predict", "/v1/models/b:predict")
        for path in ("/v1/models/half:predict", "/v1/models/half/:predict"):
            assert decoded(await post(client, path, {"instances": [1]})) == {"predictions": [12]}
            assert (a.paths[-1], b.paths[-1]) == ("/v1/models/half:predict", "/v1/models/half:predict")
        assert decoded(await client.ask("GET", "/v1/models/b")) == {"path": "/v1/models/b"}
        assert decoded(await client.ask("GET", "/v1/models/b/metadata")) == {"path": "/v1/models/b/metadata"}
        assert (await client.ask("GET", "/v1/models/zz")).status == 500
        assert (await client.ask("GET", "/v1/models/b/nope")).status == 404
        assert (await client.ask("GET", "/v1/nope")).status == 404
        fed = await post(client, "/api/v1.0/feedback", {"reward": 1})
        assert (fed.status, decoded(fed)) == (200, {"reward": 1})
        assert (await client.ask("GET", "/ready")).status == 200


async def test_steps_that_a_protocol_does_not_have_over_rest_are_asked_by_their_paths() -> None:
    def answer(request: Request) -> Response:
        return Response(200, b"[1]" if request.path.endswith("route") else b'{"predictions": [5]}')

    r, c, m = [await Node(answer).start() for _ in range(3)]
    graph = unit("r", r, "ROUTER", unit("m", m), unit("c", c, "COMBINER", unit("m2", m)))
    async with executor(settings(graph, "--protocol", "tensorflow")) as client:
        assert (await post(client, "/v1/models/:predict", {"instances": []})).status == 200
    assert (r.paths[-1], m.paths, c.paths) == (
        "/v1/models/r:route",
        ["/v1/models/m2:predict"],
        ["/v1/models/c:aggregate"],
    )


# gRPC


@asynccontextmanager
async def serving(answer: Callable[[RpcRequest], bytes], *methods: str) -> AsyncIterator[tuple[int, list[RpcRequest]]]:
    """A model server over gRPC: its port and the calls that it got."""
    calls: list[RpcRequest] = []

    async def serve(request: RpcRequest) -> RpcAnswer:
        calls.append(request)
        return RpcAnswer(answer(request))

    async def ready() -> bool:
        return True

    server = RpcServer(dict.fromkeys(methods, serve), ready=ready, name="node")
    await server.start("127.0.0.1", 0)
    try:
        yield server.port, calls
    finally:
        await server.drain(0)


def infers(request: RpcRequest) -> bytes:
    """Each input becomes an output, its numbers doubled where they are no raw bytes."""
    if not request.method.endswith("Infer"):
        return b"\x08\x01" if request.method.endswith("Ready") else b"\x0a\x01m"
    asked = inference_pb2.ModelInferRequest.FromString(request.body)
    answer = inference_pb2.ModelInferResponse(
        model_name=asked.model_name, id="1", raw_output_contents=asked.raw_input_contents
    )
    for tensor in asked.inputs:
        output = answer.outputs.add(name=tensor.name, datatype=tensor.datatype, shape=tensor.shape)
        output.contents.int64_contents.extend(2 * value for value in tensor.contents.int64_contents)
    return answer.SerializeToString()


V2_METHODS = [f"{INFER}{name}" for name in ("ModelInfer", "ModelReady", "ModelMetadata")]


def call(client: Client, method: str, sent: Any = b"") -> Awaitable[bytes]:
    body = sent if isinstance(sent, bytes) else sent.SerializeToString()
    return client._rpc_pool.call("127.0.0.1", client.grpc_port, method, body)


async def test_v2_over_grpc() -> None:
    async with (
        serving(infers, *V2_METHODS) as (port_a, a),
        serving(infers, *V2_METHODS) as (port_b, b),
        executor(settings(rpc_unit("a", port_a, "MODEL", rpc_unit("b", port_b)), "--protocol", "v2")) as client,
    ):
        sent = inference_pb2.ModelInferRequest(model_name="mine", id="1")
        sent.inputs.add(name="x", datatype="INT64", shape=[2]).contents.int64_contents.extend([1, 2])
        answer = inference_pb2.ModelInferResponse.FromString(await call(client, f"{INFER}ModelInfer", sent))
        assert list(answer.outputs[0].contents.int64_contents) == [4, 8]
        assert answer.id == "1"
        assert a[0].body == sent.SerializeToString(), "the first node gets the client's bytes"
        assert inference_pb2.ModelInferRequest.FromString(b[0].body).model_name == "b"
        raw = inference_pb2.ModelInferRequest(raw_input_contents=[b"\x01\x00"])
        raw.inputs.add(name="x", datatype="UINT8", shape=[2])
        answer = inference_pb2.ModelInferResponse.FromString(await call(client, f"{INFER}ModelInfer", raw))
        assert list(answer.raw_output_contents) == [b"\x01\x00"]
        asked = inference_pb2.ModelReadyRequest(name="b")
        assert await call(client, f"{INFER}ModelReady", asked) == b"\x08\x01"
        assert await call(client, f"{INFER}ModelMetadata", asked) == b"\x0a\x01m"
        assert [one.method.rpartition("/")[2] for one in b[2:]] == ["ModelReady", "ModelMetadata"]
        assert inference_pb2.ServerLiveResponse.FromString(await call(client, f"{INFER}ServerLive")).live
        ready = inference_pb2.ServerReadyResponse.FromString(await call(client, f"{INFER}ServerReady"))
        assert not ready.ready, "nothing listens on the nodes' ports of HTTP"
        told = inference_pb2.ServerMetadataResponse.FromString(await call(client, f"{INFER}ServerMetadata"))
        assert (told.name, told.version) == ("seldon-core", __version__)
        with pytest.raises(RpcError, match="Failed to find model zz"):
            await call(client, f"{INFER}ModelReady", inference_pb2.ModelReadyRequest(name="zz"))
        with pytest.raises(RpcError, match="names no model") as caught:
            await call(client, f"{INFER}ModelReady", b"\xff")
        assert caught.value.status is Status.INVALID_ARGUMENT
        with pytest.raises(RpcError) as caught:
            await client.rpc("Predict", b"")
        assert caught.value.status is Status.UNIMPLEMENTED


async def test_a_step_that_a_protocol_does_not_have_over_grpc_is_named() -> None:
    graph = rpc_unit("r", 1, "ROUTER", rpc_unit("a", 1))
    async with executor(settings(graph, "--protocol", "tensorflow")) as client:
        with pytest.raises(RpcError, match="The step route is not part of this protocol over gRPC"):
            await call(client, f"{SERVING}PredictionService/Predict")


async def test_tensorflow_over_grpc() -> None:
    def answer(request: RpcRequest) -> bytes:
        if not request.method.endswith("/Predict"):
            return request.method.encode()
        asked = serving_pb2.PredictRequest.FromString(request.body)
        outputs = {
            name: tensor_pb2.TensorProto(float_val=[value + 1 for value in one.float_val])
            for name, one in asked.inputs.items()
        }
        return serving_pb2.PredictResponse(outputs=outputs).SerializeToString()

    others = ("Classify", "Regress", "MultiInference", "GetModelMetadata")
    methods = [*(f"{SERVING}PredictionService/{name}" for name in others), f"{SERVING}ModelService/GetModelStatus"]
    predict = f"{SERVING}PredictionService/Predict"
    async with (
        serving(answer, predict, *methods) as (port_a, a),
        serving(answer, predict) as (port_b, b),
        executor(settings(rpc_unit("a", port_a, "MODEL", rpc_unit("b", port_b)), "--protocol", "tensorflow")) as client,
    ):
        sent = serving_pb2.PredictRequest(inputs={"x": tensor_pb2.TensorProto(float_val=[1.0])})
        sent.model_spec.name = "mine"
        got = serving_pb2.PredictResponse.FromString(await call(client, predict, sent))
        assert list(got.outputs["x"].float_val) == [3.0]
        assert a[0].body == sent.SerializeToString()
        assert serving_pb2.PredictRequest.FromString(b[0].body).model_spec.name == "b"
        for method in methods:
            assert await call(client, method, b"anything") == method.encode()
            assert (a[-1].method, a[-1].body) == (method, b"anything")


@pytest.mark.parametrize("payloads", [V2ProtoPayloads("r"), TensorflowProtoPayloads()])
def test_bytes_that_are_no_answer_cannot_be_chained(payloads: V2ProtoPayloads) -> None:
    request = Message(b"\x0a\x01m\xff")
    assert payloads.chain(request, "m") is request
    with pytest.raises(GraphError, match="Failed to convert"):
        payloads.chain(Message(b"\xff\xff", answered=True), "m")
