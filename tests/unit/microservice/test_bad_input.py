"""Bad input, sent as bytes to running servers: the microservice, and executors in front of it, in both protocols.

Each row is asked between two good requests of other clients. What one protocol's server answers has that protocol's
shape of errors, and nothing is left behind: no connection, no task, no open file, no memory that is held for a body.
"""
# ruff: noqa: ARG002, N803 - users' classes have the signatures that they are called with

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Self

import msgspec
import numpy as np
import pytest

from seldon_core.proto import inference_pb2, prediction_pb2
from seldon_core.transport.rpc import RpcError, Status
from seldon_core.transport.rpc_client import RpcPool
from tests.unit.executor.stand import executor, rpc_unit
from tests.unit.executor.stand import settings as executor_settings
from tests.unit.microservice.stand import serving
from tests.unit.transport.raw import Answer, RawClient

pytestmark = pytest.mark.asyncio


class Moody:
    """Does what the first number says."""

    def predict(self, X: Any, names: Any, meta: Any = None) -> Any:
        first = X.ravel()[0] if isinstance(X, np.ndarray) and X.size and X.dtype.kind in "iuf" else 0
        if first == 91:
            raise ValueError("boom")
        if first == 92:
            raise SystemExit(3)
        answers = {
            93: None,
            94: object(),
            95: [[1, 2], [3]],
            96: np.array([[np.nan, np.inf]]),
            97: [object()],
            98: np.zeros((1, 0)),
        }
        return answers.get(int(first), X) if np.isfinite(first) else X


class System(msgspec.Struct, frozen=True):
    """One server and one protocol of its: where predictions are, what is good, how an error looks."""

    port: int
    path: str
    good: bytes
    shape: Callable[[int, Any], bool]
    transport_shape: Callable[[int, Any], bool]


def of_executor(status: int, document: Any) -> bool:
    """Of what the executor itself refuses."""
    return bool(document.get("status", {}).get("code") == status and document["status"]["status"] == "FAILURE")


def of_microservice(_: int, document: Any) -> bool:
    return set(document.get("status", ())) == {"code", "info", "reason", "status"} and document["status"]["code"] == -1


def of_v2(_: int, document: Any) -> bool:
    return bool(document.get("error"))


SELDON = b'{"data":{"ndarray":[[1]]}}'
V2 = b'{"inputs":[{"name":"x","shape":[1,1],"datatype":"FP64","data":[1]}]}'
V2_PATH = "/v2/models/classifier/infer"
NAMES = ("microservice", "microservice v2", "executor", "executor v2")


@asynccontextmanager
async def systems(annotations: Path = Path("/nonexistent")) -> AsyncIterator[dict[str, System]]:
    async with serving(Moody) as node:
        endpoint = {"service_host": "127.0.0.1", "httpPort": node.port, "service_port": node.port}
        graph = {"name": "classifier", "type": "MODEL", "endpoint": endpoint}
        seldon, v2 = executor_settings(graph), executor_settings(graph, "--protocol", "v2")
        async with executor(seldon, annotations) as first, executor(v2, annotations) as second:
            yield {
                "microservice": System(node.port, "/predict", SELDON, of_microservice, of_microservice),
                "microservice v2": System(node.port, V2_PATH, V2, of_v2, of_v2),
                "executor": System(first.port, "/api/v1.0/predictions", SELDON, of_microservice, of_executor),
                "executor v2": System(second.port, V2_PATH, V2, of_v2, of_executor),
            }


def request(path: str, body: bytes, *fields: str, method: str = "POST", length: int | None = None) -> bytes:
    head = [f"{method} {path} HTTP/1.1", "Host: x", *fields]
    if length != -1:
        head.append(f"Content-Length: {len(body) if length is None else length}")
    return "\r\n".join([*head, "", ""]).encode() + body


async def asked(port: int, data: bytes) -> Answer:
    client = await RawClient.to(port)
    client.writer.write(data)
    answer = await client.answer()
    await client.close()
    return answer


class Unharmed:
    """Everything that a bad request could leave behind or disturb."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._other: RawClient | None = None
        self._tasks = 0
        self._files: dict[str, str] = {}

    async def __aenter__(self) -> Self:
        self._other = await RawClient.to(self._system.port)
        good = request(self._system.path, self._system.good)
        await asyncio.gather(*(asked(self._system.port, good) for _ in range(8)))  # makes the servers' own connections
        await self.check()
        self._tasks, self._files = len(asyncio.all_tasks()), files()
        return self

    async def check(self) -> None:
        assert self._other is not None
        await self._other.send(request(self._system.path, self._system.good, "Content-Type: application/json"))
        answer = await self._other.answer()
        assert answer.status == 200, answer.body

    async def __aexit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            return
        await self.check()
        try:
            async with asyncio.timeout(3):
                while len(asyncio.all_tasks()) > self._tasks or len(files()) > len(self._files):  # noqa: ASYNC110 - as in stand.until
                    await asyncio.sleep(0.001)
        except TimeoutError:
            left = files().items() - self._files.items()
            pytest.fail(f"left behind: {left}, {len(asyncio.all_tasks()) - self._tasks} tasks")
        assert self._other is not None
        await self._other.close()


def files() -> dict[str, str]:
    """This process's open files."""
    found = {}
    for one in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the listing's own
            found[one.name] = str(one.readlink())
    return found


# What no server reads as HTTP, or not to its end: refused by the transport, and the connection ends.
HTTP: list[tuple[str, Callable[[str, bytes], bytes], int]] = [
    ("no HTTP", lambda *_: b"hello\r\n\r\n", 400),
    ("TLS", lambda *_: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    ("HTTP/2", lambda *_: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    ("no Host", lambda path, body: request(path, body).replace(b"Host: x\r\n", b""), 400),
    ("length twice", lambda path, body: request(path, body, f"Content-Length: {len(body)}"), 400),
    ("two lengths", lambda path, body: request(path, body, "Content-Length: 3"), 400),
    ("length and chunks", lambda path, body: request(path, body, "Transfer-Encoding: chunked"), 400),
    ("negative length", lambda path, body: request(path, body, length=-5), 400),
    ("length in letters", lambda path, body: request(path, body, "Content-Length: many", length=-1), 400),
    ("chunk of no size", lambda path, _: request(path, b"zz\r\n", "Transfer-Encoding: chunked", length=-1), 400),
    ("line folded", lambda path, body: request(path, body, "X: a\r\n b: c\r\n\x00"), 400),
    ("101 header fields", lambda path, body: request(path, body, *(f"X{n}: y" for n in range(101))), 431),
    ("a header of 70 KB", lambda path, body: request(path, body, "X: " + "y" * 70_000), 431),
    ("a path of 70 KB", lambda path, body: request(path + "?" + "y" * 70_000, body), 431),
    ("100 MB", lambda path, _: request(path, b"", length=100_000_000), 413),
    ("100 MB asked for", lambda path, _: request(path, b"", "Expect: 100-continue", length=100_000_000), 413),
    ("CONNECT", lambda *_: b"CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n", 405),
]


@pytest.mark.parametrize("name", NAMES)
async def test_what_is_no_request_is_refused_and_ends_its_connection_alone(name: str) -> None:
    wrong = {}
    async with systems() as running, Unharmed(running[name]) as others:
        system = running[name]
        for row, build, status in HTTP:
            client = await RawClient.to(system.port)
            client.writer.write(request(system.path, system.good) + build(system.path, system.good))
            before, answer = await client.answer(), await client.answer()
            fits = answer.headers["connection"] == "close" and system.transport_shape(status, json.loads(answer.body))
            if (before.status, answer.status, fits) != (200, status, True) or await client.ended() != b"":
                wrong[row] = answer
            await client.close()
            await others.check()
    assert wrong == {}


# What is HTTP and no request for a prediction: body, status, and a piece of the text.
JSON_TYPE = "Content-Type: application/json"
PAYLOADS: list[tuple[str, bytes, int, str]] = [
    ("nothing", b"", 400, "Can't find JSON"),
    ("half a document", b'{"data":{"ndarray":[[1', 400, "Can't find JSON in data: "),
    ("no UTF-8", b'{"strData":"\xff\xfe"}', 400, "UTF-8"),
    ("another encoding", '{"strData":"a"}'.encode("utf-16"), 400, "Can't find JSON"),
    ("two documents", SELDON + SELDON, 400, "unexpected content after document"),
    ("too deep", b'{"data":{"ndarray":' + b"[" * 5000 + b"]" * 5000 + b"}}", 400, "depth"),
    ("deep with NaN", b'{"data":{"ndarray":' + b"[" * 5000 + b"NaN" + b"]" * 5000 + b"}}", 400, "Can't find JSON"),
    ("deeper than arrays go", b'{"data":{"ndarray":' + b"[" * 100 + b"]" * 100 + b"}}", 400, "data.ndarray"),
    ("a list", b"[]", 400, "Invalid request data type"),
    ("null", b"null", 400, "Invalid request data type"),
    ("a number", b"5", 400, "Invalid request data type"),
    ("no data", b"{}", 400, "Invalid request data type"),
    ("data of no kind", b'{"data":{"names":["a"]}}', 400, "data must have ndarray or tensor"),
    ("data that is null", b'{"data":null}', 400, "Invalid request data type"),
    ("ragged", b'{"data":{"ndarray":[[1,2],[3]]}}', 400, "ragged"),
    ("a number beyond double", b'{"data":{"ndarray":[[1e999]]}}', 400, "infinity"),
    ("an integer of 1000 digits", b'{"data":{"ndarray":[[' + b"9" * 1000 + b"]]}}", 400, "infinity"),
    ("a shape that does not fit", b'{"data":{"tensor":{"shape":[2,2],"values":[1]}}}', 400, "needs 4"),
    (
        "a shape of no end",
        b'{"data":{"tensor":{"shape":[1000000000000000000000000000000,0],"values":[]}}}',
        400,
        "data.tensor",
    ),
    ("no base64", b'{"binData":"%%%"}', 400, "base64"),
    ("names that are none", b'{"data":{"names":5,"ndarray":[[1]]}}', 400, "data.names"),
    ("meta that is none", b'{"meta":5,"data":{"ndarray":[[1]]}}', 400, "meta must be an object"),
    ("puid that is none", b'{"meta":{"puid":{"a":1}},"data":{"ndarray":[[1]]}}', 200, ""),
    ("NaN", b'{"data":{"ndarray":[[NaN,Infinity]]}}', 200, "[[null,null]]"),
    ("an integer beyond 64 bits", b'{"data":{"ndarray":[[99999999999999999999]]}}', 200, "[[1e+20]]"),
    ("text for a number", b'{"data":{"ndarray":[["a",1]]}}', 200, '[["a","1"]]'),
    ("a model that raises", b'{"data":{"ndarray":[[91]]}}', 500, "boom"),
    ("a model that exits", b'{"data":{"ndarray":[[92]]}}', 500, "SystemExit left the component's code: 3"),
    ("a model that answers None", b'{"data":{"ndarray":[[93]]}}', 400, "Unknown data type returned as payload"),
    ("a model that answers an object", b'{"data":{"ndarray":[[94]]}}', 400, "Unknown data type returned as payload"),
    ("a model that answers a ragged list", b'{"data":{"ndarray":[[95]]}}', 200, "[[1,2],[3]]"),
    ("a model that answers NaN", b'{"data":{"ndarray":[[96]]}}', 200, "[[null,null]]"),
    ("a model that answers objects", b'{"data":{"ndarray":[[97]]}}', 500, "has no JSON form"),
    ("a model that answers no column", b'{"data":{"ndarray":[[98]]}}', 200, "[[]]"),
]


def infer(**more: Any) -> bytes:
    return json.dumps({"inputs": [{"name": "x", "shape": [1, 1], "datatype": "FP64", "data": [1]} | more]}).encode()


V2_PAYLOADS: list[tuple[str, bytes, int, str]] = [
    ("nothing", b"", 400, "JSON"),
    ("half a document", b'{"inputs":[', 400, "JSON"),
    ("no UTF-8", b'{"inputs":"\xff"}', 400, "JSON"),
    ("a list", b"[]", 400, ""),
    ("null", b"null", 400, ""),
    ("no inputs", b"{}", 400, "inputs"),
    ("inputs that are none", b'{"inputs":5}', 400, "inputs"),
    ("an input that is none", b'{"inputs":[5]}', 400, ""),
    ("no data", b'{"inputs":[{"name":"x","shape":[1],"datatype":"FP32"}]}', 400, "data"),
    ("ragged", infer(shape=[3], data=[[1, 2], [3]]), 400, "x"),
    ("an unknown datatype", infer(datatype="FP128"), 400, "FP128"),
    ("a negative shape", infer(shape=[-1]), 400, "sizes"),
    ("a huge shape", infer(shape=[10**12, 10**12]), 400, "needs"),
    ("a shape of no end", infer(shape=[10**30, 0], data=[]), 400, "x"),
    ("a number beyond double", b'{"inputs":[{"name":"x","shape":[1],"datatype":"FP64","data":[1e999]}]}', 400, ""),
    ("a number beyond its type", infer(datatype="INT8", data=[300]), 400, "INT8"),
    ("NaN", b'{"inputs":[{"name":"x","shape":[1,1],"datatype":"FP64","data":[NaN]}]}', 200, "[null]"),
    ("a model that raises", infer(data=[91]), 500, "boom"),
    ("a model that exits", infer(data=[92]), 500, "SystemExit"),
    ("a model that answers None", infer(data=[93]), 400, "Unknown data type"),
    ("a model that answers a ragged list", infer(data=[95]), 400, "ragged"),
    ("a model that answers NaN", infer(data=[96]), 200, "[null,null]"),
    ("a model that answers no column", infer(data=[98]), 200, "[1,0]"),
]


@pytest.mark.parametrize("name", NAMES)
async def test_what_is_no_prediction_is_refused_in_the_protocol_s_shape(name: str) -> None:
    wrong = {}
    async with systems() as running, Unharmed(running[name]) as others:
        system = running[name]
        for row, body, status, says in V2_PAYLOADS if "v2" in name else PAYLOADS:
            answer = await asked(system.port, request(system.path, body, JSON_TYPE))
            fits = status == 200 or system.shape(status, json.loads(answer.body))
            if answer.status != status or not fits or says not in answer.body.decode():
                wrong[row] = answer
            await others.check()
    assert wrong == {}


PATHS = [
    ("microservice", "GET", "/nowhere", 404, "MICROSERVICE_NOT_FOUND"),
    ("microservice", "DELETE", "/predict", 405, "MICROSERVICE_BAD_METHOD"),
    ("microservice", "POST", "/../../etc/passwd", 404, "MICROSERVICE_NOT_FOUND"),
    ("microservice", "POST", "/predict/", 404, "MICROSERVICE_NOT_FOUND"),
    ("microservice v2", "POST", "/v2/nowhere", 404, '{"error":'),
    ("microservice v2", "POST", "/v2/models/other/infer", 404, '{"error":"Model other not found'),
    ("microservice v2", "GET", V2_PATH, 405, '{"error":'),
    ("executor", "POST", "/nowhere", 404, "404 page not found"),
    ("executor", "GET", "/api/v1.0/predictions", 405, ""),
    ("executor", "POST", "/%2e%2e/", 404, "404 page not found"),
    ("executor v2", "POST", "/api/v1.0/predictions", 404, "404 page not found"),
    ("executor v2", "PUT", V2_PATH, 405, ""),
]


async def test_unknown_paths_and_wrong_methods() -> None:
    wrong = {}
    async with systems() as running:
        for name, method, path, status, text in PATHS:
            answer = await asked(running[name].port, request(path, b"{}", method=method))
            if answer.status != status or text not in answer.body.decode():
                wrong[name, method, path] = answer
    assert wrong == {}


async def test_json_is_read_whatever_the_content_type_says() -> None:
    async with systems() as running:
        for system in running.values():
            for kind in ((), "text/plain", "application/x-www-form-urlencoded", "image/png"):
                fields = (f"Content-Type: {kind}",) if kind else ()
                assert (await asked(system.port, request(system.path, system.good, *fields))).status == 200


@pytest.mark.parametrize("name", NAMES)
async def test_slow_half_closed_vanishing_and_pipelining_clients(name: str) -> None:
    async with systems() as running, Unharmed(running[name]) as others:
        system = running[name]
        good = request(system.path, system.good, JSON_TYPE)
        bad = request(system.path, b"{", JSON_TYPE)

        by_the_byte = await RawClient.to(system.port)
        for byte in good:
            await by_the_byte.send(bytes((byte,)))
            await asyncio.sleep(0)
        assert (await by_the_byte.answer()).status == 200
        await by_the_byte.close()

        half = await RawClient.to(system.port)
        await half.send(good)
        half.writer.write_eof()
        assert (await half.answer()).status == 200
        assert await half.ended() == b""
        await half.close()

        cut = await RawClient.to(system.port)
        await cut.send(good[:-5])
        cut.writer.write_eof()
        assert await cut.ended() == b""
        await cut.close()

        gone = await RawClient.to(system.port)
        await gone.send(good)
        gone.writer.transport.abort()

        pipelined = await RawClient.to(system.port)
        await pipelined.send(good + bad + good + good + request("/nowhere", b"") + good)
        statuses = [(await pipelined.answer()).status for _ in range(6)]
        assert statuses == [200, 400, 200, 200, 404, 200]
        await pipelined.close()
        await others.check()


@pytest.mark.parametrize("child", [-3, 1, 2**70])
async def test_a_router_that_answers_out_of_range_is_an_error_of_its_own_request(child: int) -> None:
    class Router:
        def route(self, X: Any, names: Any) -> int:
            return child

        def predict(self, X: Any, names: Any) -> Any:
            return X

    async with serving(Router) as node:
        endpoint = {"service_host": "127.0.0.1", "httpPort": node.port, "service_port": node.port}
        leaf = {"name": "classifier", "type": "MODEL", "endpoint": endpoint}
        graph = {"name": "r", "type": "ROUTER", "endpoint": endpoint, "children": [leaf]}
        async with executor(executor_settings(graph)) as client:
            answer = await client.predict(json.loads(SELDON))
            assert (answer.status, of_executor(500, json.loads(answer.body))) == (500, True)
            assert (await client.ask("GET", "/ready")).status == 200


async def test_a_model_that_hangs_costs_its_own_request_and_no_health_check(tmp_path: Path) -> None:
    """The executor's time-out is the pod's annotation; the model's thread is given back when the model comes back."""
    release = threading.Event()

    class Hangs:
        def predict(self, X: Any, names: Any) -> Any:
            if X.ravel()[0] == 1:
                release.wait()
            return X

    annotations = tmp_path / "annotations"
    annotations.write_text('seldon.io/rest-timeout="100"\n')
    async with serving(Hangs, threads=2) as node:
        endpoint = {"service_host": "127.0.0.1", "httpPort": node.port, "service_port": node.port}
        graph = {"name": "classifier", "type": "MODEL", "endpoint": endpoint}
        async with executor(executor_settings(graph), annotations) as client:
            hung = asyncio.ensure_future(client.predict(json.loads(SELDON)))
            other = await client.predict({"data": {"ndarray": [[2]]}})
            assert other.status == 200
            assert (await client.ask("GET", "/ready")).status == 200
            answer = await hung
            assert (answer.status, b"Client.Timeout exceeded" in answer.body) == (500, True)
            release.set()
            assert (await client.predict(json.loads(SELDON))).status == 200


def tensor(*shape: int) -> bytes:
    message = prediction_pb2.SeldonMessage()
    message.data.tensor.shape.extend(shape)
    message.data.tensor.values.append(1)
    return message.SerializeToString()


def infer_call(raw: bytes = b"", **more: Any) -> bytes:
    call = inference_pb2.ModelInferRequest(model_name="classifier")
    call.inputs.add(**{"name": "x", "shape": [1, 1], "datatype": "FP64"} | more)
    if raw:
        call.raw_input_contents.append(raw)
    return call.SerializeToString()


ONE = np.float64(1).tobytes()
# Method, body, and status; the text of what is refused is in the tests of each API.
CALLS: list[tuple[str, str, bytes, Status]] = [
    ("no method", "/seldon.protos.Seldon/Nope", b"", Status.UNIMPLEMENTED),
    ("no service", "/nope.Nope/Nope", b"", Status.UNIMPLEMENTED),
    ("no message", "/seldon.protos.Seldon/Predict", b"\xff\xff", Status.INVALID_ARGUMENT),
    ("an empty message", "/seldon.protos.Seldon/Predict", b"", Status.UNKNOWN),
    ("a shape that does not fit", "/seldon.protos.Seldon/Predict", tensor(2, 2), Status.UNKNOWN),
    ("a negative shape", "/seldon.protos.Seldon/Predict", tensor(-1, -1), Status.UNKNOWN),
    ("a huge shape", "/seldon.protos.Seldon/Predict", tensor(2**30, 2**30), Status.UNKNOWN),
    ("more than 4 MB", "/seldon.protos.Seldon/Predict", tensor(*[1] * 5_000_000), Status.RESOURCE_EXHAUSTED),
]
INFER_CALLS: list[tuple[str, str, bytes, Status]] = [
    ("no message", "/inference.GRPCInferenceService/ModelInfer", b"\xff\xff", Status.INVALID_ARGUMENT),
    (
        "another model",
        "/inference.GRPCInferenceService/ModelInfer",
        inference_pb2.ModelInferRequest(model_name="other").SerializeToString(),
        Status.NOT_FOUND,
    ),
    (
        "a shape that does not fit",
        "/inference.GRPCInferenceService/ModelInfer",
        infer_call(ONE, shape=[2]),
        Status.INVALID_ARGUMENT,
    ),
    ("half a number", "/inference.GRPCInferenceService/ModelInfer", infer_call(ONE[:5]), Status.INVALID_ARGUMENT),
    (
        "no datatype",
        "/inference.GRPCInferenceService/ModelInfer",
        infer_call(ONE, datatype="FP1"),
        Status.INVALID_ARGUMENT,
    ),
    ("no contents", "/inference.GRPCInferenceService/ModelInfer", infer_call(), Status.INVALID_ARGUMENT),
]


@pytest.mark.parametrize("name", ["microservice", "executor", "executor v2"])
async def test_calls_that_cannot_be_answered_have_a_status_and_harm_no_other(name: str) -> None:
    wrong = {}
    pool = RpcPool()
    async with serving(Moody) as node:
        graph = rpc_unit("classifier", node.grpc_port)
        flags = ("--protocol", "v2") if name == "executor v2" else ()
        async with executor(executor_settings(graph, *flags)) as client:
            port = node.grpc_port if name == "microservice" else client.grpc_port
            rows = {"microservice": CALLS + INFER_CALLS, "executor": CALLS, "executor v2": INFER_CALLS}[name]
            good = rows[-1][1]
            body = infer_call(ONE) if good.endswith("ModelInfer") else tensor(1, 1)
            for row, method, sent, status in rows:
                try:
                    wrong[row] = await pool.call("127.0.0.1", port, method, sent, timeout=5)
                except RpcError as error:
                    if error.status is not status or not error.text:
                        wrong[row] = error
                await pool.call("127.0.0.1", port, good, body, timeout=5)
            # Another protocol on this port: the connection ends, and no call with it.
            for data in (
                request("/predict", SELDON),
                b"\x16\x03\x01\x02\x00\x01",
                b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nnonsense" * 10,
            ):
                stranger = await RawClient.to(port)
                await stranger.send(data)
                await stranger.ended()
                await stranger.close()
                await pool.call("127.0.0.1", port, good, body, timeout=5)
            await pool.close()
    assert wrong == {}
