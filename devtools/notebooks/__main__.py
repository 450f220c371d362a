"""`python -m devtools.notebooks`: look after the notebooks.

check:  are they stored without a trace of any run, with golden answers and a rendered copy of the present source?
strip:  take away what an editor or a run left in them
accept: take the last run of `tox -e notebooks` (build/notebooks/) for golden, and render it to docs/notebooks/
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from devtools.paths import ROOT
from devtools.progress import complain, say

from . import golden, render, source
from .faults import MACHINE_PATH, faults

EXECUTED = ROOT / "build" / "notebooks"
AGAIN = "run `tox -e notebooks`, look at the differences, and `python -m devtools.notebooks accept`."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one of the commands and return the exit status: 0, or 1 with the reasons on stderr."""
    parser = argparse.ArgumentParser(
        prog="python -m devtools.notebooks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("action", choices=["check", "strip", "accept"])
    action = parser.parse_args(arguments).action
    try:
        wrong = {"check": check, "strip": strip, "accept": accept}[action]()
    except source.NotebookError as error:
        wrong = [str(error)]
    for sentence in wrong:
        complain(f"notebooks: {sentence}")
    return 1 if wrong else 0


def check() -> list[str]:
    """What is wrong with what is stored. Raises NotebookError."""
    found = [fault for path in source.stored() for fault in faults(path)]
    for path in source.stored():
        found += stale(path, golden.folder_of(path.stem), render.path_of(path.stem))
    names = {path.stem for path in source.stored()}
    homes = (*golden.folder_of("").glob("*"), *render.DOCS.glob("*.md"))
    return found + [f"{each.relative_to(ROOT)} belongs to no notebook." for each in homes if each.stem not in names]


def stale(path: Path, answers: Path, page: Path) -> list[str]:
    """In which ways a notebook's golden answers and its rendered copy are not those of the present source."""
    document = source.load(path)
    text = page.read_text(encoding="utf-8") if page.is_file() else ""
    found = [f"{path.stem} has no cell for the golden answer {name}." for name in golden.strays(document, answers)]
    if render.source_of(text) != source.digest(document):
        return [*found, f"{page.name} is not rendered from the present {path.name}: {AGAIN}"]
    if named := MACHINE_PATH.search(text):
        found.append(
            f"{page.name} names a path of one machine, {named[0]}: add a rule to devtools/notebooks/volatile.py."
        )
    for cell in golden.golden_cells(document):
        file = answers / f"{cell.id}.txt"
        if not file.is_file():
            found.append(f"{path.name}: cell {cell.id} has no golden answer {file.name}: {AGAIN}")
        elif file.read_text(encoding="utf-8").strip("\n") not in text:
            found.append(f"{page.name} does not show the golden answer {file.name}: {AGAIN}")
    return found


def strip() -> list[str]:
    """Write every notebook in the form in which it is stored. Raises NotebookError."""
    for path in source.stored():
        path.write_text(source.dump(source.strip(source.load(path))), encoding="utf-8")
    return []


def accept() -> list[str]:
    """Take the last runs for golden and render them. Raises NotebookError where a run is missing."""
    wrong = []
    render.DOCS.mkdir(parents=True, exist_ok=True)
    for path in source.stored():
        executed = source.load(EXECUTED / path.name)
        if source.digest(executed) != source.digest(source.load(path)):
            wrong.append(f"{path.name} has changed since its last run: run `tox -e notebooks` first.")
            continue
        golden.accept(executed, golden.folder_of(path.stem))
        render.path_of(path.stem).write_text(render.page(path.stem, executed), encoding="utf-8")
        say(f"{path.name}: {len(golden.golden_cells(executed))} golden answers, {render.path_of(path.stem).name}")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
