"""Ship, or do not, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .outcome import Finding, Severity
from .results import Result, State
from .runner import INTERRUPTED, Run

SHIP = "ship"
DO_NOT_SHIP = "do not ship"


@dataclass(frozen=True)
class Verdict:
    """The decision, its reasons (one line each), and the stages that nobody asked for."""

    ship: bool
    reasons: tuple[str, ...]
    not_asked: tuple[str, ...] = ()

    @property
    def word(self) -> str:
        """The decision in words."""
        return SHIP if self.ship else DO_NOT_SHIP

    def lines(self) -> tuple[str, ...]:
        """Return what ends a run's output."""
        if not self.ship:
            return (f"{DO_NOT_SHIP}:", *(f"  {reason}" for reason in self.reasons))
        if self.not_asked:
            return (f"{SHIP}, as far as was asked; not asked: {', '.join(self.not_asked)}",)
        return (SHIP,)


def decide(run: Run, all_names: Sequence[str]) -> Verdict:
    """Judge a run: it ships where every stage that was asked for passed, and at least one was."""
    reasons = [reason for result in run.results for reason in _reasons(result)]
    if run.interrupted:
        reasons.insert(0, f"interrupted during {run.interrupted}; the same command goes on there")
    reasons += (
        f"{image}: was built anew meanwhile, so not every stage judged the same; the same command goes on"
        for image in run.changed
    )
    if not run.results:
        reasons.append("nothing was asked")
    asked = {result.name for result in run.results}
    return Verdict(not reasons, tuple(reasons), tuple(name for name in all_names if name not in asked))


def _reasons(result: Result) -> list[str]:
    if result.passed:
        return []
    blockers = [_line(result.name, each) for each in result.findings(Severity.BLOCKER)]
    if result.state is State.NOT_RUN and result.reason == INTERRUPTED:
        return []  # said once
    return list(dict.fromkeys(blockers)) or [f"{result.name}: {' '.join(result.reason.split())}"]


def _line(stage: str, finding: Finding) -> str:
    hint = f" ({finding.hint})" if finding.hint else ""
    return " ".join(f"{stage}: {finding.where}: {finding.what}{hint}".split())
