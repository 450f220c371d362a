"""Whoever lacks what a notebook assumes sees one sentence below its first cell, as Jupyter shows it, and no more."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from nbmake.nb_run import NotebookRun

from devtools.notebooks import source

CELL_SECONDS = 60


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with bash and curl alone."""
    for name in ("bash", "curl"):
        found = shutil.which(name)
        assert found, f"{name} is not there"
        (tmp_path / name).symlink_to(found)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def shown(notebook: Path) -> str:
    """What Jupyter shows of the error that ends a run, which is in the first cell that does anything."""
    run = NotebookRun(notebook, default_timeout=CELL_SECONDS).execute()
    assert run.error is not None
    first = next(index for index, cell in enumerate(run.nb.cells) if cell.cell_type == "code")
    assert run.error.failing_cell_index == first
    (output,) = run.nb.cells[first].outputs
    return "\n".join(output.traceback)


@pytest.mark.parametrize("notebook", source.stored(), ids=lambda path: path.stem)
def test_without_kubectl(notebook: Path, programs: Path) -> None:
    assert re.fullmatch(r"kubectl is not there: [^\n]+\.", shown(notebook))


def test_without_a_cluster(programs: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    refused = "The connection to the server localhost:8080 was refused - did you specify the right host or port?"
    kubectl = programs / "kubectl"
    kubectl.write_text(f'#!{programs}/bash\necho "{refused}" >&2\nexit 1\n')
    kubectl.chmod(0o755)

    assert re.fullmatch(
        rf"No cluster answers; kubectl says: {re.escape(refused)} Have a cluster, [^\n]+\.", shown(source.stored()[0])
    )
