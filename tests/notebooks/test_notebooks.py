"""Each notebook runs top to bottom, gives the golden answers, and leaves the cluster as it found it."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest
from nbmake.nb_run import NotebookRun

from devtools.cluster import Cluster
from devtools.notebooks import golden, source
from devtools.notebooks.__main__ import EXECUTED
from tests.notebooks.stage import state

CELL_SECONDS = 300
"""How long a cell may take; its own waits are shorter, and say what they waited for."""


@pytest.mark.parametrize("notebook", source.stored(), ids=lambda path: path.stem)
def test_a_reader_runs_it_top_to_bottom(notebook: Path, reader: Cluster) -> None:
    before = state(reader)

    run = NotebookRun(notebook, default_timeout=CELL_SECONDS).execute()

    executed = EXECUTED / notebook.name
    nbformat.write(run.nb, executed)
    if run.error is not None:
        pytest.fail(
            f"{run.error.summary}\n\n{run.error.trace}\n\nThe notebook as it was run: {executed}", pytrace=False
        )
    wrong = golden.differences(json.loads(executed.read_text(encoding="utf-8")), golden.folder_of(notebook.stem))
    assert not wrong, (
        "\n\n".join(wrong)
        + "\n\nIf these answers are right: `python -m devtools.notebooks accept`, and commit the changes."
    )
    assert state(reader) == before
