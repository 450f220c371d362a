"""Each chart that was broken on purpose is not shipped, and the reason is the one that it was broken for."""

from __future__ import annotations

from pathlib import Path

import pytest

from release.cli import main
from release.stages import ALL

from .broken import CHART, OFFLINE, Case, cases

PARAMETERS = [pytest.param(case, id=case.name, marks=getattr(pytest.mark, case.kind)) for case in cases()]


@pytest.mark.parametrize("case", PARAMETERS)
def test_it_is_not_shipped_and_the_reason_is_said(
    case: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chart = case.chart(tmp_path)
    with case.built():
        words = ["--chart", str(chart), "--report", str(tmp_path / "report"), "--stage", case.stage]
        status = main([*words, "--previous", str(CHART), *case.arguments])

    said = capsys.readouterr().out
    _, found, reasons = said.partition("\ndo not ship:\n")
    assert status == 1, said
    assert found, said
    assert any(all(words in line for words in case.says) for line in reasons.splitlines()), reasons


@pytest.mark.offline
@pytest.mark.parametrize("stage", [stage.name for stage in ALL if OFFLINE.issuperset(stage.needs)])
def test_the_chart_that_nobody_broke_passes(stage: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Otherwise a case could fail for a reason that is there without it."""
    status = main(["--chart", str(CHART), "--report", str(tmp_path), "--stage", stage, "--previous", str(CHART)])

    said = capsys.readouterr().out
    assert status == 0, said
    assert said.splitlines()[-1].startswith("ship, as far as was asked"), said


def test_there_are_more_than_twenty_ways() -> None:
    assert len(cases()) > 20
    assert len({case.why for case in cases()}) == len(cases())
