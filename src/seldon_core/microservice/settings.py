"""The microservice's command line and environment, as v1.17.1 has them. Source: specification 4.

Options of v1.17.1 that mean nothing here are accepted, and named in a warning where they are set.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import msgspec
import orjson

from seldon_core.transport import tracing_settings
from seldon_core.transport.tracing_settings import TracingSettings

from . import embedded, worker_settings
from .worker_settings import WorkerSettings

_UNUSED = ("--access-log", "--persistence")
_UNSET = "not-available"


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Which unit of which deployment this is, as answers and metrics tell it."""

    unit: str = ""
    image: str = ""
    deployment: str = _UNSET
    predictor: str = _UNSET
    predictor_version: str = _UNSET


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that one microservice is told."""

    component: str
    """MODULE or MODULE.CLASS."""
    parameters: str = "[]"
    http_port: int = 9000
    grpc_port: int = 5000
    metrics_port: int = 6000
    metrics_path: str = "/metrics"
    threads: int = 1
    """Threads that run the user's code: one, unless its author says that more are safe."""
    log_level: str = "INFO"
    metrics_in_answers: bool = True
    passthrough: bool = False
    """Bodies of predictions over REST reach `predict_raw` as they are."""
    model_metadata: str = ""
    termination_log: Path = Path("/dev/termination-log")
    identity: Identity = Identity()
    workers: WorkerSettings = WorkerSettings()
    tracing: TracingSettings | None = None
    executor: Mapping[str, str] = {}
    """The variables of an executor in this process; none where another one calls it."""
    cert_folder: str = ""
    """With the certificate of REST and gRPC; "" for none. An executor calls nodes without."""
    unused: tuple[str, ...] = ()
    """Options that were given and mean nothing here."""

    def with_ports(self, **ports: int) -> "Settings":
        """The same with other ports, by the fields' names."""
        return msgspec.structs.replace(self, **ports)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Exit status 255, as v1.17.1 has it."""
        self.print_usage(sys.stderr)
        self.exit(255, f"{self.prog}: {message}\n")


def parse(arguments: Sequence[str], environment: Mapping[str, str]) -> Settings:
    """The settings of this process. Unknown options end it with status 255."""
    env = environment.get
    parser = _Parser(prog="seldon-core-microservice", description="Serve a Python class as a unit of a graph.")
    parser.add_argument(
        "component", metavar="MODULE[.CLASS]", help="the class; MODULE alone means the class of that name"
    )
    parser.add_argument(
        "--service-type", default="MODEL", help="the unit's type; every endpoint is served for all of them"
    )
    parser.add_argument(
        "--parameters", default=env("PREDICTIVE_UNIT_PARAMETERS", "[]"), help="JSON list of name, value, type"
    )
    parser.add_argument("--http-port", type=int, default=env("PREDICTIVE_UNIT_HTTP_SERVICE_PORT", "9000"))
    parser.add_argument("--grpc-port", type=int, default=env("PREDICTIVE_UNIT_GRPC_SERVICE_PORT", "5000"))
    parser.add_argument("--metrics-port", type=int, default=env("PREDICTIVE_UNIT_METRICS_SERVICE_PORT", "6000"))
    worker_settings.add_options(parser, environment)
    parser.add_argument("--log-level", default="INFO", help="the variable SELDON_LOG_LEVEL overrules it, as in v1.17.1")
    parser.add_argument("--debug", nargs="?", const="true", default=env("SELDON_DEBUG", "false"))
    parser.add_argument("--tracing", nargs="?", const="true", default="false", help="record spans (env TRACING)")
    for name in _UNUSED:
        parser.add_argument(name, nargs="?", const="true", help=argparse.SUPPRESS)
    flags = parser.parse_args(arguments)
    try:
        tracing = tracing_settings.parse(environment, _service(flags.component), wanted=_true(flags.tracing))
    except ValueError as error:
        parser.error(str(error))
    return Settings(
        component=flags.component,
        parameters=flags.parameters,
        http_port=flags.http_port,
        grpc_port=flags.grpc_port,
        metrics_port=flags.metrics_port,
        metrics_path=env("PREDICTIVE_UNIT_METRICS_ENDPOINT", "/metrics"),
        threads=worker_settings.threads(flags),
        log_level="DEBUG" if _true(flags.debug) else env("SELDON_LOG_LEVEL") or flags.log_level,
        metrics_in_answers=_true(env("INCLUDE_METRICS_IN_CLIENT_RESPONSE", "true")),
        passthrough=_true(env("PAYLOAD_PASSTHROUGH", "")),
        model_metadata=env("MODEL_METADATA", ""),
        termination_log=Path(env("SELDON_TERMINATION_LOG", "/dev/termination-log")),
        identity=_identity(environment),
        workers=worker_settings.of(flags, preload=_preload(flags.preload, environment)),
        cert_folder=env("SELDON_CERT_MOUNT_PATH", "") if _true(env("SELDON_MICROSERVICE_TLS", "")) else "",
        tracing=tracing,
        executor=embedded.variables(environment),
        unused=tuple(name for name in _UNUSED if getattr(flags, name.strip("-").replace("-", "_")) is not None),
    )


def _preload(text: str, environment: Mapping[str, str]) -> bool | None:
    """None where nobody says anything. The program itself says `never`, where it has seen that it does not work."""
    if environment.get("SELDON_PRELOAD") == worker_settings.NEVER:
        return False
    return _true(text) if text else None


def _service(component: str) -> str:
    """By which spans name this process: the class, as in v1.17.1."""
    return component.rpartition(".")[2]


def _identity(environment: Mapping[str, str]) -> Identity:
    env = environment.get
    return Identity(
        unit=env("PREDICTIVE_UNIT_ID", ""),
        image=env("PREDICTIVE_UNIT_IMAGE", ""),
        deployment=env("SELDON_DEPLOYMENT_ID", _UNSET),
        predictor=env("PREDICTOR_ID", _UNSET),
        predictor_version=_version(env("PREDICTOR_LABELS", "")),
    )


def _version(labels: str) -> str:
    try:
        document = orjson.loads(labels)
    except orjson.JSONDecodeError:
        return _UNSET
    return str(document.get("version", _UNSET)) if isinstance(document, dict) else _UNSET


def _true(text: str) -> bool:
    return text.strip().lower() in {"1", "t", "true", "y", "yes", "on"}
