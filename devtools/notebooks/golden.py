"""Golden answers: what the cells with the tag `golden` must print, in `notebooks/golden/<notebook>/<cell>.txt`.

Text is compared as it is, after the rules of `volatile.py`; JSON is compared as JSON, with its numbers to 1e-9, since
another processor's arithmetic may differ in the last digit.
"""

from __future__ import annotations

import difflib
import json
import math
from pathlib import Path
from typing import Any

from .faults import GOLDEN
from .source import FOLDER, Cell, Document, cells
from .volatile import printed

TOLERANCE = 1e-9


def folder_of(name: str, home: Path = FOLDER) -> Path:
    """Where the golden answers of a notebook lie."""
    return home / "golden" / name


def golden_cells(document: Document) -> list[Cell]:
    """The cells whose answers are compared."""
    return [cell for cell in cells(document) if GOLDEN in cell.tags]


def differences(executed: Document, folder: Path) -> list[str]:
    """Every way in which a run's answers are not the golden ones, with a diff each; empty where they are."""
    found = []
    for cell in golden_cells(executed):
        file = folder / f"{cell.id}.txt"
        if not file.is_file():
            found.append(f"cell {cell.id} has no golden answer {file.name}.")
            continue
        wanted, got = file.read_text(encoding="utf-8"), printed(cell)
        if not same(wanted, got):
            lines = difflib.unified_diff(wanted.splitlines(), got.splitlines(), "golden", "this run", lineterm="")
            found.append(f"cell {cell.id} answers otherwise:\n" + "\n".join(lines))
    return found


def strays(document: Document, folder: Path) -> list[str]:
    """Names of golden answers of which the notebook has no cell."""
    wanted = {f"{cell.id}.txt" for cell in golden_cells(document)}
    return sorted(file.name for file in folder.glob("*") if file.name not in wanted)


def accept(executed: Document, folder: Path) -> None:
    """Take a run's answers for the golden ones."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in strays(executed, folder):
        (folder / name).unlink()
    for cell in golden_cells(executed):
        (folder / f"{cell.id}.txt").write_text(printed(cell), encoding="utf-8")


def same(wanted: str, got: str) -> bool:
    """Whether two answers are the same: as JSON where both are, otherwise as text."""
    try:
        left, right = json.loads(wanted), json.loads(got)
    except ValueError:
        return wanted == got
    return _alike(left, right)


def _alike(wanted: Any, got: Any) -> bool:
    if isinstance(wanted, dict) and isinstance(got, dict):
        return wanted.keys() == got.keys() and all(_alike(value, got[key]) for key, value in wanted.items())
    if isinstance(wanted, list) and isinstance(got, list):
        return len(wanted) == len(got) and all(map(_alike, wanted, got))
    if isinstance(wanted, float) and isinstance(got, float):
        return math.isclose(wanted, got, rel_tol=0, abs_tol=TOLERANCE)
    return type(wanted) is type(got) and bool(wanted == got)
