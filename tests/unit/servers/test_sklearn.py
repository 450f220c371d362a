"""SKLEARN_SERVER: the iris model, alone and behind the executor; and all that a model folder can have wrong."""

import asyncio
import json
import pickle
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline

from seldon_core.microservice.errors import StartError
from seldon_core.microservice.settings import Identity
from seldon_core.proto import inference_pb2, prediction_pb2
from seldon_core.servers.sklearn import SKLearnServer
from tests.unit.executor.stand import Client as ExecutorClient
from tests.unit.executor.stand import executor, unit
from tests.unit.executor.stand import settings as executor_settings
from tests.unit.microservice.stand import Client, running, settings

ROW = [5.964, 4.006, 2.081, 1.031]
EXPECTED = [0.9548873249364169, 0.04505474761561406, 5.7927447968952436e-05]
METADATA = (
    "name: iris\nversions: [iris/v1]\nplatform: sklearn\ninputs:\n- messagetype: tensor\n  schema: {shape: [4]}\n"
)


@pytest.fixture(scope="session")
def iris(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("iris")
    x, y = load_iris(return_X_y=True)
    joblib.dump(OneVsRestClassifier(LogisticRegression(solver="liblinear")).fit(x, y), folder / "model.joblib")
    (folder / "metadata.yaml").write_text(METADATA)
    return folder


@asynccontextmanager
async def served(folder: Path, **parameters: str) -> AsyncIterator[Client]:
    given = [{"name": n, "value": v, "type": "STRING"} for n, v in {"model_uri": str(folder), **parameters}.items()]
    identity = Identity(unit="classifier", image="IMAGE")
    async with running(settings(parameters=json.dumps(given), identity=identity)) as (client, _):
        yield client


@pytest.mark.asyncio
async def test_iris_behind_the_executor(iris: Path) -> None:
    """The prediction of the seeds, from end to end."""
    async with served(iris) as server, executor(executor_settings(unit("classifier", server.port))) as client:
        assert (await client.ask("GET", "/ready")).status == 200
        got = await client.predict({"data": {"ndarray": [ROW]}})
        answer = json.loads(got.body)
        assert got.headers.get("content-type") == "application/json"
        assert list(answer) == ["data", "meta"]
        assert answer["meta"] == {"requestPath": {"classifier": "IMAGE"}}
        assert answer["data"]["names"] == ["t:0", "t:1", "t:2"]
        np.testing.assert_allclose(answer["data"]["ndarray"], [EXPECTED], rtol=0, atol=1e-9)
        metadata = json.loads((await client.ask("GET", "/api/v1.0/metadata/classifier")).body)
        assert (metadata["name"], metadata["versions"], metadata["platform"]) == ("iris", ["iris/v1"], "sklearn")
        graph = json.loads((await client.ask("GET", "/api/v1.0/metadata")).body)
        assert graph["graphinputs"] == [{"messagetype": "tensor", "schema": {"shape": [4]}}]


@pytest.mark.asyncio
async def test_the_executor_is_ready_no_sooner_than_the_model(iris: Path) -> None:
    given = json.dumps([{"name": "model_uri", "value": str(iris), "type": "STRING"}])
    async with (
        running(settings(parameters=given), load=False) as (server, service),
        executor(executor_settings(unit("classifier", server.port))) as client,
    ):
        assert (await client.ask("GET", "/ready")).status == 503
        assert (await client.predict({"data": {"ndarray": [ROW]}})).status == 503
        await service.load()
        assert (await client.ask("GET", "/ready")).status == 200


@pytest.mark.asyncio
async def test_many_at_once_get_the_answers_of_their_own_rows(iris: Path) -> None:
    model = joblib.load(iris / "model.joblib")
    rows = np.random.default_rng(0).uniform(0, 8, (300, 4))
    async with served(iris) as client:
        answers = [json.loads(got.body) for got in await _together(client, rows)]
    got = np.array([answer["data"]["ndarray"][0] for answer in answers])
    np.testing.assert_allclose(got, model.predict_proba(rows), rtol=0, atol=1e-12)


async def _together(client: Client, rows: Any) -> list[Any]:
    return await asyncio.gather(*(client.post("/predict", {"data": {"ndarray": [row.tolist()]}}) for row in rows))


@pytest.mark.asyncio
async def test_tensors_come_back_as_tensors(iris: Path) -> None:
    async with served(iris) as client:
        answer = await client.predict({"data": {"tensor": {"shape": [1, 4], "values": ROW}}})
        assert answer["data"]["tensor"]["shape"] == [1, 3]
        np.testing.assert_allclose(answer["data"]["tensor"]["values"], EXPECTED, rtol=0, atol=1e-9)


@pytest.mark.asyncio
@pytest.mark.parametrize(("method", "shape"), [("predict", (1,)), ("decision_function", (1, 3)), ("anything", (1,))])
async def test_the_method_is_a_parameter(iris: Path, method: str, shape: tuple[int, ...]) -> None:
    async with served(iris, method=method) as client:
        answer = await client.predict({"data": {"ndarray": [ROW]}})
        assert np.array(answer["data"]["ndarray"]).shape == shape


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("message", "says"),
    [
        ({"data": {"ndarray": [ROW[:3]]}}, "The model expects 4 features in each row, and got 3."),
        ({"data": {"ndarray": [[5.9, 4.0, "tall", 1.0]]}}, "The model expects numbers, and got the text 'tall'."),
        ({"data": {"ndarray": [["1", "2", "3", "4"]]}}, "The model expects numbers, and got the text '1'."),
        ({"data": {"ndarray": [[None, 1, 2, 3]]}}, "Input X contains NaN"),
        ({"data": {"ndarray": [[1e308 * 10, 1, 2, 3]]}}, "Input X contains infinity"),
        ({"data": {"ndarray": ROW}}, "Expected 2D array, got 1D array instead"),
        ({"data": {"ndarray": []}}, "The model cannot take this input"),
        ({"data": {"ndarray": [[ROW]]}}, "The model cannot take this input"),
        ({"data": {"ndarray": [ROW, ROW[:2]]}}, "row 0 has 4 values and row 1 has 2 values"),
        ({"strData": "hello"}, "The model takes data.ndarray or data.tensor"),
        ({"jsonData": {"a": 1}}, "The model takes data.ndarray or data.tensor"),
        ({"data": {}}, "data must have ndarray or tensor"),
    ],
)
async def test_inputs_that_the_model_cannot_take(iris: Path, message: Any, says: str) -> None:
    async with served(iris) as client:
        got = await client.post("/predict", message)
        status = json.loads(got.body)["status"]
        assert (got.status, status["reason"]) == (400, "MICROSERVICE_BAD_DATA")
        assert says in status["info"]
        assert "\n" not in status["info"]
        assert (await client.post("/predict", {"data": {"ndarray": [ROW]}})).status == 200


@pytest.mark.asyncio
async def test_a_pipeline_of_texts_takes_a_list_of_texts(tmp_path: Path) -> None:
    model = make_pipeline(CountVectorizer(), LogisticRegression()).fit(["good fine", "bad awful"], [1, 0])
    joblib.dump(model, tmp_path / "model.joblib")
    async with served(tmp_path, method="predict") as client:
        assert (await client.predict({"data": {"ndarray": ["fine", "awful"]}}))["data"]["ndarray"] == [1, 0]


def _text(folder: Path) -> None:
    (folder / "model.joblib").write_text("not a model\n")


def _truncated(folder: Path) -> None:
    joblib.dump(LinearRegression().fit([[1.0]], [1.0]), folder / "model.joblib")
    data = (folder / "model.joblib").read_bytes()
    (folder / "model.joblib").write_bytes(data[: len(data) // 2])


def _foreign(folder: Path) -> None:
    (folder / "model.joblib").write_bytes(b"cno_such_package\nModel\n.")


def _dictionary(folder: Path) -> None:
    joblib.dump({"weights": 1}, folder / "model.joblib")


def _regressor(folder: Path) -> None:
    joblib.dump(LinearRegression().fit([[1.0]], [1.0]), folder / "model.joblib")


def _pickle(folder: Path) -> None:
    (folder / "model.pkl").write_bytes(pickle.dumps(1))
    (folder / "notes.txt").touch()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda folder: folder.rmdir(), "does not exist; it is filled from the graph's modelUri"),
        (lambda _: None, "has no file model.joblib (it is empty)"),
        (_pickle, "has no file model.joblib (it holds model.pkl, notes.txt)"),
        (_text, "cannot be read as a joblib file"),
        (_truncated, "cannot be read as a joblib file"),
        (_foreign, "needs the Python package no_such_package"),
        (_dictionary, "holds a dict, which has no method predict_proba"),
        (_regressor, "holds a LinearRegression, which has no method predict_proba; set the graph's parameter `method`"),
    ],
    ids=["no folder", "empty", "pickle", "text", "truncated", "foreign", "no model", "no such method"],
)
def test_models_that_do_not_load(spoil: Callable[[Path], None], says: str, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    spoil(folder)
    with pytest.raises(StartError) as caught:
        SKLearnServer(str(folder)).load()
    assert says in str(caught.value)
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_model_of_another_version_is_named_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = LinearRegression().fit([[1.0]], [1.0])
    state = model.__getstate__() | {"_sklearn_version": "0.24.2"}
    monkeypatch.setattr(LinearRegression, "__getstate__", lambda _: state)
    joblib.dump(model, tmp_path / "model.joblib")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SKLearnServer(str(tmp_path), method="predict").load()
    record = next(record for record in caplog.records if "another version" in record.message)
    assert vars(record)["stored"] == "0.24.2"


@pytest.mark.asyncio
@pytest.mark.parametrize("text", ["a: [", "- just\n- a list\n", "versions: v1\n"])
async def test_a_broken_metadata_file_is_said_and_predictions_go_on(iris: Path, text: str, tmp_path: Path) -> None:
    (tmp_path / "model.joblib").write_bytes((iris / "model.joblib").read_bytes())
    (tmp_path / "metadata.yaml").write_text(text)
    async with served(tmp_path) as client:
        got = await client.ask("GET", "/metadata")
        assert (got.status, json.loads(got.body)["status"]["reason"]) == (500, "MICROSERVICE_BAD_METADATA")
        assert (await client.post("/predict", {"data": {"ndarray": [ROW]}})).status == 200


@pytest.mark.asyncio
async def test_one_sentence_reaches_the_client_through_the_executor(iris: Path) -> None:
    """The node's error is the graph's answer: status, body and shape."""
    async with served(iris) as server, executor(executor_settings(unit("classifier", server.port))) as client:
        await _says(client, {"data": {"ndarray": [ROW[:2]]}}, "expects 4 features in each row, and got 2")
        await _says(client, {"data": {"ndarray": [["x"] * 4]}}, "The model expects numbers, and got the text 'x'")


async def _says(client: ExecutorClient, message: Any, says: str) -> None:
    got = await client.predict(message)
    assert got.status == 400
    assert got.headers.get("content-type") == "application/json"
    assert says in json.loads(got.body)["status"]["info"]


def _v2(rows: list[list[float]], *outputs: str) -> dict[str, object]:
    tensor = {"name": "x", "shape": [len(rows), len(rows[0])], "datatype": "FP64", "data": rows}
    return {"inputs": [tensor], "outputs": [{"name": name} for name in outputs]}


@pytest.mark.asyncio
async def test_iris_over_v2_with_the_outputs_of_v1_17_1_s_server(iris: Path) -> None:
    async with served(iris) as client:
        path = "/v2/models/classifier/infer"
        default = json.loads((await client.post(path, _v2([ROW, ROW]))).body)
        assert default["outputs"] == [{"name": "predict", "datatype": "INT64", "shape": [2, 1], "data": [0, 0]}]
        both = json.loads((await client.post(path, _v2([ROW], "predict_proba", "predict"))).body)
        assert [output["name"] for output in both["outputs"]] == ["predict_proba", "predict"]
        assert both["outputs"][0]["data"] == pytest.approx(EXPECTED)
        assert both["outputs"][0]["shape"] == [1, 3]
        missing = await client.post(path, _v2([ROW], "transform"))
        assert missing.status == 400
        assert "it has predict, predict_proba, decision_function" in json.loads(missing.body)["error"]
        narrow = await client.post(path, _v2([[1.0]]))
        assert (narrow.status, "expects 4 features" in json.loads(narrow.body)["error"]) == (400, True)


@pytest.mark.asyncio
async def test_iris_over_grpc_in_both_protocols(iris: Path) -> None:
    async with served(iris) as client:
        seldon = prediction_pb2.SeldonMessage()
        seldon.data.tensor.shape.extend([1, 4])
        seldon.data.tensor.values.extend(ROW)
        answer = prediction_pb2.SeldonMessage.FromString(await client.rpc("Model/Predict", seldon))
        assert list(answer.data.tensor.values) == pytest.approx(EXPECTED)
        assert list(answer.data.names) == ["t:0", "t:1", "t:2"]
        v2 = inference_pb2.ModelInferRequest(
            model_name="classifier", raw_input_contents=[np.array(ROW, np.float64).tobytes()]
        )
        v2.inputs.add(name="x", datatype="FP64", shape=[1, 4])
        v2.outputs.add(name="predict_proba")
        raw = await client._rpc_pool.call(
            "127.0.0.1", client.grpc_port, "/inference.GRPCInferenceService/ModelInfer", v2.SerializeToString()
        )
        got = inference_pb2.ModelInferResponse.FromString(raw)
        assert np.frombuffer(got.raw_output_contents[0]).tolist() == pytest.approx(EXPECTED)
