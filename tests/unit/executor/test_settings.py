"""Flags in every spelling that Go's flag package takes, and the values that make no sense."""

import pytest

from seldon_core.executor.settings import Settings, SettingsError, parse

RENDERED = (
    "--sdep sklearn --namespace ns --predictor default --http_port 8000 --grpc_port 5001 --protocol seldon "
    "--transport rest --prometheus_path /prometheus --server_type rpc --log_work_buffer_size 10000 "
    "--log_write_timeout_ms 2000 --full_health_checks=false"
)


def read(flags: str, **env: str) -> Settings:
    return parse(flags.split(), env)


def test_the_arguments_that_the_operator_writes() -> None:
    settings = read(RENDERED, ENGINE_PREDICTOR="x")
    assert (settings.deployment, settings.namespace, settings.predictor) == ("sklearn", "ns", "default")
    assert (settings.http_port, settings.prometheus_path, settings.full_health_checks) == (8000, "/prometheus", False)
    assert settings.engine_predictor == "x"
    # Of the pod's end: this container's pre-stop sleep is 5 s, the models' 10 s; requests in flight need the rest.
    assert 0 < settings.shutdown_delay <= 10 - 5 - 2


@pytest.mark.parametrize(
    "flags",
    [
        "-sdep a -predictor b -http_port 1 -full_health_checks",
        "--sdep=a -predictor=b --http_port=1 --full_health_checks=true",
        "-full_health_checks -sdep a --predictor b -http_port=1",
        "-full_health_checks=T -kafka_broker x --kafka_full_graph -log_kafka_topic t -sdep a -predictor b -http_port=1",
    ],
)
def test_spellings(flags: str) -> None:
    settings = read(flags)
    assert (settings.deployment, settings.predictor, settings.http_port, settings.full_health_checks) == (
        "a",
        "b",
        1,
        True,
    )


def test_defaults_are_those_of_v1_17_1() -> None:
    settings = read("--sdep a --predictor b")
    assert (settings.http_port, settings.grpc_port, settings.prometheus_path) == (8080, 5000, "/metrics")
    assert settings.graceful_timeout == 15


@pytest.mark.parametrize(
    ("text", "seconds"), [("0", 0), ("20s", 20), ("1m30s", 90), ("500ms", 0.5), ("1.5h", 5400), ("7", 7)]
)
def test_durations(text: str, seconds: float) -> None:
    settings = read(f"--sdep a --predictor b --shutdown_delay {text} --graceful_timeout={text}")
    assert settings.shutdown_delay == settings.graceful_timeout == seconds


@pytest.mark.parametrize("text", ["x", "5 s", "5d", "s", "5s5"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(SettingsError, match=r"--graceful_timeout: .* is no duration"):
        parse(["--sdep", "a", "--predictor", "b", f"--graceful_timeout={text}"], {})


def test_file_is_refused_not_ignored() -> None:
    with pytest.raises(SettingsError, match="ENGINE_PREDICTOR"):
        read("--sdep a --predictor b --file graph.yaml")


@pytest.mark.parametrize(
    "flags", ["", "--sdep a", "--sdep a --predictor b --nope 1", "--sdep a --predictor b --http_port x"]
)
def test_wrong_usage_ends_with_status_2(flags: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        read(flags)
    assert caught.value.code == 2
    assert "seldon-core-executor" in capsys.readouterr().err


def test_environment() -> None:
    settings = read(
        "--sdep a --predictor b",
        SELDON_LOG_LEVEL="WARNING",
        SELDON_ENABLE_ROUTING_INJECTION="false",
        SELDON_DEBUG="false",
    )
    assert settings.log_level == "WARNING"
    assert settings.inject_routing, "any value that is not empty switches it on, as in v1.17.1"
    assert read("--sdep a --predictor b --debug").log_level == "DEBUG"
