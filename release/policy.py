"""What judges objects by policy (checkov, kube-score, rules of this house), and the exceptions that were decided."""

from __future__ import annotations

import functools
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

from devtools.shell import run

from .helm import NEWEST
from .stage import StageBrokenError

EXCEPTIONS = Path(__file__).with_name("policy-exceptions.yaml")
SCANNERS = ("checkov", "kube-score", "house")
VULNERABILITY = "vulnerability"
"""In the place of a scanner: an exception for a known vulnerability (stage `images`), `check` is its identifier."""
_CRITICAL, _FULL = 1, 10
"""Grades of kube-score: 1 is critical, 10 is passed, what lies between is a warning."""


@dataclass(frozen=True)
class Violation:
    """A rule that an object breaks. `group` is the set of objects in which it was seen, `where` `Kind/name`."""

    scanner: str
    check: str
    group: str
    where: str
    what: str
    critical: bool = True


@dataclass(frozen=True)
class Exemption:
    """A rule that need not be kept, by objects that match `where` in sets that match `group`, and why."""

    scanner: str
    check: str
    reason: str
    where: str = "*"
    group: str = "*"

    def covers(self, violation: Violation) -> bool:
        """Tell whether the violation is what this exception is about."""
        return (
            (self.scanner, self.check) == (violation.scanner, violation.check)
            and fnmatchcase(violation.where, self.where)
            and fnmatchcase(violation.group, self.group)
        )


def exemptions(file: Path = EXCEPTIONS) -> tuple[Exemption, ...]:
    """Read the exceptions. Raises StageBrokenError where one gives no reason or names no scanner."""
    found: list[Exemption] = []
    for number, row in enumerate(yaml.safe_load(file.read_text(encoding="utf-8")) or (), start=1):
        try:
            exemption = Exemption(**row)
        except TypeError as wrong:
            raise StageBrokenError(f"{file.name}, exception {number}: {wrong}") from wrong
        if exemption.scanner not in (*SCANNERS, VULNERABILITY) or not exemption.reason.strip():
            raise StageBrokenError(
                f"{file.name}, exception {number}: name one of the scanners {', '.join((*SCANNERS, VULNERABILITY))}, "
                "and give a reason."
            )
        found.append(exemption)
    return tuple(found)


@functools.cache
def checkov(text: str, group: str) -> tuple[Violation, ...]:
    """Ask checkov about objects that belong together, without its platform on the net. Raises StageBrokenError.

    A start of it takes seconds: in one process the same objects are judged once.
    """
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "objects.yaml").write_text(text, encoding="utf-8")
        words = ["--directory", folder, "--framework", "kubernetes", "--skip-download", "--compact", "--quiet"]
        said = run([_program("CHECKOV"), *words, "--output", "json"], check=False, timeout=300, env=_quiet()).stdout
    return tuple(_of_checkov(said, group))


def _of_checkov(said: str, group: str) -> Iterator[Violation]:
    try:
        found: Any = json.loads(said)
    except ValueError as wrong:
        raise StageBrokenError(f"checkov gave no answer that can be read: {said[-300:]}") from wrong
    for report in found if isinstance(found, list) else [found]:
        for failed in report.get("results", {}).get("failed_checks", ()):
            kind, _namespace, name = failed["resource"].split(".", 2)
            yield Violation("checkov", failed["check_id"], group, f"{kind}/{name}", failed["check_name"])
        for file in report.get("results", {}).get("parsing_errors", ()):
            yield Violation("checkov", "parsing", group, file, "checkov cannot read this")


def _quiet() -> dict[str, str]:
    return {"BC_SKIP_MAPPING": "TRUE", "LOG_LEVEL": "ERROR"}


def kube_score(files: Sequence[Path], group: str) -> Iterator[Violation]:
    """Ask kube-score about objects that belong together. Raises StageBrokenError."""
    words = ["score", "--output-format", "json", "--kubernetes-version", f"v{NEWEST}", *map(str, files)]
    done = run([_program("KUBE_SCORE"), *words], check=False, timeout=120)
    try:
        found: Any = json.loads(done.stdout)
    except ValueError as wrong:
        raise StageBrokenError(f"kube-score gave no answer that can be read: {done.stderr[-300:]}") from wrong
    for item in found or ():
        where = f"{item['type_meta']['kind']}/{item['object_meta']['name']}"
        for check in item["checks"]:
            if check["skipped"] or check["grade"] >= _FULL:
                continue
            what = _summary(check["comments"]) or check["check"]["name"]
            yield Violation("kube-score", check["check"]["id"], group, where, what, check["grade"] <= _CRITICAL)


def _summary(comments: Sequence[dict[str, str]] | None) -> str:
    """Say what was found, each thing once with the containers that it was found in."""
    places: dict[str, list[str]] = {}
    for comment in comments or ():
        places.setdefault(comment["summary"], []).append(comment["path"])
    return "; ".join(f"{text} ({', '.join(where)})" if any(where) else text for text, where in places.items())


def _program(variable: str) -> str:
    found = os.environ.get(variable)
    if not found:
        raise StageBrokenError(f"{variable} is not set: start this with scripts/release-validate.")
    return found
