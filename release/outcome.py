"""What a stage found: checks, each with its findings, and what the report shows beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Severity(StrEnum):
    """What a finding means for the release."""

    BLOCKER = "blocker"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or worth knowing. `where` is an object, a file or a value; `hint` says what to do."""

    severity: Severity
    where: str
    what: str
    hint: str = ""


@dataclass(frozen=True)
class Check:
    """One question that a stage asked and how it was answered. It passes where no finding is a blocker."""

    name: str
    seconds: float
    findings: tuple[Finding, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether nothing here keeps the release from being shipped."""
        return all(finding.severity is not Severity.BLOCKER for finding in self.findings)


@dataclass(frozen=True)
class Series:
    """A line of a plot: seconds since the stage's load began, and values in `unit`. `marks` are named moments."""

    name: str
    unit: str
    points: tuple[tuple[float, float], ...]
    marks: tuple[tuple[float, str], ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What a stage leaves: its checks, named figures, plots, and files below the report folder (relative paths)."""

    checks: tuple[Check, ...]
    figures: Mapping[str, float | str] = field(default_factory=dict)
    series: tuple[Series, ...] = ()
    files: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every check passed. A stage that asked nothing has not passed."""
        return bool(self.checks) and all(check.passed for check in self.checks)
