"""The command as a pipeline calls it: what it refuses, what it leaves, what it says last."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from release.cli import main

from .broken import CHART, ROOT

pytestmark = pytest.mark.offline


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--stage", "polcy"], "--stage polcy: there is no such stage; did you mean policy?"),
        (["--chart", "nowhere"], "--chart nowhere: there is no such file or folder"),
        (["--chart", str(ROOT / "README.md")], "this file is no chart package"),
        (
            ["--previous", "no-such-ref"],
            "--previous no-such-ref: neither a file or folder, nor a commit, tag or branch",
        ),
        (["--values", "nowhere.yaml"], "nowhere.yaml: there is no such file"),
        (["--report", "/dev/null/report"], "--report /dev/null/report: Not a directory"),
    ],
)
def test_wrong_usage_is_one_sentence_and_status_2(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--report", str(tmp_path), *words]) == 2

    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("release-validate: ")
    assert said in lines[0]


def test_what_is_left_to_provide_is_nothing_once_a_stage_has_passed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    needs = tmp_path / "needs"
    words = ["--report", str(tmp_path / "report"), "--previous", str(CHART), "--stage", "package"]
    main([*words, "--needs-to", str(needs)])
    assert needs.read_text() == "helm"

    assert main(words) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("ship, as far as was asked; not asked: lint, ")
    main([*words, "--needs-to", str(needs)])
    assert needs.read_text() == ""
    main([*words, "--fresh", "--needs-to", str(needs)])
    assert needs.read_text() == "helm"


def test_a_run_that_is_ended_from_outside_leaves_a_report_and_goes_on(tmp_path: Path) -> None:
    report = tmp_path / "report"
    words = [sys.executable, "-u", "-m", "release", "--report", str(report), "--previous", str(CHART)]
    stages = ["--stage", "package", "--stage", "render"]
    with subprocess.Popen([*words, *stages], stdout=subprocess.PIPE, text=True, env={**os.environ}) as running:
        assert running.stdout is not None
        for line in running.stdout:
            if line.startswith("render: "):  # it has begun
                running.send_signal(signal.SIGTERM)
                break
        rest = running.stdout.read()

    assert running.returncode == 130
    assert rest.endswith("do not ship:\n  interrupted during render; the same command goes on there\n")
    found = json.loads((report / "report.json").read_text())
    assert {each["name"]: each["state"] for each in found["stages"]} == {"render": "not run", "package": "not run"}


def test_two_runs_do_not_write_one_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    holder = (
        "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.flock(f, 2); print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", holder, str(tmp_path / ".lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        assert main(["--report", str(tmp_path), "--stage", "lint"]) == 2

    assert "another run writes there" in capsys.readouterr().err
