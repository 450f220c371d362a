"""When spans are recorded, and where they go: the variables of OpenTelemetry and of v1.17.1."""

import os
import subprocess
import sys

import pytest

from seldon_core.transport.tracing_settings import TracingSettings, parse

BOTH = ("tracecontext", "baggage", "b3multi")


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"TRACING": "0"},
        {"TRACING": "1", "OTEL_SDK_DISABLED": "true"},
        {"TRACING": "1", "OTEL_TRACES_EXPORTER": "none"},
        {"JAEGER_AGENT_HOST": "jaeger", "JAEGER_DISABLED": "true"},
        {"JAEGER_SERVICE_NAME": "x", "JAEGER_SAMPLER_TYPE": "const", "OTEL_SERVICE_NAME": "x"},
    ],
)
def test_off(environment: dict[str, str]) -> None:
    assert parse(environment, "executor") is None


@pytest.mark.parametrize(
    ("environment", "settings"),
    [
        ({"TRACING": "1"}, TracingSettings(service="executor")),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, TracingSettings(service="executor")),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "JAEGER_AGENT_HOST": "jaeger", "OTEL_SERVICE_NAME": "s"},
            TracingSettings(service="s"),
        ),
        (
            {"JAEGER_AGENT_HOST": "jaeger", "JAEGER_AGENT_PORT": "6831", "JAEGER_SERVICE_NAME": "mine"},
            TracingSettings(service="mine", endpoint="http://jaeger:4318/v1/traces"),
        ),
        (
            {"JAEGER_ENDPOINT": "http://j.ns:14268/api/traces", "JAEGER_TRACE_PROPAGATION_TYPE": "b3"},
            TracingSettings(service="executor", endpoint="http://j.ns:4318/v1/traces", propagators=("b3multi",)),
        ),
        (
            {"TRACING": "1", "JAEGER_SAMPLER_TYPE": "probabilistic", "JAEGER_SAMPLER_PARAM": "0.25"},
            TracingSettings(service="executor", share=0.25),
        ),
        (
            {"TRACING": "1", "JAEGER_SAMPLER_TYPE": "const", "JAEGER_SAMPLER_PARAM": "0"},
            TracingSettings(service="executor", share=0.0),
        ),
        (
            {"TRACING": "1", "JAEGER_SAMPLER_TYPE": "const", "OTEL_TRACES_SAMPLER": "always_off"},
            TracingSettings(service="executor"),
        ),
        (
            {"TRACING": "1", "OTEL_PROPAGATORS": "b3, tracecontext", "JAEGER_TAGS": "a=b,c = d,e"},
            TracingSettings(
                service="executor", propagators=("b3", "tracecontext"), attributes=(("a", "b"), ("c", "d"))
            ),
        ),
        ({"TRACING": "1", "OTEL_PROPAGATORS": "none"}, TracingSettings(service="executor", propagators=())),
    ],
)
def test_on(environment: dict[str, str], settings: TracingSettings) -> None:
    assert parse(environment, "executor") == settings


def test_an_option_asks_for_it_as_well() -> None:
    assert parse({}, "Model", wanted=True) == TracingSettings(service="Model")


def test_a_sampler_that_is_not_followed_is_said() -> None:
    made = parse({"TRACING": "1", "JAEGER_SAMPLER_TYPE": "ratelimiting"}, "executor")
    assert made is not None
    assert "JAEGER_SAMPLER_TYPE ratelimiting is not followed" in made.advice


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "OTEL_TRACES_EXPORTER is zipkin"),
        ({"TRACING": "1", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "OTEL_EXPORTER_OTLP_PROTOCOL is grpc"),
        ({"TRACING": "1", "OTEL_PROPAGATORS": "jaeger"}, "OTEL_PROPAGATORS names jaeger; use some of tracecontext"),
        ({"TRACING": "1", "JAEGER_SAMPLER_TYPE": "const", "JAEGER_SAMPLER_PARAM": "x"}, "JAEGER_SAMPLER_PARAM is 'x'"),
        ({"JAEGER_ENDPOINT": "jaeger"}, "JAEGER_ENDPOINT is no URL"),
    ],
)
def test_what_cannot_be_followed_is_one_sentence(environment: dict[str, str], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse(environment, "executor")


@pytest.mark.parametrize("program", ["seldon_core.executor.main", "seldon_core.microservice.main"])
def test_a_program_without_tracing_imports_nothing_of_it(program: str) -> None:
    code = f"import sys, {program}; print(any(name.startswith('opentelemetry') for name in sys.modules))"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == "False"
