"""Stages and charts for tests of what runs them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from release.outcome import Check, Finding, Outcome, Severity
from release.stage import Chart, Context

BLOCKED = Finding(Severity.BLOCKER, "Deployment/<x>", "is <broken>\x1b[31m & worse", "mend it")
WARNED = Finding(Severity.WARNING, "values.yaml", "is odd")


def passing() -> Outcome:
    return Outcome((Check("asked", 0.1, (WARNED,)),))


def failing() -> Outcome:
    return Outcome((Check("asked", 0.1, (BLOCKED,)), Check("asked, too", 0.2)))


@dataclass
class Fake:
    """A stage that counts how often it was run."""

    name: str
    act: Callable[[], Outcome] = passing
    after: tuple[str, ...] = ()
    needs: tuple[str, ...] = ("helm",)
    title: str = "Is it <well>?"
    runs: list[Context] = field(default_factory=list)

    def run(self, context: Context) -> Outcome:
        self.runs.append(context)
        return self.act()


def chart(folder: Path, *, version: str = "0.1.0", text: str = "a: 1\n") -> Chart:
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text(f"apiVersion: v2\nname: mine\nversion: {version}\nappVersion: {version}\n")
    (folder / "values.yaml").write_text(text)
    return Chart(folder, "mine", version, version, "mine")


def context(folder: Path) -> Context:
    found = chart(folder / "chart")
    return Context(chart=found, previous=None, report=folder / "report", work=folder / "report" / "files")
