"""Versions are ordered as each ecosystem does, and what nobody was asked about is never called free of faults."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import zipfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from release.image_content import Package
from release.versions import debian, go, python
from release.vulnerabilities import Database, ask_index

DEBIAN = ("1.0~rc1", "1.0", "1.0-1", "1.0-1+deb12u1", "1.0-1.1", "1.0a", "1.0+b1", "1.9", "1.10", "1:0.5")


def test_debians_versions_are_ordered_as_dpkg_orders_them() -> None:
    for lower, higher in pairwise(DEBIAN):
        assert debian(lower) < debian(higher), (lower, higher)
        if shutil.which("dpkg"):
            subprocess.run(["dpkg", "--compare-versions", lower, "lt", higher], check=True)


def test_versions_of_go_and_python_are_ordered() -> None:
    assert go("v1.2.3-rc.1") < go("v1.2.3") < go("v1.10.0")
    assert go("v0.0.0-20240101000000-abcdef") < go("v0.0.1")
    assert python("1.0rc1") < python("1.0") < python("1.0.post1") < python("1.10")


def record(name: str, ecosystem: str, **affected: Any) -> dict[str, Any]:
    return {
        "id": f"X-{name}",
        "summary": "bad",
        "affected": [{"package": {"name": name, "ecosystem": ecosystem}, **affected}],
    }


def span(*events: tuple[str, str], kind: str = "ECOSYSTEM") -> dict[str, Any]:
    return {"ranges": [{"type": kind, "events": [{name: version} for name, version in events]}]}


def database(folder: Path, *records: dict[str, Any]) -> Database:
    with zipfile.ZipFile(folder / "all.zip", "w") as out:
        for number, each in enumerate(records):
            out.writestr(f"{number}.json", json.dumps(each))
    return Database(folder)


@pytest.mark.parametrize(
    ("version", "hit"),
    [("0.9", False), ("1.0", True), ("1.4", True), ("1.5", False), ("2.0", True), ("2.1", True), ("2.2", False)],
)
def test_ranges_are_read_as_osv_means_them(tmp_path: Path, version: str, *, hit: bool) -> None:
    events = (("introduced", "1.0"), ("fixed", "1.5"), ("introduced", "2.0"), ("last_affected", "2.1"))
    known = database(tmp_path, record("My_Package", "PyPI", **span(*events)))

    found = list(known.of(Package("pypi", "my-package", version), "debian-12"))

    assert [each.identifier for each in found] == (["X-My_Package"] if hit else [])


def test_debians_packages_are_known_by_their_source_and_distribution(tmp_path: Path) -> None:
    rows = (
        record("openssl", "Debian:12", **span(("introduced", "0"), ("fixed", "3.0.9-1"))),
        record("openssl", "Debian:11", versions=["3.0.1-1"]),
    )
    known = database(tmp_path, *rows)
    package = Package("deb", "libssl3", "3.0.1-1", "", "openssl", "3.0.1-1")

    assert [each.fixed for each in known.of(package, "debian-12")] == ["3.0.9-1"]
    assert list(known.of(package, "debian-13")) == []
    assert known.ecosystems == {"deb"}


def test_a_withdrawn_record_and_commits_count_for_nothing(tmp_path: Path) -> None:
    withdrawn = record("a", "Go", **span(("introduced", "0"))) | {"withdrawn": "2026-01-01T00:00:00Z"}
    commits = record("b", "Go", **span(("introduced", "0"), kind="GIT"))
    known = database(tmp_path, withdrawn, commits)

    assert [found for name in "ab" for found in known.of(Package("golang", name, "v1.0.0"), "")] == []


def fake_audit(folder: Path, answer: str) -> str:
    program = folder / "pip-audit"
    program.write_text(f"#!/bin/sh\nprintf '%s' '{answer}'\necho 'No known vulnerabilities found' >&2\n")
    program.chmod(0o755)
    return str(program)


def test_an_index_without_an_answer_is_no_clean_bill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = {
        "dependencies": [
            {"name": "a", "skip_reason": "not found"},
            {"name": "b-c", "version": "1", "vulns": [{"id": "X", "fix_versions": ["2"]}]},
        ]
    }
    monkeypatch.setitem(os.environ, "PIP_AUDIT", fake_audit(tmp_path, json.dumps(answer)))
    packages = (Package("pypi", "a", "1"), Package("pypi", "B_c", "1"))

    audit = ask_index(packages)

    assert [(each.identifier, each.package.name, each.fixed) for each in audit.known] == [("X", "B_c", "2")]
    assert audit.unanswered == packages[:1]
    assert audit.reason == "the package index has no answer"


def test_without_a_program_or_an_answer_nothing_was_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packages = (Package("pypi", "a", "1"),)
    monkeypatch.delenv("PIP_AUDIT", raising=False)
    assert ask_index(packages).unanswered == packages

    monkeypatch.setitem(os.environ, "PIP_AUDIT", fake_audit(tmp_path, "no network"))
    assert ask_index(packages).unanswered == packages
