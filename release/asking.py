"""Asking a stage's questions: each becomes a check with its duration and its findings, in the order of asking."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from .outcome import Check, Finding, Severity


@dataclass
class Answer:
    """What is found while one question is asked."""

    findings: list[Finding] = field(default_factory=list)

    def blocker(self, where: str, what: str, hint: str = "") -> None:
        """Add a reason not to ship."""
        self.findings.append(Finding(Severity.BLOCKER, where, what, hint))

    def warning(self, where: str, what: str, hint: str = "") -> None:
        """Add what a release manager should weigh."""
        self.findings.append(Finding(Severity.WARNING, where, what, hint))

    def note(self, where: str, what: str, hint: str = "") -> None:
        """Add what is worth knowing."""
        self.findings.append(Finding(Severity.NOTE, where, what, hint))


class Questions:
    """The checks of a stage, collected."""

    def __init__(self) -> None:
        self._checks: list[Check] = []

    @contextlib.contextmanager
    def ask(self, name: str) -> Iterator[Answer]:
        """Time one question. What it raises is the stage's business: the question is not recorded then."""
        answer, began = Answer(), time.monotonic()
        yield answer
        # The same thing seen with several values or versions is one finding.
        self._checks.append(Check(name, time.monotonic() - began, tuple(dict.fromkeys(answer.findings))))

    @property
    def checks(self) -> tuple[Check, ...]:
        """What was asked so far."""
        return tuple(self._checks)
