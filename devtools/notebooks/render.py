"""A notebook that was run, as Markdown for docs/notebooks: a change of an answer is a line of a diff there."""

from __future__ import annotations

import re
from pathlib import Path

from devtools.paths import ROOT

from .source import Cell, Document, cells, digest
from .volatile import printed

DOCS = ROOT / "docs" / "notebooks"
HEAD = re.compile(r"<!-- .*source ([0-9a-f]{64}) -->")
_LINK_INTO_DOCS = re.compile(r"\]\(\.\./docs/")
_LINK_ELSEWHERE = re.compile(r"\]\(\.\./(?!docs/)")
_LINK_BESIDE = re.compile(r"(\]\([\w-]+)\.ipynb")


def page(name: str, executed: Document) -> str:
    """The Markdown of a run: its text, its commands, and what they printed, without what changes from run to run."""
    file = f"notebooks/{name}.ipynb"
    head = f"<!-- Written by `python -m devtools.notebooks accept` from a run of {file}; source {digest(executed)} -->"
    where = f"*A run of [{file}](../../{file}). What changes from run to run stands in angle brackets.*"
    return "\n\n".join([head, where, *map(_cell, cells(executed))]) + "\n"


def source_of(page_text: str) -> str | None:
    """The digest of the notebook that a page was made of, None where the page does not say."""
    found = HEAD.match(page_text)
    return found[1] if found else None


def path_of(name: str, home: Path = DOCS) -> Path:
    """Where the rendered copy of a notebook lies."""
    return home / f"{name}.md"


def output_block(cell: Cell) -> str:
    """What a page shows of a cell's output; empty where it printed nothing."""
    shown = printed(cell, errors=True).strip("\n")
    return f"```text\n{shown}\n```" if shown else ""


def _cell(cell: Cell) -> str:
    if cell.kind != "code":
        return _relinked(cell.text.strip("\n"))
    language, text = ("sh", cell.text.split("\n", 1)[1]) if cell.is_shell else ("python", cell.text)
    blocks = [f"```{language}\n{text.strip()}\n```", output_block(cell)]
    return "\n\n".join(block for block in blocks if block)


def _relinked(text: str) -> str:
    """Links of a file in notebooks/ as those of a file in docs/notebooks/."""
    return _LINK_BESIDE.sub(r"\1.md", _LINK_INTO_DOCS.sub("](../", _LINK_ELSEWHERE.sub("](../../", text)))
