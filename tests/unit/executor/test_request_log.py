"""The request logger: what a collector gets, and what requests never notice."""

import asyncio
import base64
import gzip
import json
import re
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from seldon_core.executor import collector as collectors
from seldon_core.executor import predictor
from seldon_core.executor.app import Executor
from seldon_core.executor.cloudevents import REQUEST, Event
from seldon_core.executor.message import Message
from seldon_core.executor.nodes import build
from seldon_core.executor.request_log import RequestLog
from seldon_core.executor.settings import Settings, SettingsError, parse
from seldon_core.proto import inference_pb2, prediction_pb2
from seldon_core.transport.client import HttpPool
from seldon_core.transport.rpc import RpcAnswer, RpcRequest
from seldon_core.transport.rpc_client import RpcPool
from seldon_core.transport.rpc_server import RpcServer
from seldon_core.transport.server import HttpServer, Request, Response
from tests.unit.executor.stand import Client, Node, RpcNode, encoded, rpc_unit, settings, unit
from tests.unit.executor.test_main import free_port, program, until_ready

pytestmark = pytest.mark.asyncio


class Bin:
    """A collector on loopback: keeps what it gets."""

    def __init__(self, answer: Callable[[Request], Awaitable[Response]] | None = None) -> None:
        self.events: list[Request] = []
        self._more = asyncio.Event()
        self._answer = answer
        self.server = HttpServer(self._take, name="bin")

    async def _take(self, request: Request) -> Response:
        self.events.append(request)
        self._more.set()
        return Response(202) if self._answer is None else await self._answer(request)

    async def start(self) -> "Bin":
        await self.server.start("127.0.0.1", 0)
        return self

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}/in?a=b"

    async def wait(self, number: int) -> list[Request]:
        """The first events, once they are there."""
        async with asyncio.timeout(10):
            while len(self.events) < number:
                self._more.clear()
                await self._more.wait()
        return self.events

    def kinds(self) -> list[tuple[str | None, str | None]]:
        """Type and unit of all events."""
        prefix = "io.seldon.serving."
        return sorted(
            ((e.headers.get("ce-type") or "").removeprefix(prefix), e.headers.get("ce-modelid")) for e in self.events
        )


@asynccontextmanager
async def logging_executor(made: Settings) -> AsyncIterator[Client]:
    """Stopped, and with it its log emptied, before the block's end is over."""
    one = Executor(made, annotations_file=Path("/nonexistent"))
    await one.start("127.0.0.1")
    client = Client(one.server.port, one.rpc_server.port)
    try:
        yield client
    finally:
        await client.close()
        await asyncio.wait_for(one.stop(), 20)


def fields(request: Request) -> dict[str, str]:
    return {name.decode().lower(): value.decode() for name, value in request.headers.raw}


async def test_request_and_answer_of_a_unit_reach_the_collector_with_v1_17_1_s_attributes() -> None:
    node, collector = await Node(lambda _: Response(200, b'{"strData":"<b>"}')).start(), await Bin().start()
    graph = unit("c", node, logger={"mode": "all", "url": collector.url})
    async with logging_executor(settings(graph, "--hostname", "pod-1", "--http_port", "0")) as client:
        assert (await client.predict({"strData": "x"}, Seldon_Puid="id-1")).status == 200
        await collector.wait(2)
    by_type = {event.headers.get("ce-type"): event for event in collector.events}
    asked = by_type["io.seldon.serving.inference.request"]
    answered = by_type["io.seldon.serving.inference.response"]
    assert (asked.method, asked.path, asked.query) == ("POST", "/in", b"a=b")
    assert (asked.body, answered.body) == (b'{"strData": "x"}', b'{"strData":"<b>"}')
    got = fields(asked)
    assert got.pop("ce-id") != fields(answered)["ce-id"]
    assert got.pop("ce-time").endswith("Z")
    got.pop("host")
    assert got == {
        "ce-specversion": "1.0",
        "ce-type": "io.seldon.serving.inference.request",
        "ce-source": "http://pod-1:0/",
        "ce-modelid": "c",
        "ce-requestid": "id-1",
        "ce-inferenceservicename": "m",
        "ce-namespace": "ns",
        "ce-endpoint": "p",
        "ce-protocol": "seldon",
        "content-type": "application/json",
        "content-length": "16",
    }


@pytest.mark.parametrize(
    ("mode", "kinds"),
    [
        ("request", [("inference.request", "c")]),
        ("response", [("feedback", "c"), ("inference.response", "c")]),
        ("all", [("feedback", "c"), ("inference.request", "c"), ("inference.response", "c")]),
    ],
)
async def test_modes(mode: str, kinds: list[Any]) -> None:
    node, collector = await Node().start(), await Bin().start()
    graph = unit("c", node, logger={"mode": mode, "url": collector.url})
    async with logging_executor(settings(graph)) as client:
        await client.predict({"strData": "x"})
        for field in ("true", "on", "1", "True"):
            await client.predict({"strData": "unseen"}, Seldon_Skip_Logging=field)
        await client.ask("POST", "/api/v1.0/feedback", b'{"reward":1}')
    assert collector.kinds() == kinds


async def test_the_default_endpoint_and_units_of_a_graph_each_with_what_they_see() -> None:
    one, other = await Bin().start(), await Bin().start()
    n = {name: await Node(lambda _, name=name: Response(200, name.encode())).start() for name in "ab"}
    graph = unit("a", n["a"], "MODEL", unit("b", n["b"], logger={"mode": "all"}))
    graph["logger"] = {"mode": "response", "url": one.url}
    async with logging_executor(settings(graph, env={"REQUEST_LOGGER_DEFAULT_ENDPOINT": other.url})) as client:
        assert (await client.predict({})).body == b"b"
    assert [event.body for event in one.events] == [b"b"]
    assert sorted(event.body for event in other.events) == [b"a", b"b"]


async def test_an_error_is_no_answer_to_log() -> None:
    node, collector = await Node(lambda _: Response(400, b"no")).start(), await Bin().start()
    async with logging_executor(settings(unit("c", node, logger={"mode": "all", "url": collector.url}))) as client:
        assert (await client.predict({})).status == 400
    assert collector.kinds() == [("inference.request", "c")]


async def test_compressed_payloads_arrive_unpacked() -> None:
    body = b'{"strData":"' + b"x" * 600_000 + b'"}'
    packed = gzip.compress(body, 0)
    node = await Node(lambda _: Response(200, packed, headers=(("Content-Encoding", "gzip"),))).start()
    collector = await Bin().start()
    async with logging_executor(settings(unit("c", node, logger={"mode": "response", "url": collector.url}))) as client:
        assert (await client.predict({}, Accept_Encoding="gzip")).body == packed
    assert [event.body for event in collector.events] == [body]
    assert collector.events[0].headers.get("content-encoding") is None


async def test_grpc_payloads_are_protobuf() -> None:
    node, collector = await RpcNode("m").start(), await Bin().start()
    graph = rpc_unit("c", node, logger={"mode": "all", "url": collector.url})
    async with logging_executor(settings(graph)) as client:
        await client.rpc_text("x", metadata=(("seldon-puid", "id-2"),))
        await client.rpc_text("unseen", metadata=(("seldon-skip-logging", "true"),))
        await client.rpc("SendFeedback", prediction_pb2.Feedback(reward=2))
    assert collector.kinds() == [("feedback", "c"), ("inference.request", "c"), ("inference.response", "c")]
    by_type = {event.headers.get("ce-type"): event for event in collector.events}
    asked = by_type["io.seldon.serving.inference.request"]
    assert prediction_pb2.SeldonMessage.FromString(asked.body).strData == "x"
    assert (asked.headers.get("content-type"), asked.headers.get("ce-requestid")) == ("application/protobuf", "id-2")
    await RpcNode.end_all()


@pytest.mark.parametrize(
    ("protocol", "path", "named"),
    [("v2", "/v2/models/c/infer", "v2"), ("kfserving", "/v2/models/c/infer", "kfserving"),
     ("tensorflow", "/v1/models/c:predict", "tensorflow")],
)  # fmt: skip
async def test_other_protocols_over_rest(protocol: str, path: str, named: str) -> None:
    node, collector = await Node(lambda _: Response(200, b"{}")).start(), await Bin().start()
    graph = unit("c", node, logger={"mode": "all", "url": collector.url})
    async with logging_executor(settings(graph, "--protocol", protocol)) as client:
        more = {"Inference_Header_Content_Length": "2"} if named == "v2" else {}
        assert (await client.ask("POST", path, b"{}bin", **more)).status == 200
    assert collector.kinds() == [("inference.request", "c"), ("inference.response", "c")]
    assert {event.headers.get("ce-protocol") for event in collector.events} == {named}
    lengths = {event.body: event.headers.get("inference-header-content-length") for event in collector.events}
    assert lengths == {b"{}bin": "2" if named == "v2" else None, b"{}": None}


@pytest.mark.parametrize(
    ("protocol", "method"),
    [
        ("v2", "/inference.GRPCInferenceService/ModelInfer"),
        ("tensorflow", "/tensorflow.serving.PredictionService/Predict"),
    ],
)
async def test_other_protocols_over_grpc(protocol: str, method: str) -> None:
    async def answer(request: RpcRequest) -> RpcAnswer:
        return RpcAnswer(request.body)

    async def ready() -> bool:
        return True

    server = RpcServer({method: answer}, ready=ready, name="node")
    await server.start("127.0.0.1", 0)
    collector = await Bin().start()
    graph = rpc_unit("c", server.port, logger={"mode": "all", "url": collector.url})
    body = inference_pb2.ModelInferRequest(model_name="c").SerializeToString()
    pool = RpcPool()
    async with logging_executor(settings(graph, "--protocol", protocol)) as client:
        assert await pool.call("127.0.0.1", client.grpc_port, method, body) == body
    await pool.close()
    await server.drain(0)
    assert [event.body for event in collector.events] == [body, body]


async def test_a_collector_that_hangs_fails_or_is_away_costs_requests_nothing() -> None:
    """Its events are counted, and the log is one line a change."""
    hanging = asyncio.Event()

    async def hang(_: Request) -> Response:
        await hanging.wait()
        return Response(500)

    node, collector = await Node().start(), await Bin(hang).start()
    logger = {"mode": "request", "url": collector.url}
    flags = ("--logger_workers", "2", "--log_work_buffer_size", "3", "--log_write_timeout_ms", "0")
    async with logging_executor(settings(unit("c", node, logger=logger), *flags)) as client:
        for _ in range(20):
            assert (await client.predict({})).status == 200
        await collector.wait(2)
        counts = await _counts(client)
        assert counts["sent"] == counts["failed"] == 0
        assert 13 <= counts["dropped"] <= 15  # two are being sent, three wait, one may have no room but time left
        hanging.set()
    assert 5 <= len(collector.events) <= 7


async def _counts(client: Client) -> dict[str, float]:
    text = (await client.ask("GET", "/metrics")).body.decode()
    found = {}
    for labels, value in re.findall(r"seldon_api_executor_request_logger_events_total\{(.*)\} (\S+)", text):
        outcome = {'deployment_name="m"', 'predictor_name="p"'} ^ set(labels.split(","))
        assert len(outcome) == 1
        found[outcome.pop().removeprefix('outcome="').rstrip('"')] = float(value)
    return found


def _log(url: str, *flags: str, max_bytes: int = 1 << 20) -> RequestLog:
    made = settings(unit("c", 1, logger={"mode": "all", "url": url}), *flags)
    return RequestLog(build(predictor.decode(made.engine_predictor)), made, max_bytes=max_bytes)


def _event(url: str, body: bytes = b"x", encoding: str = "") -> Event:
    return Event(REQUEST, url, "c", "id", Message(body, content_encoding=encoding), 0.0)


async def test_at_the_end_what_waits_is_sent_and_what_a_deadline_cuts_off_is_counted() -> None:
    collector = await Bin().start()
    log = _log(collector.url, "--logger_workers", "3")
    for _ in range(200):
        log.put(_event(collector.url))
    await log.drain(10)
    assert (len(collector.events), log.counts) == (200, {"sent": 200, "failed": 0, "dropped": 0})

    async def hang(_: Request) -> Response:
        await asyncio.Event().wait()
        return Response(200)

    stuck = await Bin(hang).start()
    log = _log(stuck.url, "--logger_workers", "3")
    for _ in range(200):
        log.put(_event(stuck.url))
    await stuck.wait(3)
    await log.drain(0.01)
    assert log.counts == {"sent": 0, "failed": 0, "dropped": 200}


async def test_an_event_without_room_waits_its_time_and_memory_is_bounded() -> None:
    collector = await Bin().start()
    log = _log(collector.url, "--log_work_buffer_size", "1", "--log_write_timeout_ms", "60000")
    for _ in range(50):
        log.put(_event(collector.url))
    await log.drain(10)
    assert log.counts == {"sent": 50, "failed": 0, "dropped": 0}
    log = _log(collector.url, max_bytes=10_000)
    for _ in range(5):
        log.put(_event(collector.url, b"x" * 4_000))
    await log.drain(10)
    assert log.counts == {"sent": 1, "failed": 0, "dropped": 4}
    log = _log(collector.url, max_bytes=10_000)
    log.put(_event(collector.url, b"x" * 20_000))  # alone, it may be as large as requests may be
    await log.drain(10)
    assert log.counts["sent"] == 1


@pytest.mark.parametrize(
    ("body", "encoding", "says"),
    [
        (b"no", "gzip", "is not"),
        (gzip.compress(b"x" * 99, mtime=0)[:20], "gzip", "cut off"),
        (b"x", "br", "encoded as br"),
    ],
)
async def test_what_cannot_be_unpacked_is_counted_as_failed(
    body: bytes, encoding: str, says: str, caplog: pytest.LogCaptureFixture
) -> None:
    collector = await Bin().start()
    log = _log(collector.url)
    for _ in range(3):
        log.put(_event(collector.url, body, encoding))
    await log.drain(10)
    assert (collector.events, log.counts["failed"]) == ([], 3)
    reasons = [record.__dict__["reason"] for record in caplog.records if hasattr(record, "reason")]
    assert len(reasons) == 1, "the same trouble is told once"
    assert says in reasons[0]


async def test_a_password_in_the_url_is_sent_and_never_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def refuse(_: Request) -> Response:
        return Response(403)

    collector = await Bin(refuse).start()
    url = collector.url.replace("http://", "http://me:s%40cret@")
    log = _log(url)
    log.put(_event(url))
    await log.drain(10)
    assert collector.events[0].headers.get("authorization") == f"Basic {base64.b64encode(b'me:s@cret').decode()}"
    text = " ".join(json.dumps(record.__dict__, default=str) for record in caplog.records)
    assert "it answered 403" in text
    assert "cret" not in text


@pytest.mark.parametrize(
    ("logger", "env", "says"),
    [
        ({"mode": "some"}, {}, "logger.mode 'some'; use all, request or response"),
        ({"url": "http://h"}, {}, "logger.mode ''"),
        ({"mode": "all", "url": "ftp://h"}, {}, "unit c: logger.url is no URL of http"),
        ({"mode": "all", "url": "http://h:x"}, {}, "unit c: logger.url "),
        ({"mode": "all", "url": "http://h/a b"}, {}, "has a space"),
        ({"mode": "all"}, {"REQUEST_LOGGER_DEFAULT_ENDPOINT": "broker"}, "REQUEST_LOGGER_DEFAULT_ENDPOINT"),
        ({"mode": "all"}, {"LOGGER_KAFKA_BROKER": "k:9092"}, "LOGGER_KAFKA_BROKER is set"),
    ],
)
async def test_loggers_that_cannot_work_are_refused_at_start(
    logger: dict[str, str], env: dict[str, str], says: str
) -> None:
    made = settings(unit("c", 9000, logger=logger), env=env)
    with pytest.raises(predictor.PredictorError) as caught:
        Executor(made)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_settings() -> None:
    flags = ["--sdep", "m", "--predictor", "p"]
    made = parse(flags, {"POD_NAME": "pod-7", "REQUEST_LOGGER_DEFAULT_ENDPOINT": ""})
    assert (made.hostname, made.log_endpoint) == ("pod-7", "http://default-broker")
    assert (made.log_workers, made.log_queue_size, made.log_wait) == (10, 10_000, 2.0)
    with pytest.raises(SettingsError, match="--logger_workers: 0 is too small; use 1 or more"):
        parse([*flags, "--logger_workers", "0"], {})
    graph = encoded(unit("c", 9000, logger={"mode": "all"}))
    made = parse([*flags, "--log_kafka_broker", "k:9092", "--log_kafka_topic", "t"], {"ENGINE_PREDICTOR": graph})
    with pytest.raises(predictor.PredictorError):
        Executor(made)


async def test_ports_and_paths_of_collectors() -> None:
    found = [collectors.collector(url) for url in ("http://default-broker", "https://h/p?q", "http://[::1]:81")]
    assert [(one.host, one.port, one.path, one.tls) for one in found] == [
        ("default-broker", 80, "/", False),
        ("h", 443, "/p?q", True),
        ("::1", 81, "/", False),
    ]


async def test_the_program_ends_when_all_events_are_sent() -> None:
    """SIGTERM while the collector takes nothing yet: the events that wait are sent, and then the program ends."""
    taking = asyncio.Event()

    async def take(_: Request) -> Response:
        await taking.wait()
        return Response(200)

    node, collector = await Node().start(), await Bin(take).start()
    graph = unit("c", node, logger={"mode": "all", "url": collector.url})
    port = free_port()
    process = await program("--http_port", str(port), "--shutdown_delay", "0", predictor=encoded(graph))
    pool = HttpPool()
    await until_ready(pool, port)
    for _ in range(50):
        assert (await pool.request("127.0.0.1", port, "POST", "/api/v1.0/predictions", body=b"{}")).status == 200
    process.send_signal(signal.SIGTERM)
    assert process.stderr is not None
    while b"stopping" not in await process.stderr.readline():
        pass
    assert len(collector.events) <= 10, "as many as there are workers"
    taking.set()
    assert await asyncio.wait_for(process.wait(), 10) == 0
    assert len(collector.events) == 100
