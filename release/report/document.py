"""The whole of a run as one value: report.json is its JSON, the other reports are made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from release.chart import content_key
from release.keys import image_id
from release.repository import head
from release.results import Result
from release.runner import Run
from release.stage import Chart, Context, StageBrokenError
from release.values import in_force, own_images
from release.verdict import Verdict
from seldon_core import __version__

from .tools import versions


@dataclass(frozen=True)
class ChartFacts:
    """A chart of the run. `digest` is a key of its files' names and contents."""

    name: str
    version: str
    app_version: str
    source: str
    digest: str


@dataclass(frozen=True)
class Document:
    """The shape of report.json. Times are ISO 8601 in UTC, durations seconds; `images` are ids in the Docker daemon."""

    verdict: str
    reasons: tuple[str, ...]
    not_asked: tuple[str, ...]
    product: str
    commit: str
    chart: ChartFacts
    previous: ChartFacts | None
    written: str
    seconds: float
    tools: Mapping[str, str]
    images: Mapping[str, str]
    stages: tuple[Result, ...]


def document(context: Context, run: Run, verdict: Verdict) -> Document:
    """Put a run's facts together."""
    return Document(
        verdict=verdict.word,
        reasons=verdict.reasons,
        not_asked=verdict.not_asked,
        product=__version__,
        commit=head(),
        chart=_facts(context.chart),
        previous=_facts(context.previous) if context.previous else None,
        written=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=round(sum(result.seconds for result in run.results), 3),
        tools=versions(),
        images=_images(context),
        stages=run.results,
    )


def _facts(chart: Chart) -> ChartFacts:
    return ChartFacts(chart.name, chart.version, chart.app_version, chart.source, content_key(chart))


def _images(context: Context) -> dict[str, str]:
    try:
        named = own_images(in_force(context))
    except StageBrokenError:
        return {}
    return {name: image_id(name) or "not in the Docker daemon" for name in named}
