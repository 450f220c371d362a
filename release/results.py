"""Results of stages, one JSON file each, written so that an interruption at any moment leaves a whole file or none."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

import msgspec

from .outcome import Finding, Outcome, Severity


class State(StrEnum):
    """How a stage ended."""

    PASSED = "passed"
    FAILED = "failed"
    BROKEN = "broken"
    """Its questions could not be asked."""
    NOT_RUN = "not run"
    """A stage before it did not pass, or the run was interrupted."""


@dataclass(frozen=True)
class Result:
    """What came of one stage. `key` stands for everything that the result depends on; `began` is ISO 8601, UTC."""

    name: str
    title: str
    state: State
    key: str
    began: str = ""
    seconds: float = 0.0
    reason: str = ""
    """Why it is broken or was not run."""
    outcome: Outcome | None = None
    kept: bool = False
    """Taken over from an earlier run with the same key."""

    @property
    def passed(self) -> bool:
        """Whether the release may go on."""
        return self.state is State.PASSED

    def findings(self, severity: Severity) -> tuple[Finding, ...]:
        """Return the findings of that severity."""
        checks = self.outcome.checks if self.outcome else ()
        return tuple(each for check in checks for each in check.findings if each.severity is severity)


class Store:
    """The results below a report folder (`stages/NAME.json`)."""

    def __init__(self, report: Path) -> None:
        self._report = report
        self._folder = report / "stages"

    def passed(self, name: str, key: str) -> Result | None:
        """Return the result of a stage that passed under this key, if its files are still there."""
        try:
            found = msgspec.json.decode((self._folder / f"{name}.json").read_bytes(), type=Result)
        except (OSError, msgspec.DecodeError):
            return None
        if not found.passed or found.key != key:
            return None
        if found.outcome and not all((self._report / file).exists() for file in found.outcome.files):
            return None
        return replace(found, kept=True)

    def save(self, result: Result) -> None:
        """Write a result in the place of the former one."""
        write(self._folder / f"{result.name}.json", msgspec.json.format(msgspec.json.encode(result)))

    def forget(self, name: str) -> None:
        """Remove a stage's result: it is about to be made anew, and must not be believed where that is interrupted."""
        (self._folder / f"{name}.json").unlink(missing_ok=True)


def write(path: Path, content: bytes | str) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, scratch = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    with os.fdopen(handle, "wb") as out:
        out.write(content.encode() if isinstance(content, str) else content)
    Path(scratch).chmod(0o644)
    Path(scratch).replace(path)
