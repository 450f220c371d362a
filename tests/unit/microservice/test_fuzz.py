"""Executor and model server as programs, asked whatever their OpenAPI documents allow, and much that these do not.

Each answer has a status, a type and a shape that the document tells; nothing is a failure of the server's own, and
both still answer at the end.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import checks
from schemathesis.openapi import from_dict

from seldon_core.executor import openapi as executor_openapi
from seldon_core.executor.settings import parse
from seldon_core.microservice import openapi as microservice_openapi
from tests.unit.executor.stand import encoded, unit

MODEL = """
class Echo:
    def predict(self, X, names, meta=None):
        return X
    def transform_input(self, X, names, meta=None):
        return X
    def transform_output(self, X, names, meta=None):
        return X
    def route(self, X, names):
        return 0
    def aggregate(self, Xs, names):
        return Xs[0]
    def send_feedback(self, X, names, reward, truth, routing=None):
        return None
"""
FUZZ = settings(
    max_examples=6,
    deadline=None,
    derandomize=True,  # a failure is of the commit that has it
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


class Program:
    """One of ours, running. `told` are the fields of its line `message`, once it is there."""

    def __init__(self, module: str, *arguments: str, folder: Path, **environment: str) -> None:
        self._lines: Queue[dict[str, Any]] = Queue()
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
            stderr=subprocess.PIPE,
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            try:
                self._lines.put(json.loads(line))
            except ValueError:
                self._lines.put({"message": line.decode()})

    def told(self, message: str) -> dict[str, Any]:
        seen = []
        while True:
            seen.append(self._lines.get(timeout=20))
            if seen[-1]["message"] == message:
                return seen[-1]


@contextmanager
def running(*arguments: str, folder: Path, **environment: str) -> Iterator[Program]:
    program = Program(*arguments, folder=folder, **environment)
    try:
        yield program
    finally:
        program.process.kill()
        program.process.wait()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a model server."""
    folder = tmp_path_factory.mktemp("model")
    (folder / "echo_model.py").write_text(MODEL)
    ports = ("--http-port", "0", "--grpc-port", "0", "--metrics-port", "0")
    arguments = ("seldon_core.microservice.main", "echo_model.Echo", *ports)
    with running(*arguments, folder=folder, PREDICTIVE_UNIT_ID="c") as program:
        port: int = program.told("listening")["port"]
        program.told("model is loaded")
        yield port
        assert program.process.poll() is None


def _executor(model: int, protocol: str, folder: Path) -> Iterator[int]:
    arguments = ("--sdep", "m", "--predictor", "p", "--http_port", "0", "--grpc_port", "0", "--protocol", protocol)
    graph = encoded(unit("c", model))
    with running("seldon_core.executor.main", *arguments, folder=folder, ENGINE_PREDICTOR=graph) as program:
        yield program.told("listening")["port"]
        assert program.process.poll() is None


@pytest.fixture(scope="module")
def seldon(model: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    yield from _executor(model, "seldon", tmp_path_factory.mktemp("seldon"))


@pytest.fixture(scope="module")
def v2(model: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    yield from _executor(model, "v2", tmp_path_factory.mktemp("v2"))


SETTINGS = parse(["--sdep", "m", "--predictor", "p"], {})
# Other paths with bodies lead to the same code: what is left out is a second name, or a second way to put the same in.
SAME = "^/(transform-output|route)$|/v0.1/|/versions/|^/api/v1.0/(health/status|metadata)$"
OF_MODEL = (
    from_dict(microservice_openapi.made())
    .exclude(path_regex=SAME)
    .exclude(path_regex="^/(aggregate|send-feedback|transform-input)$", method="GET")
    .exclude(path_regex="^/api/")
)
OF_SELDON = from_dict(executor_openapi.seldon(SETTINGS)).exclude(path_regex="/v0.1/")
OF_V2 = from_dict(executor_openapi.v2(SETTINGS)).exclude(path="/v2/models/infer")
CONFORMANCE = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]


def check(case: schemathesis.Case, port: int) -> requests.Response:
    answer = case.call(base_url=f"http://127.0.0.1:{port}", timeout=10)
    case.validate_response(answer, checks=CONFORMANCE)
    return answer


@OF_MODEL.parametrize()
@FUZZ
def test_model_server(case: schemathesis.Case, model: int) -> None:
    assert check(case, model).status_code < 500


@OF_SELDON.parametrize()
@FUZZ
def test_executor(case: schemathesis.Case, seldon: int) -> None:
    answer = check(case, seldon)
    # A model that the graph does not have is a 500, as in v1.17.1.
    assert answer.status_code < 500 or "Failed to find model" in answer.text


@OF_V2.parametrize()
@FUZZ
def test_executor_of_v2(case: schemathesis.Case, v2: int) -> None:
    answer = check(case, v2)
    assert answer.status_code < 500 or "Failed to find model" in answer.text
