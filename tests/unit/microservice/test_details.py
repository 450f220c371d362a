"""Smaller parts of v1.17.1's Python package: what its source says where nothing was recorded."""
# ruff: noqa: ARG002, N803 - users' classes have the signatures that they are called with

import json
import ssl
from pathlib import Path
from typing import Any

import grpc
import pytest

import seldon_core
from seldon_core.metrics import create_counter, create_gauge, create_timer
from seldon_core.microservice.errors import StartError
from seldon_core.microservice.settings import parse
from seldon_core.proto import prediction_pb2
from seldon_core.storage import Storage
from seldon_core.transport.client import HttpPool
from seldon_core.user_model import SeldonComponent, SeldonNotImplementedError
from tests.unit.microservice.stand import serving

pytestmark = pytest.mark.asyncio

EARLIER = {"key": "earlier", "type": "GAUGE", "value": 1.0, "tags": {"a": "b"}}


class Measured:
    def predict(self, X: Any, names: Any) -> Any:
        return X

    def aggregate(self, features: Any, names: Any) -> Any:
        return features[0]

    def route(self, X: Any, names: Any) -> int:
        return 0

    def metrics(self) -> list[dict[str, Any]]:
        return [create_counter("c", 1), create_gauge("g", 2), create_timer("t", 3)]


async def test_metrics_of_the_nodes_before_stay_in_the_answer() -> None:
    message = {"data": {"ndarray": [[1]]}, "meta": {"puid": "p", "tags": {"x": 1}, "metrics": [EARLIER]}}
    async with serving(Measured) as client:
        meta = (await client.predict(message))["meta"]
        assert [one["key"] for one in meta["metrics"]] == ["earlier", "c", "g", "t"]
        meta = json.loads((await client.post("/aggregate", [message, message])).body)["meta"]
        assert [one["key"] for one in meta["metrics"]] == ["earlier", "earlier", "c", "g", "t"]
        meta = json.loads((await client.post("/route", message)).body)["meta"]
        assert (meta["puid"], "tags" in meta) == ("p", False)
        assert [one["key"] for one in meta["metrics"]] == ["c", "g", "t"]
        call = prediction_pb2.SeldonMessage(strData="a")
        call.meta.metrics.add(key="earlier", type=prediction_pb2.Metric.GAUGE, value=1)
        answer = prediction_pb2.SeldonMessage.FromString(await client.rpc("Model/Predict", call))
        assert [one.key for one in answer.meta.metrics] == ["earlier", "c", "g", "t"]
        assert "earlier" not in await client.metrics(), "they have been counted where they were made"


async def test_health_of_a_component_that_says_nothing() -> None:
    class Silent(SeldonComponent):
        def metrics(self) -> Any:
            raise AssertionError("nobody asks for metrics of a check that runs no code of the class")

    class Whole:
        def health_status_raw(self) -> Any:
            return {"jsonData": {"well": True}}

    class Unsaid:
        def health_status(self) -> Any:
            raise SeldonNotImplementedError("no")

    for user_class, said in ((Silent, "healthy"), (Unsaid, "healthy")):
        async with serving(user_class) as client:
            assert json.loads((await client.ask("GET", "/health/status")).body)["strData"] == said
    async with serving(Whole) as client:
        assert json.loads((await client.ask("GET", "/health/status")).body) == {"jsonData": {"well": True}}


async def test_a_bytearray_is_binary_data() -> None:
    class Binary:
        def predict(self, X: Any) -> Any:
            return bytearray(b"hi")

    async with serving(Binary) as client:
        assert (await client.predict({"strData": ""}))["binData"] == "aGk="
        message = prediction_pb2.SeldonMessage(strData="")
        assert prediction_pb2.SeldonMessage.FromString(await client.rpc("Model/Predict", message)).binData == b"hi"


async def test_a_method_that_says_that_it_is_not_implemented_is_the_client_s_mistake() -> None:
    class Unsaid(SeldonComponent):
        def route(self, features: Any, feature_names: Any) -> int:
            return super().route(features, feature_names)

    async with serving(Unsaid) as client:
        answer = await client.post("/route", {"strData": ""})
        assert answer.status == 400
        assert json.loads(answer.body)["status"]["info"] == "route is not implemented"


async def test_a_reward_of_nothing_is_not_counted() -> None:
    async with serving(Measured) as client:
        for reward in (0, 0.5):
            await client.post("/send-feedback", {"reward": reward})
        text = await client.metrics()
        assert [
            line.split()[-1] for line in text.splitlines() if line.startswith("seldon_api_model_feedback_total")
        ] == ["1.0"]


class Passed:
    def predict_raw(self, body: Any) -> Any:
        answers = {b"text": "a text", b"bytes": b"\x00\xff", b"document": {"strData": "x", "status": {"code": 418}}}
        return answers[body]


async def test_bodies_may_reach_the_class_as_they_are() -> None:
    assert parse(["M"], {"PAYLOAD_PASSTHROUGH": "true"}).passthrough
    async with serving(Passed, passthrough=True) as client:
        assert (await client.ask("POST", "/predict", b"text")).body == b"a text"
        assert (await client.ask("POST", "/api/v1.0/predictions", b"bytes")).body == b"\x00\xff"
        assert (await client.ask("POST", "/predict", b"document")).status == 418
        assert (await client.ask("POST", "/predict", b"unknown")).status == 500
    async with serving(Measured, passthrough=True) as client:
        answer = await client.ask("POST", "/predict", b"text")
        assert (answer.status, b"no method predict_raw" in answer.body) == (400, True)


async def test_the_log_level_of_the_environment_overrules_the_option() -> None:
    assert parse(["M", "--log-level", "ERROR"], {}).log_level == "ERROR"
    assert parse(["M", "--log-level", "ERROR"], {"SELDON_LOG_LEVEL": "WARNING"}).log_level == "WARNING"


async def test_https_where_it_is_asked_for(tls_files: tuple[Path, Path]) -> None:
    """Nodes behind an executor are asked without; where a class serves by itself, REST and gRPC may have it."""
    chain, _ = tls_files
    variables = {"SELDON_CERT_MOUNT_PATH": str(chain.parent)}
    assert parse(["M"], variables).cert_folder == ""
    folder = parse(["M"], variables | {"SELDON_MICROSERVICE_TLS": "true"}).cert_folder
    async with serving(Measured, cert_folder=folder) as client:
        pool = HttpPool(ssl=ssl.create_default_context(cafile=str(chain)))
        body = b'{"data":{"ndarray":[[1]]}}'
        answer = await pool.request("localhost", client.port, "POST", "/predict", body=body)
        assert answer.status == 200
        await pool.close()
        credentials = grpc.ssl_channel_credentials(chain.read_bytes())
        async with grpc.aio.secure_channel(f"localhost:{client.grpc_port}", credentials) as channel:
            call: Any = channel.unary_unary("/seldon.protos.Model/Predict")
            message = prediction_pb2.SeldonMessage(strData="hi")
            answer = prediction_pb2.SeldonMessage.FromString(await call(message.SerializeToString()))
            assert answer.strData == "hi"
        assert "# TYPE c_total counter" in await client.metrics(), "Prometheus asks without"


async def test_a_certificate_that_cannot_be_read_ends_the_start(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"no certificate can be read from tls\.crt and tls\.key"):
        async with serving(Measured, cert_folder=str(tmp_path)):
            pass


async def test_storage_finds_what_the_initializer_has_fetched(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "a").write_text("x")
    for uri in (str(tmp_path / "model"), f"file://{tmp_path / 'model'}"):
        assert seldon_core.Storage.download(uri) == str(tmp_path / "model")
    linked = Storage.download(str(tmp_path / "model"), str(tmp_path / "out"))
    assert (Path(linked) / "a").read_text() == "x"
    with pytest.raises(RuntimeError, match="does not exist"):
        Storage.download("file:///no/such")
    with pytest.raises(RuntimeError, match="the storage initializer fetches it"):
        Storage.download("s3://bucket/model")
