"""The sets of values with which a chart is looked at: switching a feature shows templates that defaults do not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from devtools.paths import ROOT

from .stage import Chart, Context

OURS = ROOT / "release" / "value-sets"


@dataclass(frozen=True)
class ValueSet:
    """A name and the files of values, in Helm's order."""

    name: str
    files: tuple[Path, ...]


def value_sets(context: Context) -> tuple[ValueSet, ...]:
    """Return the defaults, the sets of release/value-sets, those of the chart's `ci/`, and the user's own."""
    found = [ValueSet("defaults", ())]
    found += [ValueSet(file.stem, (file,)) for file in sorted(OURS.glob("*.yaml"))]
    found += [ValueSet(f"ci/{file.stem}", (file,)) for file in _ci(context.chart)]
    if context.values:
        found.append(ValueSet("as it will be installed", context.values))
    return tuple(found)


def _ci(chart: Chart) -> list[Path]:
    return sorted((chart.folder / "ci").glob("*.yaml"))
