"""What a stored notebook must not hold: traces of runs and machines, and cells that could fail unseen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from . import source
from .source import Cell

STRICT = "%%bash -euo pipefail"
GOLDEN = "golden"
ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
MACHINE_PATH = re.compile(r"(?<![\w.}$])/(?:home|root|Users|work|workspace|private|tmp|var/folders|var/tmp)/[\w.]+")
SHELL_LINE = re.compile(r"^\s*!", re.MULTILINE)
SLEEP = re.compile(r"\bsleep\b(?!, infinity)")


def faults(path: Path) -> list[str]:
    """What is wrong with a stored notebook, a sentence each; empty where nothing is.

    Raises NotebookError where the file is no notebook.
    """
    document = source.load(path)
    found = [f"{path.name}: {fault}" for cell in source.cells(document) for fault in _of_cell(cell)]
    ids = [cell.id for cell in source.cells(document)]
    found += [f"{path.name}: two cells have the id {each}." for each in sorted({i for i in ids if ids.count(i) > 1})]
    if source.dump(source.strip(document)) != path.read_text(encoding="utf-8"):
        found.append(
            f"{path.name} holds more than its cells (outputs, execution counts, an editor's metadata), or is formatted "
            "otherwise: `python -m devtools.notebooks strip` takes that away."
        )
    return found


def _of_cell(cell: Cell) -> Iterator[str]:
    if not ID.fullmatch(cell.id):
        yield f"cell {cell.id} needs an id that says what it does, such as ask-the-model."
    if path := MACHINE_PATH.search(cell.text):
        yield f"cell {cell.id} names a path of one machine, {path[0]}."
    if cell.kind != "code":
        return
    if cell.is_shell and cell.text.split("\n", 1)[0] != STRICT:
        yield f"cell {cell.id} starts with {cell.text.splitlines()[0]!r}: with {STRICT!r} no failure goes unseen."
    if not cell.is_shell and SHELL_LINE.search(cell.text):
        yield f"cell {cell.id} runs a command with `!`, whose failure does not fail the cell: write {STRICT!r}."
    if SLEEP.search(cell.text):
        yield f"cell {cell.id} sleeps: wait for what it waits for, with kubectl wait or kubectl rollout status."
