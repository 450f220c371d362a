"""What is written of a run: the schema that others read, targets, doubts, the chart."""

from __future__ import annotations

import dataclasses
import json
from xml.etree import ElementTree as ET

import pytest

from tests.bench import chart, report
from tests.bench.__main__ import main
from tests.bench.campaign import Campaign, NothingToMeasureError
from tests.bench.cell import Cores
from tests.bench.payloads import PROTOCOLS
from tests.bench.plan import QUICK, Plan
from tests.bench.results import About, Ceiling, Entry, Hop, Noise, Result, Run, Start
from tests.bench.systems import ORDER, SYSTEMS
from tests.bench.targets import verdicts

KEYS = ["system", "protocol", "connections", "rows", "rps", "p50_ms", "p99_ms", "cpu_us", "rss_mb", "errors"]
QUIET = Noise(0.2, 0.01, 0.0)


def entry(system: str, protocol: str, connections: int, rps: float, p50: float = 0.3, *, noise: Noise = QUIET) -> Entry:
    return Entry(Result(system, protocol, connections, 1, rps, p50, 9.0, 50.0, 150.0, 0), noise, {})


@pytest.fixture
def run() -> Run:
    about = About(
        "tox -e bench",
        "2026-11-21",
        "abc",
        {"cpu": "A", "cores": "2", "memory": "8 GB", "kernel": "6"},
        4.0,
        600,
        {"embedded": {"numpy": "2"}},
        {"embedded": "one process"},
        ["sidecar is not in the table for v2: because."],
    )
    entries = [
        entry("embedded", "seldon-rest", 1, 3_000),
        entry("embedded", "seldon-rest", 64, 16_000),
        entry("embedded", "seldon-grpc", 64, 3_000),
        entry("mlserver", "v2-rest", 1, 1_500, 0.7),
        entry("mlserver", "v2-rest", 64, 1_000),
        entry("mlserver", "v2-grpc", 64, 1_000),
        entry("mlserver-batching", "v2-rest", 64, 2_000),
    ]
    hops = [Hop("seldon-rest", 30.0, 0.3)]
    return Run(about, entries, [Ceiling("rest", 64, 1, 90_000, 8.0)], hops, [Start("embedded", "seldon", 1.2)])


def test_the_document_has_the_results_by_their_names(run: Run) -> None:
    document = json.loads(json.dumps(run.document()))

    assert all(list(result) == KEYS for result in document["results"])
    assert {result["system"] for result in document["results"]} == {"embedded", "mlserver"}
    assert [result["system"] for result in document["variants"]] == ["mlserver-batching"]
    assert len(document["trust"]) == len(run.entries)


def test_targets_are_held_against_figures_of_the_same_run(run: Run) -> None:
    met = {verdict.target: verdict.met for verdict in verdicts(run)}

    assert met["embedded, seldon-rest, 64 connections: at least 15,000 requests/s"]
    assert met["embedded, seldon-rest, 64 connections: at least 15x MLServer's 1,000/s"]
    assert not met["embedded, seldon-grpc, 64 connections: at least 4,000 requests/s"]
    assert met["embedded, seldon-grpc, 64 connections: at least 3x MLServer's 1,000/s"]
    assert met["embedded, seldon-rest, 1 connection: p50 at most half of MLServer's 0.70 ms"]
    assert met["the executor as a sidecar, seldon-rest: at most 40 us CPU a request"]
    assert not met["the executor as a sidecar, seldon-rest: at most 0.2 ms added at p50"]
    assert met["embedded: at most 200 MB after load"]


def test_the_report_has_every_entry_and_marks_what_is_quoted(run: Run) -> None:
    text = report.write(run)

    assert "| 64 | embedded | 16,000 | 0.30 | 9.00 | 50 | 150 | 0 |" in text
    assert "sidecar is not in the table for v2: because." in text
    assert "**Not of this run.**" in text
    assert "| 64 | 470 | 118 | 300 |" in text
    assert "Do not publish" not in text


def test_a_noisy_run_says_so(run: Run) -> None:
    noisy = dataclasses.replace(
        run, entries=[*run.entries, entry("embedded", "v2-rest", 64, 9, noise=Noise(0, 0.5, 0))]
    )

    assert any("Do not publish" in doubt for doubt in report.doubts(noisy))


def test_a_figure_at_the_generator_s_limit_is_marked(run: Run) -> None:
    limited = dataclasses.replace(run, entries=[entry("embedded", "seldon-rest", 64, 9, noise=Noise(0.95, 0, 0))])

    assert "| 9 † |" in report.write(limited)
    assert any("†" in doubt for doubt in report.doubts(limited))


def test_errors_are_named(run: Run) -> None:
    result = dataclasses.replace(run.entries[0].result, errors=3)
    wrong = dataclasses.replace(run, entries=[Entry(result, QUIET, {"wrong numbers": 3})])

    assert any(
        "3 requests without a right answer, most often: wrong numbers" in doubt for doubt in report.doubts(wrong)
    )


def test_the_chart_is_an_image_with_a_bar_for_each_figure(run: Run) -> None:
    root = ET.fromstring(chart.draw(run))  # noqa: S314 - our own text
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]

    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "16,000" in texts
    assert "0.70" in texts
    assert "sidecar" not in texts


def test_a_run_of_nothing_is_still_an_image(run: Run) -> None:
    ET.fromstring(chart.draw(dataclasses.replace(run, entries=[])))  # noqa: S314 - our own text


def test_every_system_has_a_place_in_the_tables_and_in_the_chart() -> None:
    assert {system.name for system in SYSTEMS} <= set(ORDER)
    assert set(ORDER) <= chart._COLOURS.keys()
    assert {family for system in SYSTEMS for family in system.families} <= {p.family for p in PROTOCOLS.values()}


def measured_seconds(plan: Plan) -> float:
    """What a plan takes at the clock, with four systems that are in all tables, of which two have all protocols."""
    entries = 0
    for connections in plan.connections:
        for rows in plan.rows:
            few = 4 if (connections, rows) in {(1, 1), (64, 1)} else 0
            entries += 4 * 2 + 2 * 2 + few
    hops = 2 * 4
    ceilings = 2 * len(plan.connections) * len(plan.rows)
    return (entries + hops) * (plan.seconds + plan.warm_up) + ceilings * (plan.ceiling_seconds + 0.2)


def test_a_run_ends_in_time_for_somebody_who_waits_for_it() -> None:
    assert measured_seconds(Plan()) < 10.5 * 60
    assert measured_seconds(QUICK) < 60


def test_systems_that_cannot_be_started_are_told(tmp_path_factory: pytest.TempPathFactory) -> None:
    plan = Plan(systems=("embedded",), rows=(1,))
    campaign = Campaign(plan, Cores(1, 0), tmp_path_factory.mktemp("bench"), print)

    with pytest.raises(NothingToMeasureError):
        campaign.prepare(())
    assert campaign.found.absent == [
        "embedded is not in the table: this version of the project has no such system to start."
    ]


def test_an_unknown_name_is_refused_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--systems", "kserve"])
    assert "'kserve' is unknown: choose from embedded, sidecar" in capsys.readouterr().err
