"""A notebook as it lies in git: its cells and nothing of any run."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devtools.paths import ROOT

FOLDER = ROOT / "notebooks"
SHELL = "%%bash"
CELL_KEYS = ("cell_type", "id", "metadata", "source")
KERNEL = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
"""What a notebook says of its kernel. Editors add the version of whoever saved it last."""

Document = dict[str, Any]


class NotebookError(Exception):
    """A file is no notebook of ours; the text names it and says what to do."""


@dataclass(frozen=True)
class Cell:
    """A cell. `outputs` are those of nbformat 4, empty in a notebook that was not run."""

    id: str
    kind: str
    text: str
    tags: tuple[str, ...]
    outputs: tuple[Document, ...] = ()

    @property
    def is_shell(self) -> bool:
        """Whether bash runs it."""
        return self.text.startswith(SHELL)


def stored() -> list[Path]:
    """The notebooks of the checkout, by name."""
    return sorted(FOLDER.glob("*.ipynb"))


def load(path: Path) -> Document:
    """Read a notebook, run or not. Raises NotebookError where it is none, or of an older format."""
    try:
        document: Document = json.loads(path.read_text(encoding="utf-8"))
        form = (document["nbformat"], document["nbformat_minor"])
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise NotebookError(f"{path} cannot be read as a notebook: {error!r}.") from error
    if form < (4, 5):
        raise NotebookError(f"{path} has format {form[0]}.{form[1]}: save it as 4.5 or later, whose cells have ids.")
    return document


def cells(document: Document) -> list[Cell]:
    """The cells in their order."""
    return [
        Cell(
            id=cell["id"],
            kind=cell["cell_type"],
            text="".join(cell["source"]),
            tags=tuple(cell["metadata"].get("tags", ())),
            outputs=tuple(cell.get("outputs", ())),
        )
        for cell in document["cells"]
    ]


def digest(document: Document) -> str:
    """A hex key of what a person wrote: the same before and after a run."""
    written = [[cell.id, cell.kind, cell.text, list(cell.tags)] for cell in cells(document)]
    return hashlib.sha256(json.dumps(written).encode()).hexdigest()


def strip(document: Document) -> Document:
    """The notebook without a trace of any run or editor."""
    return {
        "cells": [_stripped(cell) for cell in document["cells"]],
        "metadata": KERNEL,
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def _stripped(cell: Document) -> Document:
    kept = {key: cell[key] for key in CELL_KEYS}
    kept["metadata"] = {"tags": tags} if (tags := cell["metadata"].get("tags")) else {}
    kept["source"] = "".join(cell["source"]).splitlines(keepends=True)
    return kept | ({"execution_count": None, "outputs": []} if cell["cell_type"] == "code" else {})


def dump(document: Document) -> str:
    """The file's text, in the one form in which notebooks are stored: Jupyter's own."""
    return json.dumps(document, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
