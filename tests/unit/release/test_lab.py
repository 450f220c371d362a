"""What the cluster's stages compute of what they see: drift, logs, plots, values, and answers that are no."""

from __future__ import annotations

import json
from typing import Any

import pytest

from release import values
from release.lab_drift import drift
from release.lab_log import errors_in
from release.lab_questions import ClusterQuestions, GivenUpError
from release.lab_series import figures_of, percentile, series_of
from release.lab_values import retagged, values_with
from release.outcome import Severity
from tests.e2e.harness.load import Change
from tests.e2e.harness.loadgen import STATUS, Record
from tests.e2e.harness.waiting import HopelessError


@pytest.mark.parametrize(
    ("wanted", "live"),
    [
        ({"a": 1}, {"a": 1, "status": {"more": True}}),
        ({"a": {"b": [{"c": "x"}]}}, {"a": {"b": [{"c": "x", "default": 1}]}}),
        ({"env": "", "list": [], "map": {}, "none": None}, {}),
        ({"cpu": "0.5", "memory": "1024Mi"}, {"cpu": "500m", "memory": "1Gi"}),
        ({"limit": "1"}, {"limit": 1}),
    ],
)
def test_what_the_cluster_adds_or_writes_otherwise_is_no_drift(wanted: Any, live: Any) -> None:
    assert list(drift(wanted, live)) == []


@pytest.mark.parametrize(
    ("wanted", "live", "says"),
    [
        ({"a": {"b": 1}}, {"a": {"b": 2}}, "a.b: rendered 1, live 2"),
        ({"a": {"b": 1}}, {}, "a.b: rendered 1, live None"),
        ({"a": [{"b": "x"}, {"b": "y"}]}, {"a": [{"b": "x"}, {"b": "z"}]}, "a[1].b: rendered 'y', live 'z'"),
        ({"a": ["x"]}, {"a": ["x", "y"]}, "a: rendered ['x'], live ['x', 'y']"),
        ({"memory": "1Gi"}, {"memory": "1G"}, "memory: rendered '1Gi', live '1G'"),
        ({"on": True}, {"on": False}, "on: rendered True, live False"),
    ],
)
def test_drift_names_the_path_and_both_values(wanted: Any, live: Any, says: str) -> None:
    assert list(drift(wanted, live)) == [says]


def test_a_log_of_warnings_tells_of_no_error_and_a_trace_does() -> None:
    fine = [{"level": "info", "message": "serves"}, {"level": "warning", "message": "slow"}]
    bad = json.dumps({"level": "error", "message": "cannot write"})
    text = "\n".join(map(json.dumps, fine))

    assert errors_in(text) == []
    assert errors_in(f"{text}\n{bad}\nTraceback (most recent call last):") == [
        bad,
        "Traceback (most recent call last):",
    ]


def record(sent: float, seconds: float, kind: str = "") -> Record:
    return Record(1, sent, seconds, False, "classifier", kind, "")


def test_each_second_of_a_load_is_a_point_and_one_without_requests_is_zero() -> None:
    records = [record(100.0, 0.010), record(100.5, 0.030), record(102.1, 0.020, STATUS), record(103.0, 0.5)]

    rate, median, slow, failed = series_of(records, [Change("upgrade", 101.0, 102.0)])

    assert rate.points == ((0.0, 2.0), (1.0, 0.0), (2.0, 1.0))
    assert median.points == ((0.0, pytest.approx(10.0)), (2.0, pytest.approx(20.0)))
    assert slow.points == ((0.0, pytest.approx(30.0)), (2.0, pytest.approx(20.0)))
    assert failed.points == ((0.0, 0.0), (1.0, 0.0), (2.0, 1.0))
    assert rate.marks == ((1.0, "upgrade"),)


def test_figures_count_requests_and_failures_and_time_each_change() -> None:
    figures = figures_of([record(1.0, 0.1), record(2.0, 0.3, STATUS)], [Change("rollback", 1.0, 3.5)])

    assert (figures["requests"], figures["failed requests"]) == (2.0, 1.0)
    assert (figures["slowest answer, ms"], figures["rollback, s"]) == (300.0, 2.5)
    assert series_of([], []) == ()
    assert figures_of([], []) == {"requests": 0.0, "failed requests": 0.0}


def test_a_percentile_is_a_value_that_was_seen() -> None:
    times = [float(each) for each in range(1, 201)]

    assert (percentile(times, 50), percentile(times, 99), percentile(times, 100)) == (100.0, 198.0, 200.0)
    assert percentile([7.0], 99) == 7.0


VALUES = {
    "image": {"registry": "localhost", "repository": "seldon-core/operator", "tag": "1.0"},
    "executor": {"image": {"registry": "example.org", "repository": "mine", "tag": "7"}, "port": 8000},
    "storageInitializer": {"image": "localhost/seldon-core/fetch:1.0", "cpuLimit": "1"},
    "predictor_servers": {
        "SKLEARN_SERVER": {"protocols": {"v2": {"image": "localhost/seldon-core/sk", "defaultImageVersion": "1.0"}}},
        "TRITON_SERVER": {"protocols": {"v2": {"image": "nvcr.io/triton", "defaultImageVersion": "21"}}},
    },
}


def test_images_of_ours_get_other_tags_and_nothing_else_is_said() -> None:
    asked: list[tuple[str, str]] = []

    def tagged(repository: str, tag: str) -> str:
        asked.append((repository, tag))
        return f"{tag}@sha256:0"

    assert retagged(VALUES, tagged) == {
        "image": {"tag": "1.0@sha256:0"},
        "storageInitializer": {"image": "localhost/seldon-core/fetch:1.0@sha256:0"},
        "predictor_servers": {"SKLEARN_SERVER": {"protocols": {"v2": {"defaultImageVersion": "1.0@sha256:0"}}}},
    }
    assert {f"{repository}:{tag}" for repository, tag in asked} == set(values.own_images(VALUES))


def test_values_are_laid_over_each_other_and_none_is_changed() -> None:
    base = {"a": {"b": 1, "c": 2}, "d": [1]}

    assert values_with(base, {"a": {"b": 3}}, {"d": [2], "e": {}}) == {"a": {"b": 3, "c": 2}, "d": [2], "e": {}}
    assert base == {"a": {"b": 1, "c": 2}, "d": [1]}


def test_an_answer_of_no_is_a_blocker_in_its_own_words_with_its_notes() -> None:
    ask = ClusterQuestions()
    refused = AssertionError("not ready")
    refused.add_note("OOMKilled")

    with ask.expect("it works", where="Deployment/x", hint="look at it"):
        raise refused
    with ask.expect("it goes on", where="Deployment/x") as answer:
        answer.note("Deployment/x", "slow")
    with ask.expect("it is available", where="SeldonDeployment/x"):
        raise HopelessError("it reports Failed")

    found = [check.findings[0] for check in ask.checks]
    assert [check.passed for check in ask.checks] == [False, True, False]
    assert (found[0].severity, found[0].what, found[0].hint) == (Severity.BLOCKER, "not ready\nOOMKilled", "look at it")
    assert found[2].what == "it reports Failed"
    assert not ask.outcome().passed


def test_a_no_that_all_stands_on_ends_the_stage_and_a_fault_of_the_stage_is_no_answer() -> None:
    ask = ClusterQuestions()

    with pytest.raises(GivenUpError), ask.expect("it installs", where="chart", needed=True):
        raise AssertionError("refused")
    with pytest.raises(ZeroDivisionError), ask.expect("it counts", where="chart"):
        raise ZeroDivisionError

    assert [check.name for check in ask.checks] == ["it installs"]
