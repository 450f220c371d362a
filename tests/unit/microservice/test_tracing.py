"""Spans from the client's to the model's, through executor and model server, read by a collector of OTLP."""
# ruff: noqa: ARG002, N803 - users' classes have the signatures that they are called with

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from seldon_core.executor.app import Executor
from seldon_core.executor.settings import parse
from seldon_core.microservice.embedded import ARGUMENTS
from seldon_core.microservice.settings import parse as microservice_settings
from seldon_core.proto import prediction_pb2
from seldon_core.transport.rpc import RpcError
from tests.unit.executor.stand import Client, Node, encoded, rpc_unit, unit
from tests.unit.executor.stand import settings as executor_settings
from tests.unit.microservice.stand import serving
from tests.unit.transport.otlp import Receiver, Span

pytestmark = pytest.mark.asyncio
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class Echo:
    def predict(self, X: Any, names: Any) -> Any:
        if X == "boom":
            raise ValueError(X)
        return X


@asynccontextmanager
async def executor(graph: dict[str, Any], env: dict[str, str]) -> AsyncIterator[Client]:
    """Stopped at the end, and its spans exported."""
    one = Executor(executor_settings(graph, env=env), annotations_file=Path("/nonexistent"))
    await one.start("127.0.0.1")
    client = Client(one.server.port, one.rpc_server.port)
    try:
        yield client
    finally:
        await client.close()
        await asyncio.wait_for(one.stop(), 20)


@pytest.fixture
async def receiver(monkeypatch: pytest.MonkeyPatch) -> Receiver:
    made = await Receiver().start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", made.endpoint)
    return made


def _env(receiver: Receiver, **more: str) -> dict[str, str]:
    return {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint, **more}


def _chain(spans: list[Span]) -> list[tuple[str, str, str]]:
    """Service, kind and name of each span, from the outermost; each is the parent of the next."""
    inner = {one.parent: one for one in spans}
    assert len(inner) == len(spans), "one chain"
    current = next(one for one in spans if one.parent not in {other.span for other in spans})
    found = [current]
    while current.span in inner:
        current = inner[current.span]
        found.append(current)
    assert len({one.trace for one in found}) == 1
    return [(one.service, one.kind, one.name) for one in found]


@pytest.mark.parametrize(
    "fields",
    [
        {"traceparent": f"00-{TRACE}-{PARENT}-01"},
        {"X_B3_TraceId": TRACE, "X_B3_SpanId": PARENT, "X_B3_Sampled": "1"},
        {"b3": f"{TRACE}-{PARENT}-1"},
        {"traceparent": f"00-{TRACE}-{PARENT}-01", "b3": f"{'1' * 32}-{'2' * 16}-1"},
    ],
    ids=["w3c", "b3 multi", "b3 single", "w3c is believed"],
)
async def test_a_rest_prediction_from_the_client_to_the_model(receiver: Receiver, fields: dict[str, str]) -> None:
    wrapped = microservice_settings(["Echo"], _env(receiver)).tracing
    async with serving(Echo, tracing=wrapped) as model, executor(unit("c", model.port), _env(receiver)) as client:
        assert (await client.predict({"data": {"ndarray": [[1]]}}, **fields)).status == 200
        await client.ask("GET", "/ready")
        await client.ask("GET", "/metrics")
    assert _chain(receiver.spans) == [
        ("executor", "server", "predictions"),
        ("executor", "client", "/predict"),
        ("Echo", "server", "Predict"),
    ]
    outer = next(one for one in receiver.spans if one.name == "predictions")
    assert (outer.trace, outer.parent) == (TRACE, PARENT)
    assert outer.attributes["http.response.status_code"] == 200
    own = next(told for told in receiver.resources if told["service.name"] == "executor")
    assert (own["seldon.deployment"], own["seldon.predictor"], own["k8s.namespace.name"]) == ("m", "p", "ns")


async def test_a_grpc_prediction_from_the_client_to_the_model(receiver: Receiver) -> None:
    wrapped = microservice_settings(["Echo"], _env(receiver)).tracing
    message = prediction_pb2.SeldonMessage(strData="boom")
    async with (
        serving(Echo, tracing=wrapped) as model,
        executor(rpc_unit("c", model.grpc_port), _env(receiver)) as client,
    ):
        with pytest.raises(RpcError):
            await client.rpc("Predict", message, metadata=(("traceparent", f"00-{TRACE}-{PARENT}-01"),))
    assert _chain(receiver.spans) == [
        ("executor", "server", "seldon.protos.Seldon/Predict"),
        ("executor", "client", "seldon.protos.Model/Predict"),
        ("Echo", "server", "seldon.protos.Model/Predict"),
    ]
    assert all(one.failed and one.attributes["rpc.grpc.status_code"] == 2 for one in receiver.spans)
    assert {one.trace for one in receiver.spans} == {TRACE}


async def test_each_node_of_a_graph_gets_the_span_of_its_own_call(receiver: Receiver) -> None:
    n = {name: await Node().start() for name in "abc"}
    graph = unit("c", n["c"], "COMBINER", unit("a", n["a"]), unit("b", n["b"]))
    async with executor(graph, _env(receiver)) as client:
        await client.predict({}, traceparent=f"00-{TRACE}-{PARENT}-01", tracestate="k=v", X_Other="y")
        await client.predict({}, traceparent="nonsense")
    asked = {one.span: one for one in receiver.spans if one.kind == "client" and one.trace == TRACE}
    for node in n.values():
        first = next(request for request in node.requests if request.path in {"/predict", "/aggregate"})
        names = [name.lower() for name, _ in first.headers.raw]
        assert len(names) == len(set(names)), "no field twice"
        version, trace, span, flags = (first.headers.get("traceparent") or "").split("-")
        assert (version, trace, flags) == ("00", TRACE, "01")
        assert asked.pop(span).attributes["server.port"] == node.server.port
        assert (first.headers.get("x-b3-traceid"), first.headers.get("x-b3-spanid")) == (trace, span)
        assert (first.headers.get("tracestate"), first.headers.get("x-other")) == ("k=v", "y")
    assert not asked
    assert len({one.trace for one in receiver.spans}) == 2


@pytest.mark.parametrize("flags", ["00", "01"])
async def test_the_client_s_decision_and_the_share_are_kept(receiver: Receiver, flags: str) -> None:
    node = await Node().start()
    never = {"JAEGER_SAMPLER_TYPE": "const", "JAEGER_SAMPLER_PARAM": "0", "JAEGER_TRACE_PROPAGATION_TYPE": "w3c"}
    async with executor(unit("c", node), _env(receiver, **never)) as client:
        await client.predict({}, traceparent=f"00-{TRACE}-{PARENT}-{flags}")
        await client.predict({})
    assert len(receiver.spans) == (2 if flags == "01" else 0)
    told = [(request.headers.get("traceparent") or "").split("-") for request in node.requests]
    assert told[0][1::2] == [TRACE, flags]
    assert int(told[1][3], 16) & 1 == 0, "not to be recorded"


async def test_without_tracing_the_client_s_fields_are_passed_on_as_they_are() -> None:
    node = await Node().start()
    async with executor(unit("c", node), {}) as client:
        await client.predict({}, traceparent=f"00-{TRACE}-{PARENT}-01", b3="x")
    assert node.requests[0].headers.get("traceparent") == f"00-{TRACE}-{PARENT}-01"
    assert node.requests[0].headers.get("b3") == "x"


async def test_a_collector_that_hangs_keeps_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    silent = await asyncio.start_server(lambda _reader, _writer: asyncio.Event().wait(), "127.0.0.1", 0)
    endpoint = f"http://127.0.0.1:{silent.sockets[0].getsockname()[1]}"
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
    monkeypatch.setattr("seldon_core.executor.app._SPANS_SECONDS", 0.05)
    node = await Node().start()
    async with asyncio.timeout(5), executor(unit("c", node), {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}) as client:
        assert (await client.predict({})).status == 200
    silent.close()


async def test_options_and_the_service_s_name() -> None:
    assert microservice_settings(["pkg.Model", "--tracing"], {}).tracing is not None
    assert microservice_settings(["pkg.Model"], {}).tracing is None
    made = microservice_settings(["pkg.Model"], {"TRACING": "1"}).tracing
    assert made is not None
    assert made.service == "Model"
    assert parse(["--sdep", "m", "--predictor", "p"], {}).tracing is None


async def test_an_executor_inside_the_server_has_spans_of_its_own(receiver: Receiver) -> None:
    told = {ARGUMENTS: "--sdep m --predictor p --http_port 0 --grpc_port 0", "ENGINE_PREDICTOR": encoded(unit("c", 1))}
    made = microservice_settings(["Echo"], _env(receiver, **told))
    async with serving(Echo, tracing=made.tracing, executor=made.executor) as model:
        inside = model.service.executor
        assert inside is not None
        client = Client(inside.server.port, inside.rpc_server.port)
        assert (await client.predict({"data": {"ndarray": [[1]]}}, b3=f"{TRACE}-{PARENT}-1")).status == 200
        await client.close()
    assert _chain(receiver.spans) == [
        ("executor", "server", "predictions"),
        ("executor", "client", "/predict"),
        ("Echo", "server", "Predict"),
    ]
    assert {one.trace for one in receiver.spans} == {TRACE}
