"""The executor's command line and environment, as v1.17.1's operator writes them.

Flags come in the form of Go's flag package: one dash or two, `-name value` or `-name=value`, and a bare `-name` for a
truth value. Source: specification 1.2 (the container's args) and 3 (the flags).
"""

import argparse
import re
import socket
from collections.abc import Mapping, Sequence

import msgspec

from seldon_core.transport import tracing_settings
from seldon_core.transport.tracing_settings import TracingSettings

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(h|ms|m|s|us|ns)")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
_PROTOCOLS = {"seldon": "", "kfserving": "v2"}  # names to how they are called here
_TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})
_FALSE = frozenset({"0", "f", "F", "false", "FALSE", "False"})
_SWITCHES = frozenset({"full_health_checks", "debug", "kafka_full_graph", "kafka_auto_commit"})
_KAFKA = ("kafka_", "log_kafka_")
# With the pre-stop sleep of 5 s it ends 2 s before the models are signalled, after their sleep of 10 s: time to finish
# what is in flight with every node still listening.
_DEFAULT_SHUTDOWN_DELAY = "3s"
_LOG_ENDPOINT = "http://default-broker"  # as the chart has it


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that one executor is told. Times in seconds."""

    deployment: str
    namespace: str
    predictor: str
    http_port: int
    grpc_port: int
    protocol: str
    """"" for Seldon's own, v2 or tensorflow."""
    transport: str
    server_type: str
    prometheus_path: str
    full_health_checks: bool
    graceful_timeout: float
    """For which requests in flight are waited for at the end."""
    shutdown_delay: float
    """Between SIGTERM and the end of listening: the time in which routers learn that this pod goes."""
    log_level: str
    max_body_bytes: int
    engine_predictor: str
    cert_folder: str
    inject_routing: bool
    allowed_origins: str
    allowed_headers: str
    hostname: str = ""
    """By which events of the request logger name this process."""
    protocol_name: str = "seldon"
    """As the command line has it."""
    log_endpoint: str = _LOG_ENDPOINT
    """Where loggers without a URL send to."""
    log_workers: int = 10
    log_queue_size: int = 10_000
    log_wait: float = 2.0
    """For which an event waits for room in the queue."""
    log_kafka_broker: str = ""
    tracing: TracingSettings | None = None


class SettingsError(ValueError):
    """A flag or variable that makes no sense, in one sentence."""


def parse(arguments: Sequence[str], environment: Mapping[str, str]) -> Settings:
    """The settings of this process.

    Raises SettingsError for values; unknown flags and missing required ones end the process with status 2, as Go's do.
    """
    flags = _parser().parse_args(_dashes(arguments))
    if flags.file:
        raise SettingsError("--file is not supported: give the predictor in the environment variable ENGINE_PREDICTOR.")
    level = flags.log_level or environment.get("SELDON_LOG_LEVEL", "INFO")
    debug = flags.debug or _is_true(environment.get("SELDON_DEBUG", "false"))
    try:
        tracing = tracing_settings.parse(environment, "executor")
    except ValueError as error:
        raise SettingsError(str(error)) from error
    return Settings(
        deployment=flags.sdep,
        namespace=flags.namespace,
        predictor=flags.predictor,
        http_port=flags.http_port,
        grpc_port=flags.grpc_port,
        protocol=_PROTOCOLS.get(flags.protocol, flags.protocol),
        transport=flags.transport,
        server_type=flags.server_type,
        prometheus_path=flags.prometheus_path,
        full_health_checks=flags.full_health_checks,
        graceful_timeout=_seconds("graceful_timeout", flags.graceful_timeout),
        shutdown_delay=_seconds("shutdown_delay", flags.shutdown_delay),
        log_level="DEBUG" if debug else level,
        max_body_bytes=flags.max_body_bytes,
        engine_predictor=environment.get("ENGINE_PREDICTOR", ""),
        cert_folder=environment.get("SELDON_CERT_MOUNT_PATH", ""),
        inject_routing=bool(environment.get("SELDON_ENABLE_ROUTING_INJECTION", "")),
        allowed_origins=environment.get("CORS_ALLOWED_ORIGINS", ""),
        allowed_headers=environment.get("CORS_ALLOWED_HEADERS", ""),
        hostname=flags.hostname or environment.get("POD_NAME", "") or socket.gethostname(),
        protocol_name=flags.protocol or "seldon",
        log_endpoint=environment.get("REQUEST_LOGGER_DEFAULT_ENDPOINT", "") or _LOG_ENDPOINT,
        log_workers=_at_least("logger_workers", flags.logger_workers, 1),
        log_queue_size=_at_least("log_work_buffer_size", flags.log_work_buffer_size, 1),
        log_wait=_at_least("log_write_timeout_ms", flags.log_write_timeout_ms, 0) / 1000,
        log_kafka_broker=flags.log_kafka_broker or environment.get("LOGGER_KAFKA_BROKER", ""),
        tracing=tracing,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="seldon-core-executor", description="Serve one predictor's graph.", allow_abbrev=False
    )
    parser.add_argument("--sdep", required=True, help="name of the SeldonDeployment")
    parser.add_argument("--namespace", default="default", help="its namespace")
    parser.add_argument("--predictor", required=True, help="name of the predictor")
    parser.add_argument("--http_port", type=int, default=8080, help="port of REST and of the metrics")
    parser.add_argument("--grpc_port", type=int, default=5000, help="port of gRPC")
    parser.add_argument(
        "--protocol", default="seldon", help="protocol of the payloads: seldon, v2 (or kfserving) or tensorflow"
    )
    parser.add_argument(
        "--transport", default="rest", help="rest or grpc; both are served, and nodes are called the way a request came"
    )
    parser.add_argument("--server_type", default="rpc", help="rpc")
    parser.add_argument("--prometheus_path", default="/metrics", help="path of the metrics")
    parser.add_argument("--graceful_timeout", default="15s", help="how long to wait for requests in flight at the end")
    parser.add_argument(
        "--shutdown_delay",
        default=_DEFAULT_SHUTDOWN_DELAY,
        help=f"how long to serve on after SIGTERM, until routers know (default {_DEFAULT_SHUTDOWN_DELAY})",
    )
    parser.add_argument("--full_health_checks", type=_is_true, default=False, help="ready only where nodes answer 200")
    parser.add_argument("--max_body_bytes", type=int, default=64 * 1024 * 1024, help="a larger request is answered 413")
    parser.add_argument("--log_level", default="", help="debug, info, warning or error (env SELDON_LOG_LEVEL)")
    parser.add_argument("--debug", type=_is_true, default=False, help="the same as --log_level debug")
    parser.add_argument("--hostname", default="", help="by which logged events name this process (env POD_NAME)")
    parser.add_argument("--logger_workers", type=int, default=10, help="how many logged events are sent at once")
    parser.add_argument("--log_work_buffer_size", type=int, default=10_000, help="how many of them may wait")
    parser.add_argument(
        "--log_write_timeout_ms", type=int, default=2000, help="how long one waits for room among those, then dropped"
    )
    for name in ("file", "log_kafka_broker"):
        parser.add_argument(f"--{name}", default="", help=argparse.SUPPRESS)
    return parser


def _dashes(arguments: Sequence[str]) -> list[str]:
    """Go's spelling of flags in argparse's. Kafka's flags are left out: they mean nothing for the server type rpc."""
    result: list[str] = []
    rest = list(arguments)
    while rest:
        argument = rest.pop(0)
        if not argument.startswith("-") or argument in {"-h", "-", "--"}:
            result.append(argument)
            continue
        name, assigned, value = argument.lstrip("-").partition("=")
        if not assigned and name in _SWITCHES:
            assigned, value = "=", "true"
        elif not assigned and rest and name != "help":
            assigned, value = "=", rest.pop(0)
        if not name.startswith(_KAFKA) or name == "log_kafka_broker":
            result.append(f"--{name}{assigned}{value}")
    return result


def _at_least(name: str, number: int, least: int) -> int:
    if number < least:
        raise SettingsError(f"--{name}: {number} is too small; use {least} or more.")
    return number


def _is_true(text: str) -> bool:
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")


def _seconds(name: str, text: str) -> float:
    """A duration as Go writes it (`1m30s`, `500ms`), or a plain number of seconds."""
    try:
        return float(text)
    except ValueError:
        parts = _DURATION.findall(text)
        if not parts or "".join(f"{number}{unit}" for number, unit in parts) != text:
            raise SettingsError(f"--{name}: {text!r} is no duration; write it like 15s, 500ms or 1m30s.") from None
        return sum(float(number) * _SECONDS[unit] for number, unit in parts)
