"""What rendering writes into a pod is what the server in it reads: from a manifest to an answer, without a cluster."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import joblib
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from seldon_core.api.decode import load
from seldon_core.api.values import load_values
from seldon_core.microservice.app import Microservice
from seldon_core.microservice.errors import StartError
from seldon_core.microservice.settings import parse
from seldon_core.operator.render import render
from seldon_core.operator.render.config import from_values
from seldon_core.servers.sklearn import SKLearnServer
from seldon_core.transport.client import HttpPool
from tests.bench.processes import free_ports

pytestmark = pytest.mark.asyncio

HOST, ROW = "127.0.0.1", [5.964, 4.006, 2.081, 1.031]
SELDON = ("/api/v1.0/predictions", {"data": {"ndarray": [ROW]}})
V2 = (
    "/v2/models/classifier/infer",
    {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP64", "data": ROW}]},
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    joblib.dump(LogisticRegression(max_iter=1000).fit(*load_iris(return_X_y=True)), folder / "model.joblib")
    return folder


def container(protocol: str, mode: str, ports: dict[str, int]) -> dict[str, Any]:
    """The server's container of a manifest like those in the wild."""
    graph = {"name": "classifier", "implementation": "SKLEARN_SERVER", "modelUri": "s3://iris"}
    manifest = {
        "apiVersion": "machinelearning.seldon.io/v1",
        "kind": "SeldonDeployment",
        "metadata": {"name": "m", "namespace": "ns"},
        "spec": {"protocol": protocol, "predictors": [{"name": "p", "graph": graph}]},
    }
    values = load_values(
        {
            "executor": {"mode": mode, "port": ports["executor"]},
            "predictiveUnit": {"httpPort": ports["http"], "grpcPort": ports["grpc"]},
        }
    )
    objects = render(load(manifest), from_values(values)).objects
    (deployment,) = [each for each in objects if each["kind"] == "Deployment"]
    found: dict[str, Any] = deployment["spec"]["template"]["spec"]["containers"][0]
    return found


@asynccontextmanager
async def started(
    monkeypatch: pytest.MonkeyPatch, folder: Path, protocol: str, mode: str
) -> AsyncIterator[tuple[dict[str, Any], dict[str, int]]]:
    """The container's server, its model where the test has it; the container, and the ports."""
    names = ("http", "grpc", "metrics", "executor", "executor-grpc")
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    found = container(protocol, mode, ports)
    told = {each["name"]: each["value"].replace("/mnt/models", str(folder)) for each in found["env"]}
    told["PREDICTIVE_UNIT_METRICS_SERVICE_PORT"] = str(ports["metrics"])
    told["SELDON_EXECUTOR_ARGS"] = told.get("SELDON_EXECUTOR_ARGS", "").replace("5001", str(ports["executor-grpc"]))
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    service = Microservice(parse(["seldon_core.servers.sklearn.SKLearnServer"], told))
    await service.start(HOST)
    try:
        await service.load()
        yield found, ports
    finally:
        await service.stop()


@pytest.mark.parametrize("mode", ["auto", "sidecar"])
@pytest.mark.parametrize(("protocol", "asked"), [("seldon", SELDON), ("v2", V2), ("kfserving", V2)])
async def test_a_rendered_pod_answers(
    monkeypatch: pytest.MonkeyPatch, folder: Path, protocol: str, mode: str, asked: Any
) -> None:
    path, document = asked
    async with started(monkeypatch, folder, protocol, mode) as (rendered, ports):
        pool = HttpPool()
        for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
            probe = rendered[kind]["httpGet"]
            assert (await pool.request(HOST, probe["port"], "GET", probe["path"])).status == 200, kind
        port = ports["executor" if mode == "auto" else "http"]
        fields = ((b"Content-Type", b"application/json"),)
        answer = await pool.request(HOST, port, "POST", path, headers=fields, body=json.dumps(document).encode())
        await pool.close()

    assert answer.status == 200, answer.body
    told = json.loads(answer.body)
    assert told.get("outputs", [{"data": [0]}])[0]["data"] == [0]  # v2: the class
    assert (answer.headers.get("seldon-puid") is not None) == (mode == "auto")


async def test_without_a_folder_it_says_what_names_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLSERVER_MODEL_URI", raising=False)

    with pytest.raises(StartError, match="The parameter model_uri, or the variable MLSERVER_MODEL_URI, must name"):
        SKLearnServer()
