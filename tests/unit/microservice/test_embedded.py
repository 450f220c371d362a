"""The executor in the server's process answers what the executor before the server answers, byte for byte."""

import asyncio
import base64
import json
import re
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest

from seldon_core.executor.app import Executor
from seldon_core.executor.settings import parse
from seldon_core.microservice import component, embedded
from seldon_core.microservice.app import Microservice
from seldon_core.microservice.errors import StartError
from seldon_core.microservice.settings import parse as parse_server
from seldon_core.proto import inference_pb2, prediction_pb2
from seldon_core.transport.client import ClientResponse, HttpPool
from seldon_core.transport.rpc import RpcError
from seldon_core.transport.rpc_client import RpcPool

from .stand import settings

pytestmark = pytest.mark.asyncio

HOST = "127.0.0.1"
PUID = "the-one"
JSON = "application/json"


class Model:
    """Does what the first number of a row says."""

    rewards: ClassVar[list[float]] = []
    released: ClassVar[threading.Event] = threading.Event()

    def predict(self, features: Any, _names: Any) -> Any:
        first = features[0][0] if len(features) else 0
        if first == 13:
            raise ValueError("unlucky <13>")
        if first == 99:
            self.released.wait(30)
        return features if first != 7 else [["<b>&</b>"]]

    def send_feedback(self, _features: Any, _names: Any, reward: float, _truth: Any) -> None:
        self.rewards.append(reward)

    def health_status(self) -> Any:
        return [1]

    def init_metadata(self) -> Any:
        return {"name": "mine", "versions": ["v7"], "inputs": [{"messagetype": "tensor"}], "custom": {"a": "b"}}


class Quick(Model):
    """The same for models whose requests are joined."""

    batches = True


class Pair:
    """One server that answers as the executor itself, and one with an executor before it."""

    def __init__(self, inside: Executor, beside: Executor, service: Microservice) -> None:
        self.executors = (inside, beside)
        self.service = service
        self.http, self.rpc = HttpPool(), RpcPool()

    async def ask(self, method: str, path: str, body: bytes = b"", **fields: str) -> list[ClientResponse]:
        headers = [(b"Seldon-Puid", PUID.encode())] if fields.pop("puid", "yes") else []
        headers += [(name.replace("_", "-").encode(), value.encode()) for name, value in fields.items()]
        return [
            await self.http.request(HOST, one.server.port, method, path, headers=headers, body=body)
            for one in self.executors
        ]

    async def call(self, method: str, body: bytes = b"") -> list[Any]:
        """Each answer, or each error as its status and text."""
        found: list[Any] = []
        for one in self.executors:
            try:
                port = one.rpc_server.port
                found.append(await self.rpc.call(HOST, port, method, body, metadata=(("seldon-puid", PUID),)))
            except RpcError as error:
                found.append((error.status, error.text))
        return found


def told(http: int, grpc: int, *flags: str, endpoint: str = "REST") -> dict[str, str]:
    """What an executor is told, before a server on these ports or in it."""
    place = {"service_host": HOST, "httpPort": http, "grpcPort": grpc, "type": endpoint}
    place["service_port"] = grpc if endpoint == "GRPC" else http
    graph = {"name": "classifier", "type": "MODEL", "endpoint": place}
    document = {"name": "p", "graph": graph, "labels": {"version": "v1"}}
    words = ["--sdep", "m", "--namespace", "ns", "--predictor", "p", "--http_port", "0", "--grpc_port", "0", *flags]
    return {
        "SELDON_EXECUTOR_ARGS": " ".join(words),
        "ENGINE_PREDICTOR": base64.b64encode(json.dumps(document).encode()).decode(),
    }


@asynccontextmanager
async def pair(
    *flags: str,
    model: type = Model,
    annotations: Path = Path("/nonexistent"),
    load: bool = True,
    endpoint: str = "REST",
) -> AsyncIterator[Pair]:
    async with AsyncExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(component, "find_class", lambda *_: model)
        alone = Microservice(settings("Model"), annotations_file=annotations)
        await alone.start(HOST)
        stack.push_async_callback(alone.stop)
        variables = told(alone.server.port, alone.rpc_server.port, *flags, endpoint=endpoint)
        both = Microservice(settings("Model", executor=variables), annotations_file=annotations)
        await both.start(HOST)
        stack.push_async_callback(both.stop)
        beside = Executor(parse(variables["SELDON_EXECUTOR_ARGS"].split(), variables), annotations_file=annotations)
        await beside.start(HOST)
        stack.push_async_callback(beside.stop)
        if load:
            await alone.load()
            await both.load()
        assert both.executor is not None
        made = Pair(both.executor, beside, both)
        stack.push_async_callback(made.http.close)
        stack.push_async_callback(made.rpc.close)
        yield made


def shown(answer: ClientResponse) -> Any:
    """Everything of an answer but the time, with the fields in a set: their order means nothing."""
    fields = sorted((name.lower(), value) for name, value in answer.headers.raw if name.lower() != b"date")
    return answer.status, fields, answer.body


PREDICTIONS = "/api/v1.0/predictions"
ROW = b'{"data":{"ndarray":[[1,2]]},"meta":{"tags":{"a":1}}}'
REQUESTS: list[tuple[str, str, bytes, Mapping[str, str]]] = [
    ("POST", PREDICTIONS, ROW, {"Content_Type": JSON}),
    ("POST", "/api/v0.1/predictions", ROW, {}),
    ("POST", PREDICTIONS, b'{"data":{"ndarray":[[7,2]]}}', {"Content_Type": JSON}),
    ("POST", PREDICTIONS, b'{"data":{"ndarray":[[13,2]]}}', {"Content_Type": JSON}),
    ("POST", PREDICTIONS, b'{"data":{"ndarray":[[1],[2,3]]}}', {"Content_Type": JSON}),
    ("POST", PREDICTIONS, b'{"strData":"<&>"}', {"Content_Type": JSON}),
    ("POST", PREDICTIONS, b"no json", {"Content_Type": "text/plain"}),
    ("POST", PREDICTIONS, b"", {"Content_Type": JSON}),
    ("POST", PREDICTIONS, b"json=%7B%7D", {"Content_Type": "application/x-www-form-urlencoded"}),
    ("POST", f"{PREDICTIONS}?json=%7B%22strData%22%3A%22a%22%7D", b"", {}),
    ("POST", PREDICTIONS, ROW, {"Content_Type": JSON, "Ce_Specversion": "0.3"}),
    ("POST", PREDICTIONS, ROW, {"Content_Type": JSON, "Accept_Encoding": "gzip"}),
    ("GET", PREDICTIONS, b"", {}),
    ("OPTIONS", PREDICTIONS, b"", {"Origin": "http://elsewhere"}),
    ("POST", "/api/v1.0/feedback", b'{"reward":0.5}', {"Content_Type": JSON}),
    ("POST", "/api/v1.0/feedback", b"[]", {"Content_Type": JSON}),
    ("GET", "/api/v1.0/metadata", b"", {}),
    ("GET", "/api/v1.0/metadata/classifier", b"", {}),
    ("GET", "/api/v1.0/metadata/nobody", b"", {}),
    ("GET", "/api/v1.0/status/classifier", b"", {}),
    ("GET", "/api/v1.0/health/status", b"", {}),
    ("GET", "/ready", b"", {}),
    ("GET", "/live", b"", {}),
    ("GET", "/ping", b"", {}),
    ("GET", "/predict", b"", {}),
]
INFER = b'{"id":"7","inputs":[{"name":"x","shape":[1,2],"datatype":"FP64","data":[1,2]}]}'
HEAD = b'{"inputs":[{"name":"x","shape":[1,1],"datatype":"FP64","parameters":{"binary_data_size":8}}]}'
WANTED = b'{"parameters":{"binary_data_output":true},' + HEAD[1:]
V2_REQUESTS: list[tuple[str, str, bytes, Mapping[str, str]]] = [
    ("POST", "/v2/models/classifier/infer", INFER, {"Content_Type": JSON}),
    ("POST", "/v2/models/infer", INFER, {"Content_Type": JSON}),
    ("POST", "/v2/models/nobody/infer", INFER, {"Content_Type": JSON}),
    (
        "POST",
        "/v2/models/classifier/infer",
        WANTED + b"\0" * 8,
        {"Content_Type": "application/octet-stream", "Inference_Header_Content_Length": str(len(WANTED))},
    ),
    ("POST", "/v2/models/classifier/infer", b'{"inputs":[]}', {"Content_Type": JSON}),
    ("GET", "/v2/models/classifier/infer", b"", {}),
    ("GET", "/v2/models/classifier", b"", {}),
    ("GET", "/v2/models/classifier/ready", b"", {}),
    ("GET", "/v2/models/nobody/ready", b"", {}),
    ("GET", "/v2/health/ready", b"", {}),
    ("GET", "/v2/health/live", b"", {}),
    ("GET", "/v2", b"", {}),
]


@pytest.mark.parametrize("model", [Model, Quick])
@pytest.mark.parametrize(("flags", "requests"), [((), REQUESTS), (("--protocol", "v2"), V2_REQUESTS)])
async def test_rest_is_the_same_to_the_byte(flags: tuple[str, ...], requests: Any, model: type) -> None:
    async with pair(*flags, model=model) as both:
        for method, path, body, fields in requests:
            inside, beside = await both.ask(method, path, body, **fields)

            assert shown(inside) == shown(beside), (method, path, body)


async def test_before_the_model_is_loaded_both_say_so() -> None:
    async with pair(load=False) as both:
        for method, path in (("GET", "/ready"), ("GET", "/live"), ("POST", PREDICTIONS), ("GET", "/api/v1.0/metadata")):
            inside, beside = await both.ask(method, path, ROW if method == "POST" else b"")

            assert shown(inside) == shown(beside), path
        assert [answer.status for answer in await both.ask("GET", "/ready")] == [503, 503]


async def test_each_answer_has_an_id_of_its_own() -> None:
    async with pair(model=Quick) as both:
        found = [await both.ask("POST", PREDICTIONS, ROW, Content_Type=JSON, puid="") for _ in range(2)]
        ids = {answers[0].headers.get("seldon-puid") for answers in found}

        assert len(ids) == 2
        assert all(re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", one or "") for one in ids)


@pytest.mark.parametrize("flags", [(), ("--full_health_checks=true",)])
async def test_a_model_that_is_not_well(flags: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    async with pair(*flags) as both:
        assert [answer.status for answer in await both.ask("GET", "/ready")] == [200, 200]
        monkeypatch.setattr(Model, "health_status", lambda _: 1 / 0)
        async with pair(*flags) as ill:
            assert [answer.status for answer in await ill.ask("GET", "/ready")] == ([503, 503] if flags else [200, 200])


async def test_readiness_of_a_predictor_that_is_called_over_grpc() -> None:
    async with pair("--transport", "grpc", load=False, endpoint="GRPC") as both:
        assert [answer.status for answer in await both.ask("GET", "/ready")] == [503, 503]
        await both.service.load()
        (inside, _) = await both.ask("GET", "/ready")
        assert inside.status == 200


async def test_a_time_out_has_the_same_text(tmp_path: Path) -> None:
    annotations = tmp_path / "annotations"
    annotations.write_text('seldon.io/rest-timeout="100"\nseldon.io/grpc-timeout="100"\n')
    async with pair(annotations=annotations) as both:
        body = b'{"data":{"ndarray":[[99]]}}'
        inside, beside = await both.ask("POST", PREDICTIONS, body, Content_Type=JSON)

        Model.released.set()
        assert shown(inside) == shown(beside)
        assert b"context deadline exceeded" in inside.body


def seldon_message(*values: float) -> bytes:
    data = prediction_pb2.DefaultData(tensor=prediction_pb2.Tensor(shape=[1, len(values)], values=values))
    return prediction_pb2.SeldonMessage(data=data).SerializeToString()


CALLS = [
    ("Predict", seldon_message(1, 2)),
    ("Predict", seldon_message(13)),
    ("Predict", b"\xff\xff"),
    ("SendFeedback", prediction_pb2.Feedback(reward=2).SerializeToString()),
    ("ModelMetadata", prediction_pb2.SeldonModelMetadataRequest(name="classifier").SerializeToString()),
    ("ModelMetadata", prediction_pb2.SeldonModelMetadataRequest(name="nobody").SerializeToString()),
    ("GraphMetadata", b""),
]
TENSOR = inference_pb2.ModelInferRequest.InferInputTensor(name="x", datatype="FP64", shape=[1, 1])
V2_CALLS = [
    ("ModelInfer", inference_pb2.ModelInferRequest(model_name="classifier", inputs=[TENSOR])),
    (
        "ModelInfer",
        inference_pb2.ModelInferRequest(model_name="classifier", inputs=[TENSOR], raw_input_contents=[b"\0" * 8]),
    ),
    ("ModelInfer", inference_pb2.ModelInferRequest(model_name="nobody")),
    ("ModelReady", inference_pb2.ModelReadyRequest(name="classifier")),
    ("ModelMetadata", inference_pb2.ModelMetadataRequest(name="classifier")),
    ("ServerLive", inference_pb2.ServerLiveRequest()),
    ("ServerReady", inference_pb2.ServerReadyRequest()),
    ("ServerMetadata", inference_pb2.ServerMetadataRequest()),
]


async def test_grpc_is_the_same_to_the_byte() -> None:
    async with pair() as both:
        for method, body in CALLS:
            inside, beside = await both.call(f"/seldon.protos.Seldon/{method}", body)

            assert inside == beside, method


async def test_grpc_of_v2_is_the_same_to_the_byte() -> None:
    async with pair("--protocol", "v2") as both:
        for method, message in V2_CALLS:
            body = message.SerializeToString()
            inside, beside = await both.call(f"/inference.GRPCInferenceService/{method}", body)

            assert inside == beside, method


def series(text: str) -> dict[str, float]:
    """Counts of requests: by name and labels."""
    found = re.findall(r"^(seldon_api_executor\w+_count\{.*\}) ([\d.]+)$", text, re.MULTILINE)
    return {name: float(value) for name, value in found}


async def test_metrics_have_the_executors_names_on_both_ports() -> None:
    async with pair("--prometheus_path", "/prometheus", model=Quick) as both:
        for method, path, body, fields in REQUESTS:
            await both.ask(method, path, body, **fields)
        await both.call("/seldon.protos.Seldon/Predict", seldon_message(1))
        inside, beside = await both.ask("GET", "/prometheus")
        port = both.service.metrics_server.port
        scraped = await both.http.request(HOST, port, "GET", "/metrics")

        assert inside.headers.get("content-type") == beside.headers.get("content-type")
        assert series(inside.body.decode()) == series(beside.body.decode()) == series(scraped.body.decode())
        assert any('service="/predict"' in name for name in series(inside.body.decode()))
        assert "seldon_api_model_feedback" in scraped.body.decode()


async def test_who_is_connected_is_told_at_once_that_the_server_ends() -> None:
    """No executor beside it may have a next step to ask for, as there is with a container of its own."""
    async with pair() as both:
        (before, _) = await both.ask("GET", "/live")
        leaving = asyncio.ensure_future(both.service.let_leave(60, 60))
        await asyncio.sleep(0)
        (during, _) = await both.ask("POST", PREDICTIONS, ROW, Content_Type=JSON)

        assert before.headers.get("connection") is None
        assert (during.status, during.headers.get("connection")) == (200, "close")
        await asyncio.wait_for(leaving, 10)


class TestWhatItIsTold:
    async def test_without_the_variable_there_is_no_executor(self) -> None:
        assert parse_server(["Model"], {"ENGINE_PREDICTOR": "x", "SELDON_DEBUG": "yes"}).executor == {}

    async def test_switches_of_the_server_are_not_the_executors(self) -> None:
        given = {**told(1, 2), "SELDON_DEBUG": "yes", "SELDON_LOG_LEVEL": "chatty"}
        read = parse_server(["Model"], given)

        assert Microservice(settings("Model", executor=read.executor)).executor is not None

    @pytest.mark.parametrize(
        ("change", "says"),
        [
            ({"ENGINE_PREDICTOR": ""}, "The environment variable ENGINE_PREDICTOR is not set"),
            ({"ENGINE_PREDICTOR": "!"}, "ENGINE_PREDICTOR cannot be read"),
            ({"SELDON_EXECUTOR_ARGS": "--sdep 'm"}, "No closing quotation"),
            ({"SELDON_EXECUTOR_ARGS": "--sdep m --predictor p --protocol x"}, "The protocol x is not served"),
            ({"SELDON_EXECUTOR_ARGS": "--sdep m --predictor p --graceful_timeout x"}, "'x' is no duration"),
        ],
    )
    async def test_what_makes_no_sense_is_said_in_one_sentence(self, change: dict[str, str], says: str) -> None:
        with pytest.raises(StartError) as caught:
            Microservice(settings("Model", executor={**told(1, 2), **change}))

        assert str(caught.value).startswith(f"{embedded.ARGUMENTS}, ENGINE_PREDICTOR: ")
        assert says in str(caught.value)

    async def test_a_port_that_is_taken_is_named(self) -> None:
        first = Microservice(settings("Model", executor=told(1, 2)))
        await first.start(HOST)
        assert first.executor is not None
        taken = first.executor.server.port
        variables = told(1, 2)
        variables["SELDON_EXECUTOR_ARGS"] += f" --http_port {taken}"
        second = Microservice(settings("Model", executor=variables))
        try:
            with pytest.raises(StartError, match=f"Port {taken} cannot be listened on"):
                await second.start(HOST)
        finally:
            await first.stop()
            await second.stop()
