"""The executor's REST API, first by replaying what was recorded of v1.17.1."""

import asyncio
import gzip
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from seldon_core.transport.client import ClientResponse
from seldon_core.transport.server import Request, Response
from tests.unit.executor.stand import TRANSCRIPTS, Client, Node, decoded, executor, settings, unit

pytestmark = pytest.mark.asyncio

PREDICTION = b'{"data": {"names": ["t:0"], "ndarray": [[9000]]}, "meta": {}}'
STATUS = b'{"data":{"names":[],"tensor":{"shape":[0],"values":[]}},"meta":{}}'
METADATA = (
    b'{"name": "n9000", "platform": "pl", "versions": ["v1"], "inputs": [{"messagetype": "tensor", "schema": {"shape": '
    b'[1]}}], "outputs": [{"messagetype": "tensor"}], "custom": {"a": "b"}}'
)
BAD = b'{"status":{"status":1,"info":"bad","code":-1,"reason":"MICROSERVICE_BAD_DATA"}}'


class RecordedNode:
    """The node of the recording: a raw server, because it must be able to hang up."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []
        self._server: asyncio.Server | None = None

    async def start(self) -> int:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    def stop(self) -> None:
        assert self._server is not None
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._exchange(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        method, path, _ = lines[0].split()
        fields = dict(line.split(": ", 1) for line in lines[1:] if line)
        lower = {name.lower(): value for name, value in fields.items()}
        body = await reader.readexactly(int(lower.get("content-length", "0")))
        self.seen.append((method, path, lower, body))
        status, answer = self._answer(path, body)
        if status == 0:
            return False
        head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(answer)}\r\n\r\n"
        writer.write(head.encode() + answer)
        await writer.drain()
        return True

    def _answer(self, path: str, body: bytes) -> tuple[int, bytes]:
        by_path = {"/health/status": (200, STATUS), "/metadata": (200, METADATA), "/send-feedback": (200, body)}
        by_body = {
            b'{"strData":"html"}': (200, b'{"strData": "<div a=\'b\'>&</div>"}'),
            b'{"strData":"fail400"}': (400, BAD),
            b'{"strData":"fail500empty"}': (500, b""),
            b'{"strData":"die"}': (0, b""),
        }
        return by_path.get(path) or by_body.get(body) or (200, PREDICTION)


class Recorded(msgspec.Struct, frozen=True):
    method: str
    path: str
    fields: dict[str, str]
    body: bytes
    status: int
    answer_fields: dict[str, str]
    answer: bytes


def recorded() -> list[Recorded]:
    if not TRANSCRIPTS.is_dir():
        pytest.skip("the recorded exchanges are not beside this checkout")
    text = (TRANSCRIPTS / "executor_single_model.txt").read_text().replace("\r\n", "\n")
    return [_exchange(block) for block in re.split(r"^### ", text, flags=re.MULTILINE)[1:]]


def _exchange(block: str) -> Recorded:
    command, _, rest = block.partition("\n")
    head, _, after = rest.partition("\n\n")
    lines = head.split("\n")
    answer_fields = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
    command, _, body = command.partition(" -d ")
    target = re.search(r"localhost:8000(\S*)", command)
    assert target is not None
    method = re.match(r"-X(\w+)", command)
    return Recorded(
        method=method[1] if method else "GET",
        path=target[1],
        fields=dict(field.split(": ", 1) for field in re.findall(r"-H (\S+: .*?)(?= -H |$)", command)),
        body=body.encode(),
        status=int(lines[0].split()[1]),
        answer_fields=answer_fields,
        answer=after.encode()[: int(answer_fields["content-length"])],
    )


# Made anew for each answer, or what the specification marks as a defect: the content type of errors.
CHANGING = {"date", "seldon-puid", "ce-id", "content-length"}


async def replay(client: Client, exchange: Recorded, port: int) -> None:
    fields = {name.replace("-", "_"): value for name, value in exchange.fields.items()}
    got = await client.ask(exchange.method, exchange.path, exchange.body, **fields)
    where = f"{exchange.method} {exchange.path} {exchange.body!r}"
    assert got.status == exchange.status, where
    assert got.body == exchange.answer.replace(b":9000", f":{port}".encode()), where
    mine = {name.decode().lower(): value.decode() for name, value in got.headers.raw}
    want = dict(exchange.answer_fields)
    if exchange.status >= 400 and "seldon-puid" in want and "content-type" in want:
        want["content-type"] = "application/json"
    assert mine.keys() == want.keys(), where
    assert {k: v for k, v in mine.items() if k not in CHANGING} == {k: v for k, v in want.items() if k not in CHANGING}
    if "Seldon-Puid" in exchange.fields:
        assert mine["seldon-puid"] == exchange.fields["Seldon-Puid"]
    if "ce-id" in mine:
        assert mine["ce-id"] == mine["seldon-puid"]


async def test_recorded_exchanges_replay() -> None:
    exchanges = recorded()
    down = next(i for i, exchange in enumerate(exchanges) if exchange.status == 503)
    node = RecordedNode()
    port = await node.start()
    async with executor(settings(unit("c", port))) as client:
        for exchange in exchanges[:down]:
            await replay(client, exchange, port)
        html = next(fields for _, _, fields, body in node.seen if body == b'{"strData":"html"}')
        assert (html["seldon-puid"], html["x-foo"], html["content-type"]) == ("abc", "bar", "application/json")
        assert html["host"] == f"localhost:{port}"
    node.stop()
    async with executor(settings(unit("c", port))) as client:
        for exchange in exchanges[down:]:
            await replay(client, exchange, port)
    assert len(exchanges) > 20


@asynccontextmanager
async def one(answer: Any = None, **more: Any) -> AsyncIterator[tuple[Client, Node]]:
    node = await Node(answer).start()
    async with executor(settings(unit("c", node), **more)) as client:
        yield client, node


def field(answer: ClientResponse, name: str) -> str | None:
    return answer.headers.get(name)


async def test_hop_by_hop_fields_stay_behind_and_others_are_passed_on() -> None:
    async with one() as (client, node):
        await client.predict(
            {}, X_Trace="t", Connection="keep-alive", TE="trailers", Accept_Encoding="gzip", Keep_Alive="5"
        )
        got = {name.lower() for name, _ in node.requests[-1].headers.raw}
        assert got == {b"host", b"content-length", b"content-type", b"x-trace", b"accept-encoding", b"seldon-puid"}


async def test_each_request_gets_a_puid_of_its_own_that_the_node_sees() -> None:
    async with one() as (client, node):
        first, second = [field(await client.predict({}), "seldon-puid") for _ in range(2)]
        assert first != second
        assert [request.headers.get("seldon-puid") for request in node.requests] == [first, second]


async def test_a_compressed_answer_is_passed_on_untouched() -> None:
    packed = gzip.compress(b'{"strData": "<b>"}')

    def answer(request: Request) -> Response:
        assert request.headers.get("content-encoding") == "gzip"
        return Response(200, packed, headers=(("Content-Encoding", "gzip"),))

    async with one(answer) as (client, _):
        got = await client.predict(gzip.compress(b"{}"), Content_Encoding="gzip", Accept_Encoding="gzip")
        assert (got.body, field(got, "content-encoding")) == (packed, "gzip")


async def test_the_content_type_of_both_sides_is_kept() -> None:
    async with one(lambda _: Response(200, b"x", "text/csv")) as (client, node):
        got = await client.ask("POST", "/api/v1.0/predictions", b"a,b", Content_Type="text/csv")
        assert node.requests[-1].headers.get("content-type") == "text/csv"
        assert field(got, "content-type") == "text/csv"


async def test_escaping() -> None:
    body = '{"strData": "<a>&\u2028\u2029é"}'.encode()
    async with one() as (client, _):
        got = await client.predict(body)
        assert got.body == '{"strData": "\\u003ca\\u003e\\u0026\\u2028\\u2029é"}'.encode()
        assert json.loads(got.body) == json.loads(body)


async def test_ten_megabytes_pass_and_one_hundred_are_refused() -> None:
    async with one() as (client, node):
        body = b'{"binData":"' + b"QUJD" * 2_500_000 + b'"}'
        assert (await client.predict(body)).body == body
        refused = await client.predict(b"0" * 100_000_000)
        assert refused.status == 413
        assert decoded(refused)["status"]["status"] == "FAILURE"
        assert len(node.requests) == 1


async def test_method_and_path_table() -> None:
    async with one() as (client, _):
        for method, path, status in [
            ("PUT", "/api/v1.0/predictions", 405),
            ("DELETE", "/api/v1.0/feedback", 405),
            ("POST", "/api/v1.0/status", 405),
            ("POST", "/live", 405),
            ("POST", "/metrics", 405),
            ("GET", "/api/v1.0/metadata/", 404),
            ("GET", "/api/v2.0/predictions", 404),
            ("GET", "/", 404),
        ]:
            got = await client.ask(method, path)
            assert got.status == status, path
            assert field(got, "seldon-puid") is None


async def test_cors_headers_can_be_set() -> None:
    env = {"CORS_ALLOWED_ORIGINS": "https://me", "CORS_ALLOWED_HEADERS": "X-A"}
    async with one(env=env) as (client, _):
        got = await client.ask("OPTIONS", "/api/v1.0/predictions")
        assert field(got, "access-control-allow-origin") == "https://me"
        assert field(got, "access-control-allow-headers") == "X-A"


async def test_metrics_have_the_known_names_and_labels() -> None:
    containers = [{"name": "c", "image": "host:5000/repo/img:1.2"}]
    node = await Node().start()
    made = settings(
        unit("c", node),
        "--prometheus_path",
        "/prometheus",
        componentSpecs=[{"spec": {"containers": containers}}],
        labels={"version": "v7"},
    )
    async with executor(made) as client:
        for _ in range(3):
            await client.predict({})
        await client.ask("GET", "/api/v1.0/status/zz")
        got = await client.ask("GET", "/prometheus")
        text = got.body.decode()
    assert (
        field(
            got,
            "content-type",
        )
        is not None
    )
    own = 'deployment_name="m",method="post",'
    node_labels = 'model_image="host:5000/repo/img",model_name="c",model_version="1.2",'
    rest = 'predictor_name="p",predictor_version="v7",service='
    assert _value(text, "server_requests_seconds_count", f'code="200",{own}{rest}"predictions"') == 3
    assert _value(text, "server_requests_seconds_bucket", f'code="200",{own}le="10",{rest}"predictions"') == 3
    assert _value(text, "client_requests_seconds_count", f'code="200",{own}{node_labels}{rest}"/predict"') == 3
    assert _value(text, "client_requests_seconds_summary_count", f'code="200",{own}{node_labels}{rest}"/predict"') == 3
    failed = f'code="500",{own}{rest}"status"'.replace("post", "get")
    assert _value(text, "server_requests_seconds_count", failed) == 1
    assert 'service="/live"' not in text


def _value(text: str, name: str, labels: str) -> float:
    """A sample's value, its labels in any order."""
    wanted = set(labels.split(","))
    for line in text.splitlines():
        found = re.fullmatch(rf"seldon_api_executor_{name}\{{(.*)\}} (\S+)", line)
        if found and {part.replace('le="10.0"', 'le="10"') for part in found[1].split(",")} == wanted:
            return float(found[2])
    raise AssertionError(f"no {name} with {labels} in\n{text}")


@pytest.mark.parametrize(
    ("answer", "flags", "ready"),
    [
        (lambda _: Response(200), [], True),
        (lambda _: Response(503), [], False),
        (lambda _: Response(404), [], True),
        (lambda _: Response(500), [], True),
        (lambda _: Response(404), ["--full_health_checks"], False),
        (lambda _: Response(200), ["--full_health_checks"], True),
    ],
    ids=["well", "loading", "unknown path", "unwell", "unknown path, full", "well, full"],
)
async def test_ready_follows_the_node_s_own_health(answer: Any, flags: list[str], ready: bool) -> None:  # noqa: FBT001 - a table's column
    node = await Node(answer).start()
    async with executor(settings(unit("c", node), *flags)) as client:
        assert (await client.ask("GET", "/ready")).status == (200 if ready else 503)
        assert (await client.ask("GET", "/live")).status == 200


async def test_a_node_that_speaks_no_http_is_ready_once_it_can_be_dialled() -> None:
    async def hangs_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(hangs_up, "127.0.0.1", 0)
    async with executor(settings(unit("c", server.sockets[0].getsockname()[1]))) as client:
        assert (await client.ask("GET", "/ready")).status == 200
    server.close()
