"""What git knows of this repository: commits that changed the chart, and the chart as it was then."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

from devtools.paths import ROOT

CHART = "charts/seldon-core-operator"
"""Where this repository has its chart, now and in every commit."""


def commit_of(named: str) -> str | None:
    """Return the full id of a commit, tag or branch, or None where git knows no such name."""
    if named.startswith("-"):  # git would take it for an option
        return None
    found = _git("rev-parse", "--verify", "--quiet", f"{named}^{{commit}}")
    return found.strip() if found else None


def names_of_commits() -> tuple[str, ...]:
    """Return tags and branches."""
    return tuple((_git("for-each-ref", "--format=%(refname:short)", "refs/tags", "refs/heads") or "").split())


def commits(path: str) -> tuple[str, ...]:
    """Return the commits that changed a path, the newest first; none where this is no repository."""
    return tuple((_git("log", "--format=%H", "--", path) or "").split())


def archive(commit: str, path: str, into: Path) -> bool:
    """Write a folder as it was in a commit to `into`; tell whether the commit has it."""
    done = subprocess.run(
        ["git", "-C", str(ROOT), "archive", "--format=tar", f"{commit}:{path}"], capture_output=True, check=False
    )
    if done.returncode:
        return False
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as opened:
        opened.extractall(into, filter="data")
    return True


def head() -> str:
    """Return the commit that is checked out, with `-dirty` where files were changed since; empty without git."""
    return (_git("describe", "--always", "--dirty", "--abbrev=40", "--exclude=*") or "").strip()


def head_seconds() -> int:
    """Return the time of the commit that is checked out, in seconds since 1970; 0 without git."""
    return int((_git("log", "-1", "--format=%ct") or "0").strip() or 0)


def _git(*words: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout if done.returncode == 0 else None
