"""The Open Inference Protocol (v2), over REST and gRPC: SKLEARN_SERVER on our own server, and graphs.

A chain of two models; a router, a combiner and an A/B test in one.

Each is asked at its predictor's Service and through the gateway; tensors as JSON or typed contents, and as raw bytes.

The containers that the manifests name stay as their user wrote them, so the namespace enforces `baseline`.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from google.protobuf import json_format

from seldon_core.proto import inference_pb2
from tests.e2e.harness import images, iris, manifests
from tests.e2e.harness.clients import PUID, Json, RpcFailedError, Way, each_protocol, each_way
from tests.e2e.harness.exposition import total
from tests.e2e.harness.prediction import TOLERANCE
from tests.e2e.harness.workspace import Workspace

pytestmark = pytest.mark.pod_security("baseline")

PREDICTOR = "main"
ALONE, CHAIN, PARTED = "iris-v2", "inches-v2", "parted-v2"
UNIT, FIRST = "classifier", "inches"
VERSION = "iris/v1"
LABELS, PROBABILITIES = "predict", "predict_proba"
ID = "of-the-client"
SECRET = "seldon-rclone-secret"
SERVICE = "/inference.GRPCInferenceService"
INCH = 2.54
# Their flowers are of all three kinds.
ROWS = [iris.row(number) for number in range(8)]
BINARY = "application/octet-stream"
LENGTH = "inference-header-content-length"
SERVED = "seldon_api_executor_server_requests_seconds_count"
ASKED, SIGMAS, ASKERS = 200, 4, 4


@pytest.fixture(scope="module")
def graphs(shared_workspace: Workspace) -> Workspace:
    """The SeldonDeployments, Available; they start side by side."""
    documents = manifests.load("graphs-v2", IMAGE=images.GRAPH_EXAMPLE)
    shared_workspace.apply(manifests.rclone_secret(SECRET), *documents)
    for name in (ALONE, CHAIN, PARTED):
        shared_workspace.wait_available(name)
        shared_workspace.wait_led(name)
        shared_workspace.wait_led_over_grpc(name)
    return shared_workspace


def flat(rows: Sequence[Sequence[float]]) -> list[float]:
    """The numbers of all rows, one after the other."""
    return [value for row in rows for value in row]


def packed(numbers: Sequence[float]) -> bytes:
    """FP64 as raw bytes."""
    return struct.pack(f"<{len(numbers)}d", *numbers)


def labels(rows: Sequence[Sequence[float]]) -> list[int]:
    """The kinds of the flowers."""
    return [max(range(3), key=iris.probabilities(row).__getitem__) for row in rows]


def request_of(rows: Sequence[Sequence[float]], *outputs: str) -> Json:
    """A request in JSON."""
    tensor = {"name": "measures", "shape": [len(rows), 4], "datatype": "FP64", "data": flat(rows)}
    return {"id": ID, "inputs": [tensor], "outputs": [{"name": name} for name in outputs]}


def message_of(rows: Sequence[Sequence[float]], model: str, *outputs: str) -> inference_pb2.ModelInferRequest:
    """A request over gRPC."""
    tensor = {"name": "measures", "shape": [len(rows), 4], "datatype": "FP64", "contents": {"fp64Contents": flat(rows)}}
    document = {"modelName": model, "id": ID, "inputs": [tensor], "outputs": [{"name": name} for name in outputs]}
    return json_format.ParseDict(document, inference_pb2.ModelInferRequest())


def near(numbers: Sequence[float]) -> Any:
    """Equal to them within the suite's tolerance."""
    return pytest.approx(numbers, rel=0, abs=TOLERANCE)


EXPECTED = flat([iris.probabilities(row) for row in ROWS])


@each_way
def test_sklearn_server(graphs: Workspace, way: Way) -> None:
    output: Json
    with graphs.client(ALONE, PREDICTOR, over_grpc=way.grpc, gateway=way.gateway) as client:
        if way.grpc:
            message, metadata = client.call(
                f"{SERVICE}/ModelInfer", message_of(ROWS, UNIT, PROBABILITIES), inference_pb2.ModelInferResponse
            )
            answer, puid = json_format.MessageToDict(message), metadata.get(PUID)
            contents = {"fp64Contents": near(EXPECTED)}
            output = {"name": PROBABILITIES, "datatype": "FP64", "shape": ["8", "3"], "contents": contents}
            assert answer == {"modelName": UNIT, "modelVersion": VERSION, "id": ID, "outputs": [output]}
        else:
            answer, reply = client.post(f"/v2/models/{UNIT}/infer", request_of(ROWS, PROBABILITIES))
            puid = reply.headers.get(PUID)
            output = {"name": PROBABILITIES, "datatype": "FP64", "shape": [8, 3], "data": near(EXPECTED)}
            assert answer == {"model_name": UNIT, "model_version": VERSION, "id": ID, "outputs": [output]}
    assert puid, "no id of the prediction"


@each_way
def test_raw_tensors(graphs: Workspace, way: Way) -> None:
    """As numpy has them, to the server and back."""
    numbers = flat(ROWS)
    with graphs.client(ALONE, PREDICTOR, over_grpc=way.grpc, gateway=way.gateway) as client:
        if way.grpc:
            request = message_of(ROWS, UNIT, PROBABILITIES)
            request.inputs[0].ClearField("contents")
            request.raw_input_contents.append(packed(numbers))
            answer, _ = client.call(f"{SERVICE}/ModelInfer", request, inference_pb2.ModelInferResponse)
            (raw,) = answer.raw_output_contents
            assert list(answer.outputs[0].shape) == [8, 3]
            assert not answer.outputs[0].HasField("contents")
        else:
            document = request_of(ROWS, PROBABILITIES)
            del document["inputs"][0]["data"]
            document["inputs"][0]["parameters"] = {"binary_data_size": len(packed(numbers))}
            document["outputs"][0]["parameters"] = {"binary_data": True}
            text = json.dumps(document).encode()
            headers = {"content_type": BINARY, LENGTH.replace("-", "_"): str(len(text))}
            reply = client.ask("POST", "/v2/models/infer", text + packed(numbers), **headers)
            assert (reply.status, reply.headers["content-type"]) == (200, BINARY), str(reply)
            length = int(reply.headers[LENGTH])
            parameters = {"binary_data_size": 8 * len(EXPECTED)}
            output = {"name": PROBABILITIES, "datatype": "FP64", "shape": [8, 3], "parameters": parameters}
            assert json.loads(reply.body[:length])["outputs"] == [output]
            raw = reply.body[length:]
    assert list(struct.unpack(f"<{len(raw) // 8}d", raw)) == near(EXPECTED)


@each_way
def test_chain_of_two_models(graphs: Workspace, way: Way) -> None:
    """The first one's outputs are the second one's inputs. Who asks for no output gets the model's own: the labels."""
    output: Json
    inches = [[value / INCH for value in row] for row in ROWS]
    assert set(labels(ROWS)) == {0, 1, 2}
    assert labels(ROWS) != labels(inches), "the first model must make a difference"
    with graphs.client(CHAIN, PREDICTOR, over_grpc=way.grpc, gateway=way.gateway) as client:
        if way.grpc:
            message, _ = client.call(
                f"{SERVICE}/ModelInfer", message_of(inches, FIRST), inference_pb2.ModelInferResponse
            )
            answer = json_format.MessageToDict(message)
            contents = {"int64Contents": [str(label) for label in labels(ROWS)]}
            output = {"name": LABELS, "datatype": "INT64", "shape": ["8", "1"], "contents": contents}
            assert answer == {"modelName": UNIT, "modelVersion": VERSION, "id": ID, "outputs": [output]}
        else:
            answer, _ = client.post("/v2/models/infer", request_of(inches))
            output = {"name": LABELS, "datatype": "INT64", "shape": [8, 1], "data": labels(ROWS)}
            assert answer == {"model_name": UNIT, "model_version": VERSION, "id": ID, "outputs": [output]}


@pytest.mark.parametrize("name", [ALONE, CHAIN])
def test_health_and_metadata(graphs: Workspace, name: str) -> None:
    with graphs.client(name, PREDICTOR, over_grpc=False, gateway=True) as client:
        assert client.ask("GET", "/v2/health/live").status == 200
        assert client.ask("GET", "/v2/health/ready").status == 200
        assert json.loads(client.ask("GET", f"/v2/models/{UNIT}/ready").body) == {"name": UNIT, "ready": True}
        described = json.loads(client.ask("GET", f"/v2/models/{UNIT}").body)
    assert (described["name"], described["versions"], described["platform"]) == (UNIT, [VERSION], "sklearn")

    with graphs.client(name, PREDICTOR, over_grpc=True, gateway=True) as client:
        live, _ = client.call(
            f"{SERVICE}/ServerLive", inference_pb2.ServerLiveRequest(), inference_pb2.ServerLiveResponse
        )
        ready, _ = client.call(
            f"{SERVICE}/ModelReady", inference_pb2.ModelReadyRequest(name=UNIT), inference_pb2.ModelReadyResponse
        )
        model, _ = client.call(
            f"{SERVICE}/ModelMetadata",
            inference_pb2.ModelMetadataRequest(name=UNIT),
            inference_pb2.ModelMetadataResponse,
        )
    assert live.live
    assert ready.ready
    assert (model.name, list(model.versions), model.platform) == (UNIT, [VERSION], "sklearn")


@pytest.mark.parametrize("name", [ALONE, CHAIN])
def test_metrics(graphs: Workspace, name: str) -> None:
    before = counted(graphs, name)

    with graphs.client(name, PREDICTOR, over_grpc=False, gateway=True) as client:
        client.post("/v2/models/infer", request_of(ROWS))
    with graphs.client(name, PREDICTOR, over_grpc=True, gateway=True) as client:
        first = FIRST if name == CHAIN else UNIT
        client.call(f"{SERVICE}/ModelInfer", message_of(ROWS, first), inference_pb2.ModelInferResponse)

    grown = {what: value - before[what] for what, value in counted(graphs, name).items()}
    assert grown == {"rest": 1, "grpc": 1} | ({"rows": 2 * len(ROWS)} if name == CHAIN else {})


def counted(graphs: Workspace, name: str) -> dict[str, float]:
    """What the pages of a SeldonDeployment's pod say: of the orchestrator, and of the user's class where it has one."""
    ours = {"deployment_name": name, "predictor_name": PREDICTOR}
    executor = graphs.metrics(name, 8000)
    found = {
        "rest": total(executor, SERVED, service="predictions", method="post", code="200", **ours),
        "grpc": total(executor, SERVED, service=f"{SERVICE}/ModelInfer", method="unary", code="OK", **ours),
    }
    if name == CHAIN:
        own = graphs.metrics(name, 6000)
        found["rows"] = total(own, "linear_rows_total", model_name=FIRST, method="predict", **ours)
    return found


@each_way
def test_router_and_combiner(graphs: Workspace, way: Way) -> None:
    """Each branch of the router; no node is asked by the name of another, whatever the client calls the graph."""
    with graphs.client(PARTED, PREDICTOR, over_grpc=way.grpc, gateway=way.gateway) as client:
        for model in ("", "size"):
            assert parted(client, way, [64.0, 3.0], model=model) == ([128.0, 67.0], "large", {"large.offset": 64.0})
            answer, by, tags = parted(client, way, [8.0, 3.0], model=model)
            assert answer in ([10.0, 5.0], [11.0, 6.0])
            assert (by, tags) == ("mean", {"combined": "mean"})


@each_protocol
def test_a_combiner_joins_raw_tensors(graphs: Workspace, way: Way) -> None:
    with graphs.client(PARTED, PREDICTOR, over_grpc=way.grpc, gateway=way.gateway) as client:
        assert parted(client, way, [8.0, 3.0], raw=True)[0] in ([10.0, 5.0], [11.0, 6.0])


@each_protocol
def test_ab_test_keeps_its_ratio(graphs: Workspace, way: Way) -> None:
    def ask(asker: int) -> list[float]:
        with graphs.client(PARTED, PREDICTOR, over_grpc=way.grpc, gateway=way.gateway) as client:
            answers = [(number, parted(client, way, [number % 8, 0.0])[0]) for number in range(asker, ASKED, ASKERS)]
        return [answer[0] - number % 8 for number, answer in answers]

    with ThreadPoolExecutor(ASKERS) as pool:
        offsets = [offset for some in pool.map(ask, range(ASKERS)) for offset in some]

    assert (len(offsets), set(offsets)) == (ASKED, {2.0, 3.0})
    first, bound = offsets.count(2.0), SIGMAS * math.sqrt(ASKED) / 2
    graphs.loads.append(f"A/B test of v2, {way}: {first} of {ASKED} to its first, {ASKED / 2:.0f} +- {bound:.0f}")
    assert abs(first - ASKED / 2) <= bound, f"{first} of {ASKED}, more than {SIGMAS} sigma off"


@each_protocol
def test_v2_has_no_feedback(graphs: Workspace, way: Way) -> None:
    """A router of v2 decides by what it is asked alone; who tells it a reward is told that nobody takes it."""
    with graphs.client(PARTED, PREDICTOR, over_grpc=way.grpc, gateway=way.gateway) as client:
        if way.grpc:
            with pytest.raises(RpcFailedError, match="Method not found!") as failed:
                client.feedback({"reward": 1.0})
            assert failed.value.code is grpc.StatusCode.UNIMPLEMENTED
        else:
            reply = client.ask("POST", "/api/v1.0/feedback", b'{"reward":1.0}', content_type="application/json")
            assert (reply.status, reply.body) == (404, b"404 page not found\n")


def parted(
    client: Any, way: Way, row: list[float], *, model: str = "", raw: bool = False
) -> tuple[list[float], str, Json]:
    """The numbers that the graph answers, the model that says so, and its tags (of a Linear the offset alone)."""
    answer: Json
    tensor: Json = {"name": "numbers", "shape": [1, 2], "datatype": "FP64"}
    if way.grpc:
        contents = {} if raw else {"contents": {"fp64Contents": row}}
        request = json_format.ParseDict(
            {"modelName": model, "id": ID, "inputs": [tensor | contents]}, inference_pb2.ModelInferRequest()
        )
        if raw:
            request.raw_input_contents.append(packed(row))
        message, _ = client.call(f"{SERVICE}/ModelInfer", request, inference_pb2.ModelInferResponse)
        (output,) = message.outputs
        numbers = message.raw_output_contents[0] if raw else packed(output.contents.fp64_contents)
        assert bool(message.raw_output_contents) == raw
        found = (message.id, output.name, output.datatype, list(output.shape))
        by = message.model_name
        tags = {key: getattr(one, one.WhichOneof("parameter_choice")) for key, one in message.parameters.items()}
    else:
        path = f"/v2/models/{model}/infer" if model else "/v2/models/infer"
        headers = {"content_type": "application/json"}
        if raw:
            tensor["parameters"] = {"binary_data_size": len(packed(row))}
        document = {"id": ID, "inputs": [tensor if raw else tensor | {"data": row}]}
        document["parameters"] = {"binary_data_output": raw}
        body = json.dumps(document).encode()
        if raw:
            headers = {"content_type": BINARY, LENGTH.replace("-", "_"): str(len(body))}
        reply = client.ask("POST", path, body + (packed(row) if raw else b""), **headers)
        assert reply.status == 200, str(reply)
        length = int(reply.headers.get(LENGTH, len(reply.body)))
        answer = json.loads(reply.body[:length])
        (out,) = answer["outputs"]
        numbers = reply.body[length:] if raw else packed(out["data"])
        found = (answer["id"], out["name"], out["datatype"], out["shape"])
        by, tags = answer["model_name"], answer["parameters"]
    assert found == (ID, LABELS, "FP64", [1, 2])
    tags.pop(f"{by}.slope", None)
    return list(struct.unpack("<2d", numbers)), by, tags
