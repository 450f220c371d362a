"""Whether spans are recorded, and where they go: OpenTelemetry's variables, and those of v1.17.1's Jaeger client.

Nothing of OpenTelemetry is imported here: a process without tracing pays for none of it. Source: specification 3, 4
(tracing); OpenTelemetry's specification of environment variables.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

if TYPE_CHECKING:
    from .tracing import Tracing

PROPAGATORS = ("tracecontext", "baggage", "b3", "b3multi")
_DEFAULT_PROPAGATORS = "tracecontext,baggage,b3multi"  # both: meshes of either kind stand before a cluster
_OTLP_PORT = 4318
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_TRUE = frozenset({"1", "t", "true", "y", "yes", "on"})


class TracingSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How one process records spans. What is not told here, OpenTelemetry's packages read from their own variables."""

    service: str
    endpoint: str = ""
    """A URL of OTLP over HTTP; "" for that of OpenTelemetry's variables, and their default."""
    share: float | None = None
    """Of the traces that begin here, recorded; None for OTEL_TRACES_SAMPLER, and for all without that."""
    propagators: tuple[str, ...] = ("tracecontext", "baggage", "b3multi")
    attributes: tuple[tuple[str, str], ...] = ()
    advice: str = ""
    """A sentence for the log, about a setting that is not followed."""


def parse(environment: Mapping[str, str], service: str, *, wanted: bool = False) -> TracingSettings | None:
    """The settings of this process, None where nobody asks for tracing. Raises ValueError, one sentence.

    `service` is the name where the environment gives none; `wanted` is what an option says.
    """
    env = _Environment(environment)
    if env.true("OTEL_SDK_DISABLED") or env.true("JAEGER_DISABLED") or env("OTEL_TRACES_EXPORTER") == "none":
        return None
    jaeger = env("JAEGER_AGENT_HOST") or env("JAEGER_ENDPOINT")
    told = any(map(env, _ENDPOINTS))
    if not (wanted or env.true("TRACING") or told or jaeger or env("OTEL_TRACES_EXPORTER")):
        return None
    _check(env)
    share, advice = _share(env)
    return TracingSettings(
        service=env("OTEL_SERVICE_NAME") or env("JAEGER_SERVICE_NAME") or service,
        endpoint=_of_jaeger(env) if jaeger and not told else "",
        share=share,
        propagators=_propagators(env),
        attributes=_pairs(env("JAEGER_TAGS")) + _pairs(env("JAEGER_EXTRA_TAGS")),
        advice=advice,
    )


class _Environment:
    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def __call__(self, name: str) -> str:
        return self._environment.get(name, "").strip()

    def true(self, name: str) -> bool:
        return self(name).lower() in _TRUE


def _check(env: _Environment) -> None:
    if (exporter := env("OTEL_TRACES_EXPORTER")) not in {"", "otlp"}:
        raise ValueError(f"OTEL_TRACES_EXPORTER is {exporter}, and spans are exported by OTLP alone; use otlp or none.")
    for name in ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"):
        if (protocol := env(name)) not in {"", "http/protobuf"}:
            raise ValueError(f"{name} is {protocol}, and spans are exported over HTTP alone; use http/protobuf.")


def _of_jaeger(env: _Environment) -> str:
    """Jaeger itself takes OTLP, at a port of its own; the agent's UDP and Thrift are of the past."""
    host = env("JAEGER_AGENT_HOST") or urlsplit(env("JAEGER_ENDPOINT")).hostname
    if not host:
        raise ValueError("JAEGER_ENDPOINT is no URL; set OTEL_EXPORTER_OTLP_ENDPOINT, such as http://jaeger:4318.")
    return f"http://{f'[{host}]' if ':' in host else host}:{_OTLP_PORT}/v1/traces"


def _share(env: _Environment) -> tuple[float | None, str]:
    kind, text = env("JAEGER_SAMPLER_TYPE"), env("JAEGER_SAMPLER_PARAM")
    if not kind or env("OTEL_TRACES_SAMPLER"):
        return None, ""
    if kind not in {"const", "probabilistic"}:
        return (
            None,
            f"JAEGER_SAMPLER_TYPE {kind} is not followed: all is recorded; use const or probabilistic.",
        )
    try:
        share = float(text or "1")
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise ValueError(f"JAEGER_SAMPLER_PARAM is {text!r}; use a number from 0 to 1.")
    return (share if kind == "probabilistic" else float(share > 0)), ""


def _propagators(env: _Environment) -> tuple[str, ...]:
    text = env("OTEL_PROPAGATORS")
    if not text and env("JAEGER_TRACE_PROPAGATION_TYPE") == "b3":
        text = "b3multi"
    names = tuple(name.strip() for name in (text or _DEFAULT_PROPAGATORS).split(","))
    if names == ("none",):
        return ()
    for name in names:
        if name not in PROPAGATORS:
            raise ValueError(f"OTEL_PROPAGATORS names {name}; use some of {', '.join(PROPAGATORS)}, or none.")
    return names


def _pairs(text: str) -> tuple[tuple[str, str], ...]:
    """`key=value,key=value`; what is none is left out, as Jaeger's client did."""
    pairs = (part.partition("=") for part in text.split(","))
    return tuple((key.strip(), value.strip()) for key, sign, value in pairs if sign and key.strip())


def begin(settings: TracingSettings | None, attributes: Mapping[str, str]) -> "Tracing | None":
    """The recorder of spans, None without settings. Raises ValueError where OpenTelemetry's packages are not there."""
    if settings is None:
        return None
    try:
        from .tracing import Tracing
    except ModuleNotFoundError as error:
        raise ValueError(
            f"Tracing is asked for, and the package {error.name} is not installed; install the extra `tracing`, "
            "or unset TRACING, OTEL_* and JAEGER_*."
        ) from error
    return Tracing(settings, attributes)
