"""The run of all environments: each with its status and duration, and one cluster for those that can share it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from devtools import suite
from devtools.paths import ROOT

TOX = """#!/bin/sh
echo "$3 keep=${SELDON_KEEP_CLUSTER:-0}" >>"$SELDON_CACHE/called"
[ "$3" != unit ]
"""


@pytest.fixture
def called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tox that writes down how it is called; its environment `unit` fails."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "tox").write_text(TOX)
    (tools / "tox").chmod(0o755)
    monkeypatch.setenv("SELDON_CACHE", str(tmp_path))
    monkeypatch.delenv("SELDON_KEEP_CLUSTER", raising=False)
    monkeypatch.setattr(suite, "environment", lambda _: tools)
    monkeypatch.setattr(suite.ahead, "NEEDED_BY", {})
    monkeypatch.setattr(suite.docker, "stop", lambda: None)
    return tmp_path / "called"


def test_the_notebooks_run_on_the_cluster_that_e2e_leaves(called: Path) -> None:
    assert suite.run_all(["e2e", "notebooks", "e2e-istio"]) == 0

    assert called.read_text().splitlines() == ["e2e keep=1", "notebooks keep=0", "e2e-istio keep=0"]


def test_e2e_alone_leaves_no_cluster(called: Path) -> None:
    assert suite.run_all(["e2e"]) == 0
    assert called.read_text().splitlines() == ["e2e keep=0"]


def test_all_run_and_one_failure_fails_the_whole(called: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert suite.run_all(["unit", "chart"]) == 1

    assert [line.split()[0] for line in called.read_text().splitlines()] == ["unit", "chart"]
    table = capsys.readouterr().out
    assert "FAILED with status 1" in table
    assert table.count("passed") == 1


def test_every_environment_is_one_of_tox() -> None:
    listed = re.search(r"^env_list = (.+)$", (ROOT / "tox.ini").read_text(), re.MULTILINE)
    assert listed is not None
    assert tuple(listed[1].split(", ")) == suite.ENVIRONMENTS
