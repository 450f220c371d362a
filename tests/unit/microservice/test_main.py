"""The program: settings from arguments and environment, a model that does not load, a signal."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from seldon_core.microservice.settings import parse
from seldon_core.transport.client import HttpPool
from seldon_core.transport.errors import CallError
from tests.unit.executor.test_main import free_port

SERVER = "seldon_core.servers.sklearn.SKLearnServer"


def test_the_environment_that_the_operator_writes() -> None:
    settings = parse(
        ["Model"],
        {
            "PREDICTIVE_UNIT_HTTP_SERVICE_PORT": "9001",
            "PREDICTIVE_UNIT_METRICS_SERVICE_PORT": "6001",
            "PREDICTIVE_UNIT_METRICS_ENDPOINT": "/prometheus",
            "PREDICTIVE_UNIT_ID": "classifier",
            "PREDICTIVE_UNIT_IMAGE": "img:1",
            "PREDICTOR_ID": "default",
            "PREDICTOR_LABELS": '{"version": "v2"}',
            "SELDON_DEPLOYMENT_ID": "sd",
            "GUNICORN_THREADS": "4",
        },
    )
    assert (settings.http_port, settings.metrics_port, settings.metrics_path) == (9001, 6001, "/prometheus")
    assert (settings.identity.unit, settings.identity.image, settings.identity.predictor_version) == (
        "classifier",
        "img:1",
        "v2",
    )
    assert settings.threads == 4
    assert settings.unused == ()


def test_options_win_and_those_without_effect_are_remembered() -> None:
    arguments = [
        "pkg.Model",
        "--service-type",
        "ROUTER",
        "--http-port",
        "1",
        "--persistence",
        "1",
        "--access-log",
        "--debug",
    ]
    settings = parse(arguments, {"PREDICTIVE_UNIT_HTTP_SERVICE_PORT": "2"})
    assert (settings.component, settings.http_port, settings.log_level) == ("pkg.Model", 1, "DEBUG")
    assert settings.unused == ("--access-log", "--persistence")


@pytest.mark.parametrize("arguments", [[], ["Model", "--nope"], ["Model", "--http-port", "x"]])
def test_wrong_usage_ends_with_status_255(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(arguments, {})
    assert caught.value.code == 255
    assert "seldon-core-microservice" in capsys.readouterr().err


async def program(component: str, folder: Path, **env: str) -> asyncio.subprocess.Process:
    names = ("HTTP", "GRPC", "METRICS")
    ports = {f"PREDICTIVE_UNIT_{name}_SERVICE_PORT": "0" for name in names}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "seldon_core.microservice.main",
        component,
        cwd=folder,
        env={**os.environ, **ports, "PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path), **env},
        stderr=asyncio.subprocess.PIPE,
    )


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("component", "parameters", "says"),
    [
        (SERVER, '[{"name":"model_uri","value":"/no/such/folder","type":"STRING"}]', "/no/such/folder does not exist"),
        (SERVER, "[]", "The parameter model_uri, or the variable MLSERVER_MODEL_URI"),
        (SERVER, "{", "MICROSERVICE_BAD_PARAMETER"),
        ("Nowhere.Model", "[]", "The module Nowhere cannot be imported"),
        ("Broken", "[]", "Broken raised RuntimeError: no model today"),
        ("Exits", "[]", "Exits raised SystemExit: 3"),
    ],
)
async def test_what_does_not_load_ends_it_with_one_sentence_in_both_places(
    component: str, parameters: str, says: str, tmp_path: Path
) -> None:
    (tmp_path / "Broken.py").write_text(
        "class Broken:\n    def load(self):\n        raise RuntimeError('no model today\\nx')\n"
    )
    (tmp_path / "Exits.py").write_text("class Exits:\n    def load(self):\n        raise SystemExit(3)\n")
    log = tmp_path / "termination-log"
    log.touch()
    process = await program(component, tmp_path, PREDICTIVE_UNIT_PARAMETERS=parameters, SELDON_TERMINATION_LOG=str(log))
    _, error = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 1
    plain = [line for line in error.decode().splitlines() if not line.startswith("{")]
    assert len(plain) == 1
    assert says in plain[0]
    assert plain[0] == f"seldon-core-microservice: {log.read_text()}"


@pytest.mark.asyncio
async def test_sigterm_ends_it_with_status_0_even_while_a_model_loads(tmp_path: Path) -> None:
    (tmp_path / "Slow.py").write_text(
        "import threading\nclass Slow:\n    def load(self):\n        threading.Event().wait()\n"
    )
    port = free_port()
    process = await program("Slow", tmp_path, PREDICTIVE_UNIT_HTTP_SERVICE_PORT=str(port))
    pool = HttpPool()
    async with asyncio.timeout(20):
        while True:
            try:
                answer = await pool.request("127.0.0.1", port, "GET", "/health/status")
                break
            except CallError:
                await asyncio.sleep(0.01)
    assert answer.status == 503
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), 10) == 0


@pytest.mark.asyncio
async def test_after_sigterm_it_serves_on_until_its_clients_have_gone(tmp_path: Path) -> None:
    """An executor in the pod may have the next step of a graph to ask for, on old connections and on new ones."""
    (tmp_path / "Echo.py").write_text("class Echo:\n    def predict(self, X, names):\n        return X\n")
    port = free_port()
    process = await program("Echo", tmp_path, PREDICTIVE_UNIT_HTTP_SERVICE_PORT=str(port))
    assert process.stderr is not None
    while b"model is loaded" not in await process.stderr.readline():
        pass
    old, new = HttpPool(), HttpPool()
    body = b'{"data": {"ndarray": [[1]]}}'
    assert (await old.request("127.0.0.1", port, "POST", "/predict", body=body)).status == 200
    process.send_signal(signal.SIGTERM)
    while b"stopping" not in await process.stderr.readline():
        pass
    for _ in range(100):
        assert (await old.request("127.0.0.1", port, "POST", "/predict", body=body, repeatable=False)).status == 200
        assert (await new.request("127.0.0.1", port, "POST", "/predict", body=body)).status == 200
        await new.close()
    await old.close()
    assert await asyncio.wait_for(process.wait(), 3) == 0


@pytest.mark.asyncio
async def test_a_second_sigterm_ends_the_wait_for_clients(tmp_path: Path) -> None:
    (tmp_path / "Echo.py").write_text("class Echo:\n    pass\n")
    port = free_port()
    process = await program("Echo", tmp_path, PREDICTIVE_UNIT_HTTP_SERVICE_PORT=str(port))
    assert process.stderr is not None
    while b"model is loaded" not in await process.stderr.readline():
        pass
    pool = HttpPool()
    assert (await pool.request("127.0.0.1", port, "GET", "/health/ping")).status == 200
    process.send_signal(signal.SIGTERM)
    while b"stopping" not in await process.stderr.readline():
        pass
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), 3) == 0
    await pool.close()
