"""What a run leaves for people and programs: report.html, report.json, junit.xml, and the checksums of its files."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from release.results import write
from release.runner import Run
from release.stage import Context
from release.verdict import Verdict

from .document import document
from .junit import junit
from .page import page

SUMS = "SHA256SUMS"


def write_all(report: Path, context: Context, run: Run, verdict: Verdict) -> tuple[Path, ...]:
    """Write the reports and return their paths."""
    found = document(context, run, verdict)
    files = {
        "report.json": msgspec.json.format(msgspec.json.encode(found)),
        "junit.xml": junit(found),
        "report.html": page(found).encode(),
        SUMS: _sums(report, run).encode(),
    }
    for name, content in files.items():
        write(report / name, content)
    return tuple(report / name for name in files)


def _sums(report: Path, run: Run) -> str:
    """Return the checksums of every file that a stage left, as sha256sum reads them."""
    lines = []
    for result in run.results:
        for name in result.outcome.files if result.outcome else ():
            with (report / name).open("rb") as opened:
                lines.append(f"{hashlib.file_digest(opened, 'sha256').hexdigest()}  {name}\n")
    return "".join(dict.fromkeys(lines))
