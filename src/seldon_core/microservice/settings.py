"""The microservice's command line and environment, as v1.17.1 has them. Source: specification 4.

Options that tuned v1.17.1's web server (workers, keep-alive, request limits) are accepted, and named in a warning
where they are set: one process serves here.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import msgspec
import orjson

_UNUSED = (
    "--workers",
    "--max-requests",
    "--max-requests-jitter",
    "--keepalive",
    "--pidfile",
    "--grpc-threads",
    "--grpc-workers",
)
_UNUSED_SWITCHES = ("--single-threaded", "--access-log", "--tracing")
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
    model_metadata: str = ""
    termination_log: Path = Path("/dev/termination-log")
    identity: Identity = Identity()
    unused: tuple[str, ...] = ()
    """Options that were given and mean nothing here."""


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
    parser.add_argument(
        "--threads", type=int, default=env("GUNICORN_THREADS", "1"), help="threads for the class's methods"
    )
    parser.add_argument("--log-level", default=env("SELDON_LOG_LEVEL", "INFO"))
    parser.add_argument("--debug", nargs="?", const="true", default=env("SELDON_DEBUG", "false"))
    parser.add_argument("--persistence", nargs="?", default="0", help=argparse.SUPPRESS)
    for name in _UNUSED:
        parser.add_argument(name, help=argparse.SUPPRESS)
    for name in _UNUSED_SWITCHES:
        parser.add_argument(name, nargs="?", const="true", help=argparse.SUPPRESS)
    flags = parser.parse_args(arguments)
    return Settings(
        component=flags.component,
        parameters=flags.parameters,
        http_port=flags.http_port,
        grpc_port=flags.grpc_port,
        metrics_port=flags.metrics_port,
        metrics_path=env("PREDICTIVE_UNIT_METRICS_ENDPOINT", "/metrics"),
        threads=max(flags.threads, 1),
        log_level="DEBUG" if _true(flags.debug) else flags.log_level,
        metrics_in_answers=_true(env("INCLUDE_METRICS_IN_CLIENT_RESPONSE", "true")),
        model_metadata=env("MODEL_METADATA", ""),
        termination_log=Path(env("SELDON_TERMINATION_LOG", "/dev/termination-log")),
        identity=_identity(environment),
        unused=tuple(
            name
            for name in (*_UNUSED, *_UNUSED_SWITCHES)
            if getattr(flags, name.strip("-").replace("-", "_")) is not None
        ),
    )


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
