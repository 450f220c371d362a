"""The model server's OpenAPI document: what it shows is what is served."""
# ruff: noqa: ARG002, N803 - users' classes have the signatures that they are called with

import json
from typing import Any

import pytest

from seldon_core.microservice import openapi
from seldon_core.transport.client import HttpPool
from tests.unit.microservice.stand import running, serving, settings

pytestmark = pytest.mark.asyncio


class Echo:
    def predict(self, X: Any, names: Any) -> Any:
        return X


async def test_every_documented_operation_is_served_and_no_other() -> None:
    async with serving(Echo) as client:
        got = await client.ask("GET", "/seldon.json")
        assert (got.status, got.headers.get("content-type")) == (200, "application/json")
        document = json.loads(got.body)
        assert document == openapi.made()
        for path, item in document["paths"].items():
            for method in ("get", "post"):
                target = path.replace("{name}", "classifier").replace("{version}", "1")
                status = (await client.ask(method.upper(), target, b"{}", "application/json")).status
                assert (status != 405) == (method in item), (method, path)
                assert status != 404, path
                if method in item:
                    assert str(status) in item[method]["responses"], (method, path)


async def test_it_is_there_before_the_model_is() -> None:
    async with running(settings(), load=False) as (client, _):
        assert (await client.ask("GET", "/seldon.json")).status == 200


async def test_the_document_is_whole() -> None:
    made = openapi.made()
    for part in json.dumps(made).split('"#/components/schemas/')[1:]:
        assert part.partition('"')[0] in made["components"]["schemas"]
    names = [
        item[method]["operationId"] for item in made["paths"].values() for method in item if method != "parameters"
    ]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/predict"), ("GET", "/health/ping"), ("GET", "/seldon.json"), ("GET", "/nope"), ("DELETE", "/predict")],
)
async def test_a_browser_may_read_every_answer(method: str, path: str) -> None:
    async with serving(Echo) as client:
        for body in (b'{"strData":"x"}', b"{"):
            got = await client.ask(method, path, body, "application/json")
            assert got.headers.get("access-control-allow-origin") == "*", got.status
        got = await HttpPool().request("127.0.0.1", client.metrics_port, "GET", "/metrics")
        assert got.headers.get("access-control-allow-origin") == "*"


async def test_a_browser_s_question_before_its_request() -> None:
    asked = ((b"Access-Control-Request-Method", b"POST"), (b"Access-Control-Request-Headers", b"content-type,x-a"))
    async with serving(Echo) as client:
        got = await HttpPool().request("127.0.0.1", client.port, "OPTIONS", "/predict", headers=asked)
        plain = await HttpPool().request("127.0.0.1", client.port, "OPTIONS", "/predict")
    assert (got.status, got.headers.get("access-control-allow-origin")) == (200, "*")
    assert got.headers.get("access-control-allow-headers") == "content-type,x-a"
    assert got.headers.get("access-control-allow-methods") == "GET, HEAD, OPTIONS, POST"
    assert plain.headers.get("allow") == "GET, HEAD, OPTIONS, POST"
    assert plain.headers.get("access-control-allow-headers") is None


async def test_what_a_request_s_meta_says_wrongly_does_not_come_back() -> None:
    good = {"key": "k", "type": "GAUGE", "value": 1.5, "tags": {"a": "b"}}
    bad = [{}, 5, {"key": 5}, {"key": "k", "type": []}, {"key": "k", "value": True}, {"key": "k", "tags": None}]
    meta = {"puid": 5, "requestPath": {"a": "image", "b": {}}, "metrics": [*bad, good, {"key": "k"}], "tags": {"t": []}}
    async with serving(Echo) as client:
        answer = await client.predict({"strData": "x", "meta": meta})
    assert answer["meta"] == {
        "metrics": [good, {"key": "k"}],
        "requestPath": {"a": "image", "classifier": "repo/img:1.0"},
        "tags": {"t": []},
    }
