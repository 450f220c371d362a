"""What judges objects by policy (checkov, kube-score, rules of this house), and the exceptions that were decided."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

from devtools.shell import run

from .helm import NEWEST
from .stage import StageBrokenError

EXCEPTIONS = Path(__file__).with_name("policy-exceptions.yaml")
CHECKOV_GROUPS = Path(__file__).with_name("checkov_groups.py")
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


def checkov(groups: Mapping[str, Path]) -> Iterator[Violation]:
    """Ask checkov about folders of objects that belong together, by group. Raises CommandFailedError.

    Without its platform on the net, and isolated (`-I`): nothing of ours is on its path, and it may keep its bytecode,
    which takes half of its start otherwise.
    """
    python = Path(_program("CHECKOV")).resolve().with_name("python")
    quiet = {"BC_SKIP_MAPPING": "TRUE", "LOG_LEVEL": "ERROR"}
    done = run([python, "-I", CHECKOV_GROUPS, *groups.values()], timeout=300, env=quiet)
    found: Any = json.loads(done.stdout)
    for group, folder in groups.items():
        for failed in found[str(folder)]["failed"]:
            kind, _namespace, name = failed["resource"].split(".", 2)
            yield Violation("checkov", failed["id"], group, f"{kind}/{name}", failed["name"])
        for file in found[str(folder)]["unread"]:
            yield Violation("checkov", "parsing", group, file, "checkov cannot read this")


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
