"""Stages are run in order, once for each content, and what they leave is whole at any moment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from devtools.shell import CommandFailedError
from release.keys import key_for
from release.outcome import Outcome, Severity
from release.results import State, Store
from release.runner import Run, outstanding, run
from release.stage import Context, StageBrokenError
from release.verdict import decide

from .stages import Fake, context, failing, passing


def go(folder: Context, *stages: Fake, fresh: bool = False) -> Run:
    return run(stages, folder, Store(folder.report), fresh=fresh, tell=lambda _text: None)


def test_a_stage_that_passed_is_not_run_again(tmp_path: Path) -> None:
    stage, here = Fake("one"), context(tmp_path)

    first, second = go(here, stage), go(here, stage)

    assert len(stage.runs) == 1
    assert not first.results[0].kept
    assert second.results[0].kept
    assert second.results[0].findings(Severity.WARNING) == first.results[0].findings(Severity.WARNING)
    assert outstanding([stage], here, Store(here.report)) == ()


def test_fresh_runs_it_again(tmp_path: Path) -> None:
    stage, here = Fake("one"), context(tmp_path)

    go(here, stage)
    go(here, stage, fresh=True)

    assert len(stage.runs) == 2


def test_another_chart_is_judged_anew(tmp_path: Path) -> None:
    stage, here = Fake("one"), context(tmp_path)
    go(here, stage)

    (here.chart.folder / "values.yaml").write_text("a: 2\n")
    go(here, stage)

    assert len(stage.runs) == 2


def test_a_stage_whose_own_inputs_changed_is_run_again(tmp_path: Path) -> None:
    here, file = context(tmp_path), tmp_path / "input"

    class Reading(Fake):
        def inputs(self, _context: Context) -> list[Path]:
            return [file]

    stage = Reading("one")
    file.write_text("1")
    before = key_for(stage, here)
    file.write_text("2")

    assert key_for(stage, here) != before


def test_what_failed_is_run_again(tmp_path: Path) -> None:
    stage, here = Fake("one", failing), context(tmp_path)

    assert go(here, stage).results[0].state is State.FAILED
    go(here, stage)

    assert len(stage.runs) == 2


def test_a_stage_after_one_that_failed_is_not_run_and_not_passed(tmp_path: Path) -> None:
    first, second, third = Fake("one", failing), Fake("two", after=("one",)), Fake("three", after=("two",))

    results = go(context(tmp_path), first, second, third, Fake("four")).results

    assert [each.state for each in results] == [State.FAILED, State.NOT_RUN, State.NOT_RUN, State.PASSED]
    assert results[1].reason == "not run because one failed"
    assert results[2].reason == "not run because two was not run"
    assert second.runs == third.runs == []


def test_a_stage_that_is_asked_alone_waits_for_nobody(tmp_path: Path) -> None:
    assert go(context(tmp_path), Fake("two", after=("one",))).results[0].passed


def test_a_stage_that_cannot_ask_or_is_at_fault_hides_nothing(tmp_path: Path) -> None:
    def broken() -> Outcome:
        raise StageBrokenError("there is no cluster")

    def refused() -> Outcome:
        raise CommandFailedError(["helm"], "ended with status 3", "no")

    def fault() -> Outcome:
        raise KeyError("x")

    here = context(tmp_path)
    results = go(here, Fake("a", broken), Fake("b", refused), Fake("c", fault), Fake("d", lambda: Outcome(()))).results

    assert [each.state for each in results] == [State.BROKEN, State.BROKEN, State.BROKEN, State.FAILED]
    assert results[0].reason == "there is no cluster"
    assert "`helm` ended with status 3" in results[1].reason
    assert "KeyError: 'x' (see files/c/traceback.txt)" in results[2].reason
    assert "fault" in (here.report / "files" / "c" / "traceback.txt").read_text()
    assert results[3].reason == "it asked nothing"


def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    def interrupted() -> Outcome:
        raise KeyboardInterrupt

    here, first, second = context(tmp_path), Fake("one"), Fake("two", interrupted)
    third = Fake("three")

    stopped = go(here, first, second, third)

    assert stopped.interrupted == "two"
    assert [each.state for each in stopped.results] == [State.PASSED, State.NOT_RUN, State.NOT_RUN]
    verdict = decide(stopped, ["one", "two", "three"])
    assert verdict.lines() == ("do not ship:", "  interrupted during two; the same command goes on there")
    second.act = passing
    assert all(each.passed for each in go(here, first, second, third).results)
    assert (len(first.runs), len(second.runs), len(third.runs)) == (1, 2, 1)


def test_a_result_of_an_earlier_chart_is_gone_once_its_stage_begins(tmp_path: Path) -> None:
    here, stage = context(tmp_path), Fake("one")
    go(here, stage)
    seen: list[bool] = []

    def look() -> Outcome:
        seen.append((here.report / "stages" / "one.json").exists())
        raise KeyboardInterrupt

    stage.act = look
    go(here, stage, fresh=True)

    assert seen == [False]


def test_a_result_that_was_cut_or_whose_files_are_gone_is_not_believed(tmp_path: Path) -> None:
    here = context(tmp_path)
    file = here.report / "files" / "one" / "package.tgz"

    def act() -> Outcome:
        file.write_text("x")
        return Outcome(passing().checks, files=("files/one/package.tgz",))

    stage, store = Fake("one", act), Store(here.report)
    go(here, stage)
    assert store.passed("one", key_for(stage, here))

    file.unlink()
    assert store.passed("one", key_for(stage, here)) is None

    result = here.report / "stages" / "one.json"
    file.write_text("x")
    result.write_bytes(result.read_bytes()[:100])
    assert store.passed("one", key_for(stage, here)) is None


def test_the_verdict_names_each_reason_on_a_line(tmp_path: Path) -> None:
    done = go(context(tmp_path), Fake("one", failing), Fake("two", after=("one",)))

    assert decide(done, ["one", "two"]).lines() == (
        "do not ship:",
        "  one: Deployment/<x>: is <broken>\x1b[31m & worse (mend it)",
        "  two: not run because one failed",
    )


def test_a_verdict_on_some_stages_says_which_were_left_out(tmp_path: Path) -> None:
    done = go(context(tmp_path), Fake("one"))

    assert decide(done, ["one"]).lines() == ("ship",)
    assert decide(done, ["one", "two"]).lines() == ("ship, as far as was asked; not asked: two",)
    assert not decide(Run(()), ["one"]).ship


def test_an_image_that_is_built_anew_meanwhile_is_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the first stage judged is not what the last one ran; stages that look at no image do not care."""
    here, docker, identity = context(tmp_path), tmp_path / "bin" / "docker", tmp_path / "id"
    (here.chart.folder / "values.yaml").write_text("image: localhost/a:1\n")
    docker.parent.mkdir()
    docker.write_text(f"#!/bin/sh\ncat {identity}\n")
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{docker.parent}:{os.environ['PATH']}")

    def rebuilt() -> Outcome:
        identity.write_text("sha256:2")
        return passing()

    identity.write_text("sha256:1")
    done = go(here, Fake("one", needs=("images",)), Fake("two", rebuilt, needs=("images",)))
    again = go(here, Fake("one", needs=("images",)), Fake("two", needs=("images",)))
    identity.write_text("sha256:1")
    offline = go(here, Fake("one", rebuilt), fresh=True)

    assert done.changed == ("localhost/a:1",)
    assert decide(done, ["one", "two"]).lines() == (
        "do not ship:",
        "  localhost/a:1: was built anew meanwhile, so not every stage judged the same; the same command goes on",
    )
    assert [result.kept for result in again.results] == [False, False]
    assert decide(again, ["one", "two"]).ship
    assert offline.changed == ()
