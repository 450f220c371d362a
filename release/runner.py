"""Runs the stages of a plan, one after the other, and keeps what each leaves."""

from __future__ import annotations

import shutil
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from devtools.shell import CommandFailedError

from .keys import image_ids, key_for, looks_at_images
from .results import Result, State, Store
from .stage import Context, Stage, StageBrokenError

Tell = Callable[[str], None]
INTERRUPTED = "the run was interrupted"


@dataclass(frozen=True)
class Run:
    """What came of a plan. `interrupted` names the stage that somebody stopped.

    `changed` are images that somebody built anew meanwhile: some stages judged the former, some the later ones.
    """

    results: tuple[Result, ...]
    interrupted: str = ""
    changed: tuple[str, ...] = ()


def outstanding(stages: Sequence[Stage], context: Context, store: Store) -> tuple[Stage, ...]:
    """Return the stages that have no result to take over: what is going to be run."""
    return tuple(stage for stage in stages if store.passed(stage.name, key_for(stage, context)) is None)


def run(stages: Sequence[Stage], context: Context, store: Store, *, fresh: bool, tell: Tell) -> Run:
    """Run the stages, or take over what passed under the same key. An interruption leaves the results so far."""
    results: list[Result] = []
    before = _images(stages, context)
    for position, stage in enumerate(stages):
        reason = _obstacle(stage, results)
        if reason:
            result = Result(stage.name, stage.title, State.NOT_RUN, "", reason=reason)
        else:
            try:
                result = _one(stage, replace(context, work=context.report / "files" / stage.name), store, fresh, tell)
            except KeyboardInterrupt:
                tell(f"{stage.name}: interrupted")
                results += (
                    Result(late.name, late.title, State.NOT_RUN, "", reason=INTERRUPTED) for late in stages[position:]
                )
                return Run(tuple(results), interrupted=stage.name)
        results.append(result)
        tell(_line(result))
    after = _images(stages, context)
    return Run(tuple(results), changed=tuple(each.partition("=")[0] for each in before if each not in after))


def _images(stages: Sequence[Stage], context: Context) -> tuple[str, ...]:
    return image_ids(context) if any(map(looks_at_images, stages)) else ()


def _obstacle(stage: Stage, earlier: Sequence[Result]) -> str:
    """Say why a stage cannot be run: one that it comes after was asked for, and did not pass."""
    for result in earlier:
        if result.name in stage.after and not result.passed:
            how = {State.NOT_RUN: "was not run", State.BROKEN: "could not be carried out"}.get(result.state, "failed")
            return f"not run because {result.name} {how}"
    return ""


def _one(stage: Stage, context: Context, store: Store, fresh: bool, tell: Tell) -> Result:  # noqa: FBT001  # internal
    key = key_for(stage, context)
    if not fresh:
        kept = store.passed(stage.name, key)
        if kept:
            return kept
    store.forget(stage.name)
    shutil.rmtree(context.work, ignore_errors=True)
    context.work.mkdir(parents=True)
    tell(f"{stage.name}: {stage.title} ...")
    blank = Result(stage.name, stage.title, State.BROKEN, key, began=datetime.now(UTC).isoformat(timespec="seconds"))
    began = time.monotonic()
    try:
        outcome = stage.run(context)
    except (StageBrokenError, CommandFailedError) as broken:
        result = replace(blank, reason=str(broken))
    except Exception as fault:  # noqa: BLE001  # a fault of one stage must not hide what the others find
        (context.work / "traceback.txt").write_text(traceback.format_exc(), encoding="utf-8")
        where = (context.work / "traceback.txt").relative_to(context.report)
        result = replace(blank, reason=f"the stage itself is at fault: {type(fault).__name__}: {fault} (see {where})")
    else:
        state = State.PASSED if outcome.passed else State.FAILED
        result = replace(blank, state=state, outcome=outcome, reason="" if outcome.checks else "it asked nothing")
    result = replace(result, seconds=round(time.monotonic() - began, 3))
    store.save(result)
    return result


def _line(result: Result) -> str:
    if result.kept:
        return f"{result.name}: passed before, with the same chart and the same questions"
    reason = f": {result.reason}" if result.reason else ""
    took = f" in {result.seconds:.1f} s" if result.began else ""
    return f"{result.name}: {result.state}{took}{reason}"
