"""Endpoints over real sockets: bad input, readiness, meta, raw methods, batching."""
# ruff: noqa: ARG002, N803 - users' classes have the signatures that they are called with

import asyncio
import base64
import json
import threading
from typing import Any

import numpy as np
import pytest

from seldon_core.user_model import SeldonComponent, SeldonNotImplementedError, SeldonResponse
from tests.unit.microservice.stand import running, serving, settings

pytestmark = pytest.mark.asyncio
ONE = {"data": {"ndarray": [[1.0]]}}


class Doubles(SeldonComponent):
    def predict(self, X: Any, names: Any, meta: Any = None) -> Any:
        return X * 2


async def test_answers_have_sorted_keys_and_the_unit_s_path() -> None:
    async with serving(Doubles) as client:
        got = await client.post("/predict", ONE)
        assert got.body == (
            b'{"data":{"names":["t:0"],"ndarray":[[2.0]]},"meta":{"requestPath":{"classifier":"repo/img:1.0"}}}'
        )
        assert got.headers.get("access-control-allow-origin") == "*"


@pytest.mark.parametrize(
    ("method", "path", "status", "reason"),
    [
        ("GET", "/nope", 404, "MICROSERVICE_NOT_FOUND"),
        ("DELETE", "/predict", 405, "MICROSERVICE_BAD_METHOD"),
        ("GET", "/api/v1.0/predictions", 405, "MICROSERVICE_BAD_METHOD"),
        ("POST", "/health/ping", 405, "MICROSERVICE_BAD_METHOD"),
        ("GET", "/predict", 400, "MICROSERVICE_BAD_DATA"),
        ("POST", "/route", 400, "MICROSERVICE_BAD_DATA"),
        ("POST", "/aggregate", 400, "MICROSERVICE_BAD_DATA"),
    ],
)
async def test_paths_and_methods(method: str, path: str, status: int, reason: str) -> None:
    async with serving(Doubles) as client:
        got = await client.ask(method, path)
        assert got.status == status
        assert json.loads(got.body)["status"] == {
            "code": -1,
            "info": json.loads(got.body)["status"]["info"],
            "reason": reason,
            "status": 1,
        }


async def test_options_names_the_methods() -> None:
    async with serving(Doubles) as client:
        got = await client.ask("OPTIONS", "/predict")
        assert (got.status, got.headers.get("allow")) == (200, "GET, HEAD, OPTIONS, POST")


@pytest.mark.parametrize(
    ("body", "content_type", "says"),
    [
        (b"", "application/json", "Can't find JSON in data"),
        (b"notjson", "application/json", "Can't find JSON in data"),
        (b'{"data": {"ndarray": [[1,]]}}', "application/json", "Can't find JSON in data: "),
        (b'{"data": {"ndarray": [[NaN,]]}}', "application/json", "Can't find JSON in data: "),
        (b'{"strData": "\xff"}', "application/json", "Can't find JSON in data: "),
        (b"x=1", "application/x-www-form-urlencoded", "Can't find JSON in data"),
        (b"no parts", "multipart/form-data; boundary=x", "multipart form"),
        (b"no parts", "multipart/form-data", "multipart form"),
        (
            b'--x\r\nContent-Disposition: form-data; name="data"\r\n\r\n{\r\n--x--',
            "multipart/form-data; boundary=x",
            "field data",
        ),
    ],
)
async def test_bodies_that_are_no_message(body: bytes, content_type: str, says: str) -> None:
    async with serving(Doubles) as client:
        got = await client.ask("POST", "/predict", body, content_type)
        assert got.status == 400
        assert json.loads(got.body)["status"]["info"].startswith(("Can't", "The"))
        assert says in json.loads(got.body)["status"]["info"]


async def test_json_is_found_whatever_the_content_type_says() -> None:
    async with serving(Doubles) as client:
        for content_type in ("", "text/plain", "application/x-www-form-urlencoded"):
            got = await client.ask("POST", "/predict", json.dumps(ONE).encode(), content_type)
            assert json.loads(got.body)["data"]["ndarray"] == [[2.0]]


async def test_forms_carry_files_and_documents() -> None:
    class Same:
        def predict(self, X: Any) -> Any:
            return X

    def form(name: str, value: bytes, more: str = "") -> bytes:
        head = f'--b\r\nContent-Disposition: form-data; name="{name}"{more}\r\n'
        return head.encode() + b"Content-Type: application/octet-stream\r\n\r\n" + value + b"\r\n--b--\r\n"

    kind = "multipart/form-data; boundary=b"
    async with serving(Same) as client:
        file = await client.ask("POST", "/predict", form("binData", b"\x00\xff\r\n1", '; filename="f"'), kind)
        assert base64.b64decode(json.loads(file.body)["binData"]) == b"\x00\xff\r\n1"
        plain = await client.ask("POST", "/predict", form("binData", b"aGk="), kind)
        assert json.loads(plain.body)["binData"] == "aGk="
        document = await client.ask("POST", "/predict", form("jsonData", b'{"a": 1}'), kind)
        assert json.loads(document.body)["jsonData"] == {"a": 1}


async def test_meta_is_merged_and_the_response_may_add_to_it() -> None:
    class Mine:
        def predict(self, X: Any, names: Any) -> Any:
            return SeldonResponse(X, tags={"mine": 1, "both": "r"}, metrics=[{"key": "g", "type": "GAUGE", "value": 2}])

        def tags(self) -> dict[str, Any]:
            return {"both": "t", "t": 1}

    meta = {"puid": "P", "tags": {"x": 1, "t": 0}, "requestPath": {"before": "img"}, "routing": {"r": 1}}
    async with serving(Mine) as client:
        answer = await client.predict({**ONE, "meta": meta})
        assert answer["meta"] == {
            "metrics": [{"key": "g", "type": "GAUGE", "value": 2}],
            "puid": "P",
            "requestPath": {"before": "img", "classifier": "repo/img:1.0"},
            "tags": {"x": 1, "t": 1, "mine": 1, "both": "r"},
        }
        assert "g{" in await client.metrics()
    async with serving(Mine, metrics_in_answers=False) as client:
        assert "metrics" not in (await client.predict(ONE))["meta"]
        assert "g{" in await client.metrics()


@pytest.mark.parametrize(
    "metrics",
    [
        {"not": "a list"},
        [1],
        [{"key": "a"}],
        [{"key": "a", "type": "X", "value": 1}],
        [{"key": 1, "type": "GAUGE", "value": 1}],
        [{"key": "a", "type": "GAUGE", "value": "1"}],
    ],
)
async def test_bad_metrics(metrics: Any) -> None:
    class Mine(Doubles):
        def metrics(self) -> Any:
            return metrics

    async with serving(Mine) as client:
        got = await client.post("/predict", ONE)
        assert (got.status, json.loads(got.body)["status"]["reason"]) == (500, "MICROSERVICE_BAD_METRIC")


async def test_raw_methods_see_and_give_the_whole_message() -> None:
    class Mine:
        def predict_raw(self, message: Any) -> Any:
            if message.get("strData") == "teapot":
                return {"status": {"code": 418, "info": "short and stout"}}
            if message.get("strData") == "bad":
                return 5
            return {"got": message, "meta": {"metrics": [{"key": "c", "type": "COUNTER", "value": 3}]}}

    async with serving(Mine) as client:
        got = await client.post("/predict", {"any": 1})
        assert got.body == b'{"got":{"any":1},"meta":{"metrics":[{"key":"c","type":"COUNTER","value":3}]}}'
        assert "c_total{" in await client.metrics()
        assert (await client.post("/predict", {"strData": "teapot"})).status == 418
        assert (await client.post("/predict", {"strData": "bad"})).status == 400


async def test_a_class_without_methods_answers_nothing_and_transforms_nothing() -> None:
    class Empty:
        pass

    async with serving(Empty) as client:
        assert (await client.predict(ONE))["data"] == {"names": [], "ndarray": []}
        assert (await client.predict({"strData": "x"}))["data"]["tensor"] == {"shape": [0], "values": []}
        for path in ("/transform-input", "/transform-output"):
            assert json.loads((await client.post(path, ONE)).body)["data"] == {"names": ["t:0"], "ndarray": [[1.0]]}
        assert (await client.post("/send-feedback", {"reward": 1})).status == 200
        assert (await client.ask("GET", "/health/status")).body == (
            b'{"meta":{"requestPath":{"classifier":"repo/img:1.0"}},"strData":"healthy"}'
        )
        assert "seldon_api_model_feedback_reward_total{" in await client.metrics()


async def test_not_implemented_counts_as_absent() -> None:
    class Mine:
        def predict(self, X: Any) -> Any:
            raise SeldonNotImplementedError

        def tags(self) -> Any:
            raise SeldonNotImplementedError

    async with serving(Mine) as client:
        assert (await client.predict(ONE))["data"]["ndarray"] == []


@pytest.mark.parametrize("value", [1.5, True, None, "1", [1]])
async def test_a_route_that_is_no_integer(value: Any) -> None:
    class Mine:
        def route(self, features: Any, names: Any) -> Any:
            return value

    async with serving(Mine) as client:
        got = await client.post("/route", ONE)
        assert got.status == 400
        assert "route must give an integer" in json.loads(got.body)["status"]["info"]


async def test_a_numpy_integer_is_a_route() -> None:
    class Mine:
        def route(self, features: Any, names: Any) -> Any:
            return np.int32(2)

    async with serving(Mine) as client:
        assert json.loads((await client.post("/route", ONE)).body)["data"]["ndarray"] == [[2]]


@pytest.mark.parametrize("feedback", [[1], {"reward": "x"}, {"request": {"data": {}}}])
async def test_bad_feedback(feedback: Any) -> None:
    async with serving(Doubles) as client:
        assert (await client.post("/send-feedback", feedback)).status == 400


async def test_a_type_error_of_the_user_s_own_is_not_called_twice() -> None:
    calls = 0

    class Mine:
        def predict(self, X: Any, names: Any, meta: Any = None) -> Any:
            nonlocal calls
            calls += 1
            raise TypeError("mine")

    async with serving(Mine) as client:
        assert (await client.predict(ONE))["status"]["info"] == "mine"
    assert calls == 1


async def test_a_result_without_a_json_form_is_a_500_that_names_its_type() -> None:
    class Mine:
        def predict(self, X: Any) -> Any:
            return {"x": object()}

    async with serving(Mine) as client:
        assert (await client.predict(ONE))["status"]["info"] == "object has no JSON form"


async def test_until_the_model_is_loaded_everything_but_ping_says_503() -> None:
    async with running(settings(), load=False) as (client, _):
        for method, path in [("POST", "/predict"), ("GET", "/health/status"), ("GET", "/metadata"), ("POST", "/route")]:
            got = await client.ask(method, path)
            assert (got.status, json.loads(got.body)["status"]["info"]) == (503, "The model is still being loaded.")
        assert (await client.ask("GET", "/health/ping")).body == b"pong"


async def test_a_model_that_blocks_stalls_no_health_check() -> None:
    begun, release = threading.Event(), threading.Event()

    class Mine:
        def predict(self, X: Any) -> Any:
            begun.set()
            release.wait(20)
            return X

        def health_status(self) -> str:
            return "still well"

    async with serving(Mine) as client:
        blocked = asyncio.ensure_future(client.predict(ONE))
        assert await asyncio.to_thread(begun.wait, 5)
        got = await asyncio.wait_for(client.ask("GET", "/health/status"), 5)
        assert json.loads(got.body)["strData"] == "still well"
        release.set()
        assert (await blocked)["data"]["ndarray"] == [[1.0]]


async def test_a_component_that_says_it_is_unwell_is_a_500() -> None:
    class Mine:
        def health_status(self) -> str:
            raise RuntimeError("no more disk")

    async with serving(Mine) as client:
        got = await client.ask("GET", "/api/v1.0/health/status")
        assert (got.status, json.loads(got.body)["status"]["info"]) == (500, "no more disk")


async def test_metadata_is_completed_from_the_image_and_overridden_by_the_environment() -> None:
    class Mine:
        def init_metadata(self) -> dict[str, Any]:
            return {"platform": "mine", "inputs": [{"messagetype": "tensor"}]}

    async with serving(Mine, model_metadata="versions: [v7]\n") as client:
        got = await client.ask("GET", "/api/v1.0/metadata")
        assert json.loads(got.body) == {
            "custom": {},
            "inputs": [{"messagetype": "tensor"}],
            "name": "repo/img",
            "outputs": [],
            "platform": "mine",
            "versions": ["v7"],
        }


@pytest.mark.parametrize(
    ("given", "override", "says"),
    [
        ({"versions": "v1"}, "", "versions must be a list"),
        ({"versions": [1]}, "", "versions must be a list of strings"),
        ({"name": 5}, "", "name must be a string"),
        ({"custom": []}, "", "custom must be a mapping"),
        ([1], "", "init_metadata() gives list"),
        ({}, "a: [", "MODEL_METADATA is no YAML"),
        ({}, "[1]", "MODEL_METADATA gives list"),
    ],
)
async def test_wrong_metadata_is_said(given: Any, override: str, says: str) -> None:
    class Mine:
        def init_metadata(self) -> Any:
            return given

    async with serving(Mine, model_metadata=override) as client:
        got = await client.ask("GET", "/metadata")
        status = json.loads(got.body)["status"]
        assert (got.status, status["reason"]) == (500, "MICROSERVICE_BAD_METADATA")
        assert says in status["info"]


async def test_the_metrics_port_serves_its_path_alone() -> None:
    async with serving(Doubles, metrics_path="/prometheus") as client:
        assert await client.metrics("/prometheus") == ""
        assert await client.metrics("/other") == "404 page not found\n"


async def test_a_metric_without_a_name_is_refused_and_spoils_no_scrape() -> None:
    class Mine:
        def predict(self, X: Any, names: Any) -> Any:
            return X

        def metrics(self) -> Any:
            return [{"key": "", "type": "COUNTER", "value": 1}]

    async with serving(Mine) as client:
        got = await client.predict({"data": {"ndarray": [[1.0]]}})
        assert got["status"]["reason"] == "MICROSERVICE_BAD_METRIC"
        assert await client.metrics() == ""
