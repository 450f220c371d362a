"""The Open Inference Protocol over REST and gRPC: tensors of every type, in every form, and what is refused."""
# ruff: noqa: ARG002, N803 - users' classes have the signatures that they are called with

import asyncio
import json
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seldon_core import __version__
from seldon_core.microservice import datatypes, infer
from seldon_core.microservice.datatypes import Tensor
from seldon_core.microservice.errors import MicroserviceError
from seldon_core.proto import inference_pb2
from seldon_core.transport.client import ClientResponse
from seldon_core.transport.rpc import RpcError, Status
from tests.unit.microservice.stand import Client, running, serving, settings

INFER = "/v2/models/classifier/infer"
NUMBERS = ["UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16", "FP32", "FP64"]


class Echo:
    """Answers what it gets; `seen` is what that was."""

    seen: Any = None

    def predict(self, X: Any, names: Any, meta: Any = None) -> Any:
        Echo.seen = (X, list(names))
        return X


async def asked(client: Client, document: Any, **more: Any) -> Any:
    answer = await client.post(INFER, document)
    return answer.status, json.loads(answer.body)


def one(data: Any, shape: list[int], datatype: str, **more: Any) -> dict[str, Any]:
    return {"inputs": [{"name": "x", "shape": shape, "datatype": datatype, "data": data}], **more}


@pytest.mark.parametrize("datatype", NUMBERS)
async def test_numbers_keep_their_type_over_rest(datatype: str) -> None:
    async with serving(Echo) as client:
        for data in ([1, 2, 3, 4], [[1, 2], [3, 4]]):
            status, answer = await asked(client, one(data, [2, 2], datatype, id="7"))
            assert status == 200
            output = {"name": "predict", "datatype": datatype, "shape": [2, 2], "data": [1, 2, 3, 4]}
            assert answer == {"model_name": "classifier", "model_version": "1.0", "id": "7", "outputs": [output]}
            assert str(Echo.seen[0].dtype).rstrip("0123456789") in {"uint", "int", "float"}


async def test_truth_values_and_texts_over_rest() -> None:
    async with serving(Echo) as client:
        _, answer = await asked(client, one([True, False], [2, 1], "BOOL"))
        assert answer["outputs"][0]["data"] == [True, False]
        _, answer = await asked(client, one([["ä"], ["b"]], [2, 1], "BYTES"))
        assert answer["outputs"] == [{"name": "predict", "datatype": "BYTES", "shape": [2, 1], "data": ["ä", "b"]}]
        assert Echo.seen[0].tolist() == [["ä"], ["b"]]


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ([], "must be a JSON object"),
        ({}, "inputs must be a list"),
        ({"inputs": []}, "The request has no inputs"),
        ({"inputs": [5]}, "Each input is an object with name"),
        ({"inputs": [{"name": "", "shape": [], "datatype": "FP32"}]}, "Each input is an object with name"),
        (one([1], [1], "FP128"), "has the datatype 'FP128'; use BYTES, BOOL"),
        (one([1], [1], 5), "has the datatype 5"),  # type: ignore[arg-type]
        (one(None, [1], "FP32"), "has no list `data`"),
        (one([1, 2], [3], "FP32"), "has 2 values, and its shape [3] needs 3"),
        (one([1], [-1], "FP32"), "sizes are whole numbers"),
        (one([1], [True], "FP32"), "sizes are whole numbers"),
        (one([1.5], [1], "INT32"), "holds values that are no INT32"),
        (one(["a"], [1], "FP32"), "holds values that are no FP32"),
        (one([1], [1], "BOOL"), "holds values that are no BOOL"),
        (one([300], [1], "UINT8"), "holds values that are no UINT8"),
        (one([[1], [2, 3]], [3], "FP32"), "holds values that are no FP32"),
        (one([1], [1], "BYTES"), "something else than strings"),
        (one([1], [1], "FP32", outputs=[{"name": "nope"}]), "The model has no output nope; it has predict"),
        (one([1], [1], "FP32", outputs=["predict"]), "outputs must be a list of objects"),
        (one([1], [1], "FP32", outputs=[{"name": ["x"]}]), "outputs must be a list of objects"),
    ],
)
async def test_what_is_refused_over_rest(document: Any, says: str) -> None:
    async with serving(Echo) as client:
        status, answer = await asked(client, document)
    assert status == 400
    assert says in answer["error"]


async def binary(client: Client, document: Any, *tensors: bytes, length: int | None = None) -> ClientResponse:
    head = json.dumps(document).encode()
    size = str(len(head) if length is None else length).encode()
    fields = ((b"Inference-Header-Content-Length", size), (b"Content-Type", b"application/octet-stream"))
    body = b"".join((head, *tensors))
    return await client._pool.request("127.0.0.1", client.port, "POST", INFER, headers=fields, body=body)


def raw_input(datatype: str, shape: list[int], size: Any) -> dict[str, Any]:
    return {"name": "x", "shape": shape, "datatype": datatype, "parameters": {"binary_data_size": size}}


@pytest.mark.parametrize("datatype", [*NUMBERS, "BOOL", "BYTES"])
async def test_binary_tensors_there_and_back(datatype: str) -> None:
    kind = datatypes.numpy_type("x", datatype)
    values = ["ä", ""] if datatype == "BYTES" else [1, 0]
    content = datatypes.binary(Tensor("x", np.array(values, dtype=kind)))
    async with serving(Echo) as client:
        document = {"inputs": [raw_input(datatype, [2, 1], len(content))]}
        plain = await binary(client, document, content)
        assert json.loads(plain.body)["outputs"][0]["data"] == values
        for wanted in (
            {"parameters": {"binary_data_output": True}},
            {"outputs": [{"name": "predict", "parameters": {"binary_data": True}}]},
        ):
            answer = await binary(client, {**document, **wanted}, content)
            size = int(answer.headers.get("Inference-Header-Content-Length") or 0)
            output = json.loads(answer.body[:size])["outputs"][0]
            assert output == {
                "name": "predict",
                "datatype": datatype,
                "shape": [2, 1],
                "parameters": {"binary_data_size": len(content)},
            }
            assert answer.body[size:] == content
            assert answer.headers.get("content-type") == "application/octet-stream"


async def test_an_output_may_be_asked_for_in_json_where_the_others_are_binary() -> None:
    class Two:
        def predict(self, X: Any, names: Any) -> Any:
            return {"a": X, "b": X * 2}

    async with serving(Two) as client:
        document = {
            **one([1.5], [1, 1], "FP64"),
            "parameters": {"binary_data_output": True},
            "outputs": [{"name": "b", "parameters": {"binary_data": False}}, {"name": "a"}],
        }
        answer = await client.post(INFER, document)
        size = int(answer.headers.get("Inference-Header-Content-Length") or 0)
        outputs = json.loads(answer.body[:size])["outputs"]
        assert [(output["name"], output.get("data")) for output in outputs] == [("b", [3.0]), ("a", None)]
        assert answer.body[size:] == struct.pack("<d", 1.5)


@pytest.mark.parametrize(
    ("inputs", "content", "length", "says"),
    [
        ([raw_input("FP32", [1], 8)], b"1234", None, "has 8 bytes, and 4 are left"),
        ([raw_input("FP32", [1], -1)], b"", None, "has -1 bytes"),
        ([raw_input("FP32", [1], 4)], b"12345", None, "1 bytes of the body belong to no input"),
        ([raw_input("FP32", [1], 3)], b"123", None, "no whole values of FP32"),
        ([raw_input("FP32", [2], 4)], b"1234", None, "its shape [2] needs 2"),
        ([raw_input("BYTES", [1], 3)], b"\x05\x00\x00", None, "ends within an element"),
        ([raw_input("BYTES", [1], 5)], b"\x05\x00\x00\x00a", None, "ends within an element"),
        ([], b"", 10_000, "is 10000, and the body has"),
        ([], b"", -1, "is -1, and the body has"),
        ([], b"", 3, "The request is no JSON"),
    ],
)
async def test_binary_tensors_that_do_not_fit(inputs: Any, content: bytes, length: int | None, says: str) -> None:
    async with serving(Echo) as client:
        answer = await binary(client, {"inputs": inputs}, content, length=length)
    assert answer.status == 400
    assert says in json.loads(answer.body)["error"]


async def test_several_inputs_are_the_columns_of_one_table() -> None:
    def column(name: str, data: list[Any], datatype: str, shape: list[int]) -> dict[str, Any]:
        return {"name": name, "shape": shape, "datatype": datatype, "data": data}

    async with serving(Echo) as client:
        pair = [column("a", [1, 2], "INT64", [2]), column("b", [0.5, 1.5], "FP64", [2, 1])]
        status, answer = await asked(client, {"inputs": pair})
        assert (status, answer["outputs"][0]["data"]) == (200, [1, 0.5, 2, 1.5])
        assert Echo.seen[1] == ["a", "b"]
        mixed = [column("a", [1, 2], "INT64", [2]), column("c", ["x", "y"], "BYTES", [2])]
        await asked(client, {"inputs": mixed})
        assert Echo.seen[0].tolist() == [[1, "x"], [2, "y"]]
        status, answer = await asked(client, {"inputs": [*pair, column("z", [1, 2, 3], "INT64", [3])]})
        assert (status, "z of the shape [3] is none of 2 rows" in answer["error"]) == (400, True)


@pytest.mark.parametrize(
    ("result", "datatype", "shape", "data"),
    [
        ([1, 2], "INT64", [2, 1], [1, 2]),
        ([[0.5]], "FP64", [1, 1], [0.5]),
        ("text", "BYTES", [1, 1], ["text"]),
        (b"bytes", "BYTES", [1, 1], ["bytes"]),
        (np.array(["a", "b"]), "BYTES", [2, 1], ["a", "b"]),
        (np.zeros((1, 2, 1), np.float32), "FP32", [1, 2, 1], [0.0, 0.0]),
    ],
)
async def test_results_as_tensors(result: Any, datatype: str, shape: list[int], data: Any) -> None:
    class Fixed:
        def predict(self, X: Any, names: Any) -> Any:
            return result

    async with serving(Fixed) as client:
        _, answer = await asked(client, one([1], [1], "FP32"))
    assert answer["outputs"] == [{"name": "predict", "datatype": datatype, "shape": shape, "data": data}]


@pytest.mark.parametrize(
    ("result", "status", "says"),
    [
        (None, 400, "Unknown data type returned as payload"),
        ([[1], [2, 3]], 400, "The output predict is ragged"),
        (np.array([1j]), 400, "of the type complex128"),
        (ValueError("boom"), 500, "boom"),
    ],
)
async def test_results_that_are_no_tensors(result: Any, status: int, says: str) -> None:
    class Fixed:
        def predict(self, X: Any, names: Any) -> Any:
            if isinstance(result, Exception):
                raise result
            return result

    async with serving(Fixed) as client:
        got, answer = await asked(client, one([1], [1], "FP32"))
        assert (got, says in answer["error"]) == (status, True)
        with pytest.raises(RpcError, match=says) as caught:
            await infer_rpc(client, message([1.0], [1], "FP32"))
        assert caught.value.status is (Status.INTERNAL if status == 500 else Status.INVALID_ARGUMENT)


async def test_tags_and_metrics_of_a_component() -> None:
    class Tagged(Echo):
        def tags(self) -> Any:
            return {"t": 1, "flag": True, "list": [1]}

        def metrics(self) -> Any:
            return [{"type": "COUNTER", "key": "mine", "value": 1}]

    async with serving(Tagged) as client:
        _, answer = await asked(client, one([1], [1], "FP32"))
        assert answer["parameters"] == {"t": 1, "flag": True}
        got = await infer_rpc(client, message([1.0], [1], "FP32"))
        assert got.parameters["t"].int64_param == 1
        assert got.parameters["flag"].bool_param is True
        assert "mine_total{" in await client.metrics()


async def test_metadata_readiness_and_paths() -> None:
    class Described(Echo):
        def init_metadata(self) -> Any:
            tensor = {"name": "x", "datatype": "FP32", "shape": [-1, 4]}
            return {"name": "iris", "versions": ["v1"], "platform": "sklearn", "inputs": [tensor], "outputs": ["odd"]}

    described = {
        "name": "classifier",
        "versions": ["v1"],
        "platform": "sklearn",
        "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 4]}],
        "outputs": ["odd"],
    }
    server = {"name": "seldon-core", "version": __version__, "extensions": ["binary_tensor_data"]}
    answers: list[tuple[str, str, int, Any]] = [
        ("GET", "/v2", 200, server),
        ("GET", "/v2/", 200, server),
        ("GET", "/v2/health/live", 200, {"live": True}),
        ("GET", "/v2/health/ready", 200, {"ready": True}),
        ("GET", "/v2/models/classifier", 200, described),
        ("GET", "/v2/models/classifier/versions/1", 200, described),
        ("GET", "/v2/models/classifier/ready", 200, {"name": "classifier", "ready": True}),
        ("GET", "/v2/models/classifier/versions/1/ready", 200, {"name": "classifier", "ready": True}),
        ("GET", "/v2/models/zz", 404, {"error": "Model zz not found; this server has the model classifier"}),
        ("POST", "/v2/models/zz/infer", 404, {"error": "Model zz not found; this server has the model classifier"}),
        ("GET", "/v2/models/classifier/nope", 404, {"error": "The path /v2/models/classifier/nope is not served."}),
        ("GET", "/v2/nope", 404, {"error": "The path /v2/nope is not served."}),
        ("GET", "/v2/models/", 404, {"error": "The path /v2/models/ is not served."}),
        ("GET", INFER, 405, {"error": f"{INFER} does not serve the method GET."}),
        ("POST", "/v2/health/live", 405, {"error": "/v2/health/live does not serve the method POST."}),
    ]
    async with serving(Described) as client:
        for method, path, status, document in answers:
            answer = await client.ask(method, path)
            assert (answer.status, json.loads(answer.body)) == (status, document), path
        assert (await client.ask("OPTIONS", INFER)).headers.get("allow") == "POST, OPTIONS"
        assert (await client.ask("GET", "/v2x")).status == 404
        metadata = inference_pb2.ModelMetadataResponse.FromString(
            await rpc(client, "ModelMetadata", inference_pb2.ModelMetadataRequest(name="classifier"))
        )
        assert (metadata.name, list(metadata.versions), metadata.platform) == ("classifier", ["v1"], "sklearn")
        assert [(x.name, x.datatype, list(x.shape)) for x in metadata.inputs] == [("x", "FP32", [-1, 4])]
        assert list(metadata.outputs) == []
        told = inference_pb2.ServerMetadataResponse.FromString(await rpc(client, "ServerMetadata"))
        assert (told.name, told.version, list(told.extensions)) == tuple(server.values())
        for method, kind in (("ServerLive", "live"), ("ServerReady", "ready")):
            answered: Any = getattr(inference_pb2, f"{method}Response").FromString(await rpc(client, method))
            assert getattr(answered, kind) is True
        ready = inference_pb2.ModelReadyRequest(name="classifier")
        assert inference_pb2.ModelReadyResponse.FromString(await rpc(client, "ModelReady", ready)).ready
        for method in ("ModelReady", "ModelMetadata"):
            with pytest.raises(RpcError, match="Model zz not found") as caught:
                await rpc(client, method, inference_pb2.ModelReadyRequest(name="zz"))
            assert caught.value.status is Status.NOT_FOUND


async def test_before_the_model_is_loaded() -> None:
    async with running(settings(), load=False) as (client, _):
        for path, status in (
            ("/v2/health/live", 200),
            ("/v2/health/ready", 503),
            ("/v2/models/m/ready", 503),
            ("/v2/models/m", 503),
        ):
            assert (await client.ask("GET", path)).status == status
        assert (await client.post(INFER, {})).status == 503
        with pytest.raises(RpcError) as caught:
            await infer_rpc(client, message([1.0], [1], "FP32"))
        assert caught.value.status is Status.UNAVAILABLE
        assert inference_pb2.ServerLiveResponse.FromString(await rpc(client, "ServerLive")).live
        assert not inference_pb2.ServerReadyResponse.FromString(await rpc(client, "ServerReady")).ready


# gRPC


async def rpc(client: Client, method: str, sent: Any = None) -> bytes:
    body = sent.SerializeToString() if sent is not None else b""
    path = f"/inference.GRPCInferenceService/{method}"
    return await client._rpc_pool.call("127.0.0.1", client.grpc_port, path, body)


async def infer_rpc(client: Client, sent: Any) -> inference_pb2.ModelInferResponse:
    return inference_pb2.ModelInferResponse.FromString(await rpc(client, "ModelInfer", sent))


FIELDS = {"INT64": "int64", "UINT64": "uint64", "FP32": "fp32", "FP64": "fp64", "BOOL": "bool", "BYTES": "bytes"}


def contents(datatype: str) -> str:
    other = "uint" if datatype.startswith("UINT") else "int"
    return f"{FIELDS.get(datatype, other)}_contents"


def message(values: Any, shape: list[int], datatype: str) -> Any:
    sent = inference_pb2.ModelInferRequest(model_name="classifier", id="7")
    tensor = sent.inputs.add(name="x", datatype=datatype, shape=shape)
    getattr(tensor.contents, contents(datatype)).extend(values)
    return sent


@pytest.mark.parametrize("datatype", [kind for kind in [*NUMBERS, "BOOL", "BYTES"] if kind != "FP16"])
async def test_contents_by_type_over_grpc(datatype: str) -> None:
    values: list[Any] = ["ä".encode(), b"\xff"] if datatype == "BYTES" else [1, 0]
    async with serving(Echo) as client:
        answer = await infer_rpc(client, message(values, [2, 1], datatype))
    assert (answer.model_name, answer.model_version, answer.id) == ("classifier", "1.0", "7")
    assert [(output.name, output.datatype, list(output.shape)) for output in answer.outputs] == [
        ("predict", datatype, [2, 1])
    ]
    assert list(getattr(answer.outputs[0].contents, contents(datatype))) == values
    assert not answer.raw_output_contents


@pytest.mark.parametrize("datatype", [*NUMBERS, "BOOL", "BYTES"])
async def test_raw_contents_over_grpc(datatype: str) -> None:
    values = ["ä", "b"] if datatype == "BYTES" else [1, 0]
    content = datatypes.binary(Tensor("x", np.array(values, dtype=datatypes.numpy_type("x", datatype))))
    sent = inference_pb2.ModelInferRequest(model_name="classifier", raw_input_contents=[content])
    sent.inputs.add(name="x", datatype=datatype, shape=[2, 1])
    async with serving(Echo) as client:
        answer = await infer_rpc(client, sent)
    assert list(answer.raw_output_contents) == [content]
    assert answer.outputs[0].datatype == datatype
    assert not answer.outputs[0].HasField("contents")


def _two_raws(sent: Any) -> None:
    sent.raw_input_contents.extend([b"", b""])


def _half(sent: Any) -> None:
    sent.inputs[0].datatype = "FP16"


def _shape(sent: Any) -> None:
    sent.inputs[0].shape[:] = [5]


def _no_model(sent: Any) -> None:
    sent.model_name = "zz"


def _too_large(sent: Any) -> None:
    sent.inputs[0].datatype = "INT8"
    sent.inputs[0].contents.int_contents.append(300)


def _output(sent: Any) -> None:
    sent.outputs.add(name="nope")


def _nothing(sent: Any) -> None:
    del sent.inputs[:]


@pytest.mark.parametrize(
    ("spoil", "status", "says"),
    [
        (_two_raws, Status.INVALID_ARGUMENT, "raw_input_contents are 2, and there are 1 inputs"),
        (_half, Status.INVALID_ARGUMENT, "FP16, which must be raw"),
        (_shape, Status.INVALID_ARGUMENT, "needs 5"),
        (_no_model, Status.NOT_FOUND, "Model zz not found"),
        (_too_large, Status.INVALID_ARGUMENT, "no INT8"),
        (_output, Status.INVALID_ARGUMENT, "no output nope"),
        (_nothing, Status.INVALID_ARGUMENT, "no inputs"),
    ],
)
async def test_what_is_refused_over_grpc(spoil: Callable[[Any], None], status: Status, says: str) -> None:
    sent = message([1.0], [1], "FP32")
    spoil(sent)
    async with serving(Echo) as client:
        with pytest.raises(RpcError) as caught:
            await infer_rpc(client, sent)
        assert (caught.value.status, says in caught.value.text) == (status, True)
        with pytest.raises(RpcError, match=r"no inference\.ModelInferRequest"):
            await client._rpc_pool.call(
                "127.0.0.1", client.grpc_port, "/inference.GRPCInferenceService/ModelInfer", b"\xff\xff"
            )


async def test_rows_of_both_ways_go_into_one_call() -> None:
    calls: list[int] = []
    begun, release = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    class Named:
        batches = True

        def v2_outputs(self) -> Any:
            def double(X: Any, names: Any) -> Any:
                calls.append(len(X))
                loop.call_soon_threadsafe(begun.set)
                asyncio.run_coroutine_threadsafe(release.wait(), loop).result(20)
                return X * 2

            return {"double": double, "other": lambda X, _: X}

    async with serving(Named) as client:
        first = asyncio.ensure_future(asked(client, one([0.5], [1, 1], "FP64")))
        await asyncio.wait_for(begun.wait(), 5)
        rest = [asyncio.ensure_future(asked(client, one([n + 0.5], [1, 1], "FP64"))) for n in range(4)]
        raw = [asyncio.ensure_future(infer_rpc(client, message([n + 0.5], [1, 1], "FP64"))) for n in range(4)]
        batcher = client.service._infer_api._calls._batchers["double"]  # type: ignore[union-attr]
        async with asyncio.timeout(10):
            while len(batcher._waiting) < 8:  # noqa: ASYNC110 - the batcher has no event for it
                await asyncio.sleep(0)
        release.set()
        assert (await first)[1]["outputs"][0]["data"] == [1.0]
        for n, (one_way, other_way) in enumerate(zip(rest, raw, strict=True)):
            assert (await one_way)[1]["outputs"][0]["data"] == [2 * n + 1.0]
            assert list((await other_way).outputs[0].contents.fp64_contents) == [2 * n + 1.0]
        _, both = await asked(client, one([1.5], [1, 1], "FP64", outputs=[{"name": "other"}, {"name": "double"}]))
        assert [(output["name"], output["data"]) for output in both["outputs"]] == [("other", [1.5]), ("double", [3.0])]
    assert calls == [1, 8, 1]


SIZES = st.lists(st.integers(0, 3), max_size=3)


@given(content=st.binary(max_size=40), shape=SIZES, datatype=st.sampled_from([*NUMBERS, "BOOL", "BYTES"]))
def test_any_bytes_are_a_tensor_or_refused(content: bytes, shape: list[int], datatype: str) -> None:
    try:
        tensor = datatypes.from_binary("x", datatype, shape, content)
    except MicroserviceError:
        return
    again = datatypes.from_binary("x", datatype, shape, datatypes.binary(tensor))
    assert again.array.shape == tuple(shape)
    assert again.array.tobytes() == tensor.array.tobytes() or datatype == "BYTES"


def test_a_table_needs_inputs() -> None:
    with pytest.raises(MicroserviceError, match="no inputs"):
        infer.features([])
