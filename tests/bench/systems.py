"""The systems of the table: how each is started, and where it then answers which protocol.

A new one is a function from (family, Place) to a Launch and an entry in SYSTEMS; whatever is not here, or does not
answer a protocol, is not listed in the table, and the report says so.
"""

from __future__ import annotations

import base64
import json
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from devtools import venv

from .payloads import MODEL
from .processes import Program, free_ports

ORDER = ("embedded", "sidecar", "mlserver", "mlserver-batching", "mlserver-default", "seldon-core-1.17.1")
"""Of the systems in the tables."""
_HOST = "127.0.0.1"
_PEERS = Path(__file__).parent / "peers"


@dataclass(frozen=True)
class Place:
    """What a system is given."""

    model: Path
    """The folder with model.joblib, stored by the system's own scikit-learn."""
    scratch: Path
    """A folder of its own."""
    python: Path
    """Its interpreter."""


@dataclass(frozen=True)
class Launch:
    """What is started, and the port of each protocol."""

    programs: tuple[Program, ...]
    ports: Mapping[str, int]
    behind: Mapping[str, int] = field(default_factory=dict)
    """Ports of the server behind an orchestrator, to measure the hop between them."""


@dataclass(frozen=True)
class System:
    """One row of the table, at each number of connections."""

    name: str
    about: str
    """How it is run, for the report."""
    families: tuple[str, ...]
    python: Callable[[], Path]
    """Its interpreter; installs what it needs into the cache where it is not there."""
    packages: tuple[str, ...]
    """Whose versions the report names."""
    launch: Callable[[str, Place], Launch]
    only: frozenset[tuple[int, int]] = frozenset()
    """(connections, rows) that are measured, where not all are."""

    def is_measured(self, connections: int, rows: int) -> bool:
        """Whether this entry of the table is."""
        return not self.only or (connections, rows) in self.only


_NOTHING: Mapping[str, float] = {}
_NO_VARIABLES: Mapping[str, str] = {}
_FEW = frozenset({(1, 1), (64, 1)})
"""(connections, rows) of variants of a peer: what shows what a setting gains and costs."""


def _own_python() -> Path:
    return Path(sys.executable)


_OWN_PACKAGES = ("scikit-learn", "numpy", "uvloop", "httptools", "orjson", "hpack", "protobuf")


def _server(name: str, place: Place, ports: Sequence[int], more: Mapping[str, str] = _NO_VARIABLES) -> Program:
    """Our model server on its ports for REST, gRPC and metrics."""
    http, grpc, metrics = ports
    return Program(
        name,
        [
            str(place.python),
            "-m",
            "seldon_core.microservice.main",
            "seldon_core.servers.sklearn.SKLearnServer",
            f"--http-port={http}",
            f"--grpc-port={grpc}",
            f"--metrics-port={metrics}",
        ],
        {
            "PREDICTIVE_UNIT_ID": MODEL,
            "PREDICTIVE_UNIT_PARAMETERS": json.dumps(
                [{"name": "model_uri", "value": str(place.model), "type": "STRING"}]
            ),
            "SELDON_DEPLOYMENT_ID": MODEL,
            "PREDICTOR_ID": "default",
            **more,
        },
    )


def _executor_words(family: str, http: int, grpc: int) -> list[str]:
    names = ["--sdep", MODEL, "--namespace", "default", "--predictor", "default"]
    return [*names, "--http_port", str(http), "--grpc_port", str(grpc), "--protocol", family]


def _predictor(http: int, grpc: int) -> str:
    """ENGINE_PREDICTOR, as the operator writes it."""
    endpoint = {"service_host": _HOST, "service_port": http, "httpPort": http, "grpcPort": grpc, "type": "REST"}
    graph = {"name": MODEL, "type": "MODEL", "implementation": "SKLEARN_SERVER", "endpoint": endpoint}
    return base64.b64encode(json.dumps({"name": "default", "replicas": 1, "graph": graph}).encode()).decode()


def _embedded(family: str, place: Place) -> Launch:
    http, grpc, metrics, outer_http, outer_grpc = free_ports(5)
    told = {
        "SELDON_EXECUTOR_ARGS": shlex.join(_executor_words(family, outer_http, outer_grpc)),
        "ENGINE_PREDICTOR": _predictor(http, grpc),
    }
    server = _server("embedded", place, (http, grpc, metrics), told)
    return Launch((server,), {f"{family}-rest": outer_http, f"{family}-grpc": outer_grpc})


def _sidecar(family: str, place: Place) -> Launch:
    http, grpc, metrics, outer_http, outer_grpc = free_ports(5)
    server = _server("sidecar-server", place, (http, grpc, metrics))
    executor = Program(
        "sidecar-executor",
        [str(place.python), "-m", "seldon_core.executor.main", *_executor_words(family, outer_http, outer_grpc)],
        {"ENGINE_PREDICTOR": _predictor(http, grpc)},
    )
    return Launch(
        (server, executor),
        {f"{family}-rest": outer_http, f"{family}-grpc": outer_grpc},
        {f"{family}-rest": http, f"{family}-grpc": grpc},
    )


_ONE_PROCESS = {
    # As it comes it hands each request to a second process, which costs on a single core.
    "MLSERVER_PARALLEL_WORKERS": "0",
    # As it comes it writes a line for each request.
    "MLSERVER_DEBUG": "false",
}


def _mlserver(
    _family: str, place: Place, environment: Mapping[str, str] = _ONE_PROCESS, model: Mapping[str, float] = _NOTHING
) -> Launch:
    http, grpc, metrics = free_ports(3)
    settings = {
        "name": MODEL,
        "implementation": "mlserver_sklearn.SKLearnModel",
        "parameters": {"uri": str(place.model / "model.joblib")},
        **model,
    }
    (place.scratch / "model-settings.json").write_text(json.dumps(settings))
    program = Program(
        "mlserver",
        [str(place.python.with_name("mlserver")), "start", str(place.scratch)],
        {
            "PYTHONPATH": "",
            "MLSERVER_HTTP_PORT": str(http),
            "MLSERVER_GRPC_PORT": str(grpc),
            "MLSERVER_METRICS_PORT": str(metrics),
            **environment,
        },
        place.scratch,
    )
    return Launch((program,), {"v2-rest": http, "v2-grpc": grpc})


def _mlserver_batching(family: str, place: Place) -> Launch:
    """With adaptive batching, which is off as it comes: up to 64 requests, for which it waits 5 ms."""
    return _mlserver(family, place, model={"max_batch_size": 64, "max_batch_time": 0.005})


def _mlserver_default(family: str, place: Place) -> Launch:
    """As it comes."""
    return _mlserver(family, place, environment={})


def _wrapper(_family: str, place: Place) -> Launch:
    http, grpc, metrics = free_ports(3)
    program = Program(
        "seldon-core-1.17.1",
        [
            str(place.python.with_name("seldon-core-microservice")),
            "sklearn_peer.SKLearnPeer",
            "--service-type=MODEL",
            f"--http-port={http}",
            f"--grpc-port={grpc}",
            f"--metrics-port={metrics}",
        ],
        {
            "PYTHONPATH": str(_PEERS),
            "PREDICTIVE_UNIT_PARAMETERS": json.dumps(
                [{"name": "model_uri", "value": str(place.model), "type": "STRING"}]
            ),
        },
        place.scratch,
    )
    return Launch((program,), {"seldon-rest": http, "seldon-grpc": grpc})


SYSTEMS = (
    System(
        "embedded",
        "our model server's process with the executor in it, as in a pod with one container; asked on the executor's "
        "ports",
        ("seldon", "v2"),
        _own_python,
        _OWN_PACKAGES,
        _embedded,
    ),
    System(
        "sidecar",
        "our executor's process before our model server's process, as in a pod with two containers; both on one core",
        ("seldon", "v2"),
        _own_python,
        _OWN_PACKAGES,
        _sidecar,
    ),
    System(
        "mlserver",
        "MLServer from PyPI with its scikit-learn runtime, as `mlserver start`, in one process (parallel_workers 0), "
        "without its line of log for each request (debug false)",
        ("v2",),
        lambda: venv.environment("bench-mlserver") / "python",
        ("mlserver", "mlserver-sklearn", "scikit-learn", "numpy", "uvloop", "fastapi", "uvicorn", "grpcio", "protobuf"),
        _mlserver,
    ),
    System(
        "mlserver-batching",
        "the same with its adaptive batching, which is off as it comes (max_batch_size 64, max_batch_time 5 ms)",
        ("v2",),
        lambda: venv.environment("bench-mlserver") / "python",
        ("mlserver", "mlserver-sklearn"),
        _mlserver_batching,
        _FEW,
    ),
    System(
        "mlserver-default",
        "MLServer with all its defaults: a second process for the model (parallel_workers 1), a line of log for each "
        "request",
        ("v2",),
        lambda: venv.environment("bench-mlserver") / "python",
        ("mlserver", "mlserver-sklearn"),
        _mlserver_default,
        _FEW,
    ),
    System(
        "seldon-core-1.17.1",
        "the Python wrapper of v1.17.1 from PyPI with a class like its SKLEARN_SERVER, without an orchestrator before "
        "it, with its own defaults (one gunicorn worker, one gRPC worker)",
        ("seldon",),
        lambda: venv.environment("bench-seldon") / "python",
        ("seldon-core", "scikit-learn", "numpy", "flask", "gunicorn", "grpcio", "protobuf", "setuptools"),
        _wrapper,
    ),
)
