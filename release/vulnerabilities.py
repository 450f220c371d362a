"""Known vulnerabilities of packages: from a database on disk, or from the Python package index where it can be asked.

What could not be asked is said; silence is never taken for "none".
"""

from __future__ import annotations

import json
import os
import re
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devtools.shell import CommandFailedError, run

from .image_content import Package
from .versions import KEYS, Key

ECOSYSTEMS = {"PyPI": "pypi", "Go": "golang", "Debian": "deb"}
"""OSV's names of ecosystems, and the package URLs'."""


@dataclass(frozen=True)
class Known:
    """A vulnerability of a package; `fixed` is the version that has it no more, if there is one."""

    identifier: str
    package: Package
    summary: str
    fixed: str


class Database:
    """OSV records (https://ossf.github.io/osv-schema/), as OSV's dumps or a mirror give them: JSON files or zips."""

    def __init__(self, path: Path) -> None:
        self._by_name: dict[tuple[str, str], list[tuple[dict[str, Any], dict[str, Any]]]] = {}
        self.records = 0
        for record in _records(path):
            self.records += 1
            for affected in record.get("affected") or ():
                ecosystem, _, _ = affected.get("package", {}).get("ecosystem", "").partition(":")
                if ecosystem in ECOSYSTEMS and not record.get("withdrawn"):
                    key = (ECOSYSTEMS[ecosystem], _normal(ECOSYSTEMS[ecosystem], affected["package"]["name"]))
                    self._by_name.setdefault(key, []).append((record, affected))

    @property
    def ecosystems(self) -> frozenset[str]:
        """Of which ecosystems it knows anything."""
        return frozenset(ecosystem for ecosystem, _ in self._by_name)

    def of(self, package: Package, release: str) -> Iterator[Known]:
        """Give what is known of a package in an image of that distribution (`debian-12`)."""
        name, version = package.source or package.name, package.source_version or package.version
        for record, affected in self._by_name.get((package.ecosystem, _normal(package.ecosystem, name)), ()):
            _, _, number = affected["package"]["ecosystem"].partition(":")
            if number and f"debian-{number}" != release:
                continue
            hit, fixed = _affects(affected, version.removeprefix("v"), KEYS[package.ecosystem])
            if hit:
                yield Known(record["id"], package, record.get("summary") or record.get("details", "")[:160], fixed)


def _records(path: Path) -> Iterator[dict[str, Any]]:
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.suffix == ".zip":
            with zipfile.ZipFile(file) as opened:
                for name in opened.namelist():
                    if name.endswith(".json"):
                        yield json.loads(opened.read(name))
        elif file.suffix == ".json":
            yield json.loads(file.read_text(encoding="utf-8"))


def _normal(ecosystem: str, name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower() if ecosystem == "pypi" else name


def _affects(affected: dict[str, Any], version: str, key: Callable[[str], Key]) -> tuple[bool, str]:
    """Tell whether a version is affected, and which version fixes it. Source: the OSV schema, "Evaluation"."""
    if version in (affected.get("versions") or ()):
        return True, _fix(affected)
    for span in affected.get("ranges") or ():
        if span.get("type") == "GIT":
            continue
        inside = False
        for event in sorted(span.get("events") or (), key=lambda each: key(_at(each))):
            at = _at(event)
            if "introduced" in event and (at == "0" or key(at) <= key(version)):
                inside = True
            elif ("fixed" in event and key(at) <= key(version)) or (
                "last_affected" in event and key(at) < key(version)
            ):
                inside = False
        if inside:
            return True, _fix(affected)
    return False, ""


def _at(event: dict[str, str]) -> str:
    return next(iter(event.values()), "0").removeprefix("v")


def _fix(affected: dict[str, Any]) -> str:
    events = [event for span in affected.get("ranges") or () for event in span.get("events") or ()]
    return next((event["fixed"] for event in reversed(events) if "fixed" in event), "")


@dataclass(frozen=True)
class Audit:
    """What the package index said: what is known, and the packages of which it said nothing, with the reason."""

    known: tuple[Known, ...]
    unanswered: tuple[Package, ...]
    reason: str = ""


def ask_index(packages: Sequence[Package]) -> Audit:
    """Ask the Python package index, by pip-audit."""
    program = os.environ.get("PIP_AUDIT")
    if not program:
        return Audit((), tuple(packages), "pip-audit is not here")
    named = {_normal("pypi", package.name): package for package in packages}
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "requirements.txt"
        file.write_text("".join(f"{each.name}=={each.version}\n" for each in packages), encoding="utf-8")
        words: list[str | Path] = [
            "--requirement",
            file,
            "--no-deps",
            "--disable-pip",
            "--format",
            "json",
            "--progress-spinner",
            "off",
        ]
        try:
            done = run([program, *words, "--cache-dir", Path(scratch) / "cache"], check=False, timeout=300)
            rows = json.loads(done.stdout)["dependencies"]
        except (CommandFailedError, ValueError, KeyError):
            return Audit((), tuple(packages), "the package index could not be asked")
    known: list[Known] = []
    answered: set[str] = set()
    reasons: list[str] = []
    for row in rows:
        # pip-audit calls it "skipped" where the index has no answer, and says "no known vulnerabilities" all the same.
        if "skip_reason" in row:
            reasons.append("the package index has no answer")
            continue
        name = _normal("pypi", row["name"])
        answered.add(name)
        for each in row.get("vulns") or ():
            fixed = (each.get("fix_versions") or [""])[0]
            known.append(Known(each["id"], named[name], each.get("description", "")[:160], fixed))
    left = tuple(package for name, package in named.items() if name not in answered)
    return Audit(tuple(known), left, reasons[0] if reasons else "")
