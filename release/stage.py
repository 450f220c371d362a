"""What a stage is, and what it is given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from .outcome import Outcome


@dataclass(frozen=True)
class Chart:
    """A chart under test, unpacked. `source` is what the user named: a folder, a package, a commit."""

    folder: Path
    name: str
    version: str
    app_version: str
    source: str


@dataclass(frozen=True)
class Context:
    """What every stage may read. `work` is a folder of the stage's own for files that the report links to."""

    chart: Chart
    previous: Chart | None
    report: Path
    work: Path
    values: tuple[Path, ...] = ()
    """Files of values that the release will be installed with, beside the chart's defaults."""
    sign_key: str = ""
    """A key of the user's GnuPG; empty: a throw-away one is made."""
    vulnerability_db: Path | None = None


class Stage(Protocol):
    """One step of the pipeline."""

    @property
    def name(self) -> str:
        """What `--stage` and the report call it."""
        ...

    @property
    def title(self) -> str:
        """What it is about, for people."""
        ...

    @property
    def needs(self) -> tuple[str, ...]:
        """What devtools must provide: helm, images, release-cluster ..."""
        ...

    @property
    def after(self) -> tuple[str, ...]:
        """The stages without whose success it is not run, where they are asked for, too."""
        ...

    def run(self, context: Context) -> Outcome:
        """Ask the stage's questions. Raises StageBrokenError where a question could not be asked at all."""
        ...


class StageBrokenError(Exception):
    """A stage could not be carried out; the text says why and what to do. It does not ship either."""
