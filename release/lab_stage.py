"""What the cluster's stages have in common: each is a function of a visit to the pipeline's own cluster."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from devtools.paths import ROOT

from . import values
from .lab import Lab
from .lab_helm import Release
from .lab_questions import ANSWERED_NO, ClusterQuestions, GivenUpError, words_of
from .outcome import Outcome
from .stage import Chart, Context, StageBrokenError

HARNESS = ROOT / "tests" / "e2e" / "harness"


@dataclass(frozen=True)
class Visit:
    """One run of a stage on the pipeline's cluster."""

    lab: Lab
    release: Release
    context: Context
    ask: ClusterQuestions = field(default_factory=ClusterQuestions)

    @property
    def chart(self) -> Chart:
        """The chart under test."""
        return self.context.chart

    @property
    def values(self) -> Mapping[str, Any]:
        """What the release is told of this cluster, beside what the user of the pipeline gave."""
        return self.lab.gateway.values

    @property
    def previous(self) -> Chart:
        """What users have now. Raises StageBrokenError where nobody has said what that is."""
        if self.context.previous is None:
            raise StageBrokenError(
                "there is no previous release to start from: name a chart or a commit by --previous."
            )
        return self.context.previous


@dataclass(frozen=True)
class ClusterStage:
    """A stage that is a function of a visit to the cluster. It can be run alone: `body` makes what it starts from."""

    name: str
    title: str
    body: Callable[[Visit], None]
    after: tuple[str, ...] = ()
    needs: tuple[str, ...] = ("release-cluster",)

    def inputs(self, context: Context) -> tuple[Path, ...]:  # noqa: ARG002  # every stage's are asked for in this form
        """What its answers depend on beside `release/`: the means to ask a cluster."""
        return (HARNESS,)

    def run(self, context: Context) -> Outcome:
        """Ask the stage's questions. Raises StageBrokenError where there is no cluster to ask."""
        lab = Lab.enter(context.work)
        lab.load(values.own_images(values.in_force(context)))
        visit = Visit(lab, Release(lab, context.values), context)
        try:
            self.body(visit)
        except GivenUpError:
            pass
        except ANSWERED_NO as no:
            # Not a question's answer: what the stage starts from did not come to be.
            raise StageBrokenError(words_of(no)) from no
        # Who reads of slow answers has to know what else this machine did.
        visit.ask.figures[f"load of this machine, {os.cpu_count()} cores"] = round(os.getloadavg()[0], 1)
        return visit.ask.outcome()
