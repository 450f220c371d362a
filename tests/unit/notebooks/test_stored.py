"""Notebooks lie in git without a trace of any run, and no cell of theirs can fail unseen."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path

import pytest

from devtools.notebooks import source
from devtools.notebooks.__main__ import check, main
from devtools.notebooks.faults import STRICT, faults
from devtools.notebooks.source import Document, NotebookError
from seldon_core import __version__

CLEAN: Document = {
    "cells": [
        {"cell_type": "markdown", "id": "title", "metadata": {}, "source": ["# Title\n", "Text"]},
        {
            "cell_type": "code",
            "execution_count": None,
            "id": "list-pods",
            "metadata": {"tags": ["golden"]},
            "outputs": [],
            "source": [f"{STRICT}\n", "kubectl get pods"],
        },
    ],
    "metadata": source.KERNEL,
    "nbformat": 4,
    "nbformat_minor": 5,
}


def stored(folder: Path, document: Document) -> Path:
    path = folder / "some.ipynb"
    path.write_text(source.dump(document))
    return path


def with_cell(**changes: object) -> Document:
    document = copy.deepcopy(CLEAN)
    document["cells"][1].update(changes)
    return document


def test_what_is_in_the_checkout_is_stored_well_and_its_rendered_copies_are_of_it() -> None:
    assert check() == []


def test_the_two_documents_are_there() -> None:
    assert [path.stem for path in source.stored()] == ["custom-init-containers", "upgrade-storage-initializer"]


@pytest.mark.parametrize("path", source.stored(), ids=lambda path: path.stem)
def test_our_images_are_named_in_this_version(path: Path) -> None:
    tags = re.findall(r"localhost/seldon-core/[\w-]+:([\w.]+\w)", path.read_text())

    assert tags
    assert set(tags) == {__version__}


def test_a_clean_notebook_has_no_fault(tmp_path: Path) -> None:
    assert faults(stored(tmp_path, CLEAN)) == []


STREAM = {"name": "stdout", "output_type": "stream", "text": ["hello\n"]}


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"outputs": [STREAM]}, "holds more than its cells"),
        ({"execution_count": 3}, "holds more than its cells"),
        ({"metadata": {"execution": {"iopub.status.busy": "2026-01-01T00:00:00Z"}}}, "holds more than its cells"),
        ({"metadata": {"collapsed": True}}, "holds more than its cells"),
        ({"id": "8f3e2b1c"}, "needs an id that says what it does"),
        ({"id": "title"}, "two cells have the id title"),
        ({"source": ["%%bash\n", "kubectl get pods"]}, "no failure goes unseen"),
        ({"source": ["%%bash -e\n", "kubectl get pods | head"]}, "no failure goes unseen"),
        ({"source": ["!kubectl get pods"]}, "whose failure does not fail the cell"),
        ({"source": [f"{STRICT}\n", "sleep 10"]}, "list-pods sleeps"),
        ({"source": ["from time import sleep\n", "sleep(10)"]}, "list-pods sleeps"),
        ({"source": [f"{STRICT}\n", "kubectl --kubeconfig /home/ann/.kube/config get pods"]}, "/home/ann"),
        ({"source": [f"{STRICT}\n", "helm install x /root/charts/x"]}, "/root/charts"),
        ({"source": ['open("/Users/ann/model")']}, "/Users/ann"),
    ],
)
def test_a_fault_is_named(tmp_path: Path, changes: dict[str, object], fault: str) -> None:
    found = "\n".join(faults(stored(tmp_path, with_cell(**changes))))

    assert fault in found
    assert "some.ipynb" in found


@pytest.mark.parametrize(
    "text",
    [
        "kubectl apply --filename - <<END\nmountPath: /mnt/models\nEND",
        "ls ../charts/seldon-core-operator",
        "rm -rf $folder/tmp/x https://example.org/home/x",
        "command: [sleep, infinity]",
    ],
)
def test_paths_of_containers_and_relative_ones_are_no_fault(tmp_path: Path, text: str) -> None:
    assert faults(stored(tmp_path, with_cell(source=f"{STRICT}\n{text}".splitlines(keepends=True)))) == []


def test_an_editor_leaves_what_strip_takes_away(tmp_path: Path) -> None:
    document = with_cell(outputs=[STREAM], execution_count=1)
    document["metadata"] = {"kernelspec": {"name": "mine"}, "language_info": {"name": "python", "version": "3.13.1"}}
    path = tmp_path / "some.ipynb"
    path.write_text(json.dumps(document))
    assert faults(path)

    path.write_text(source.dump(source.strip(source.load(path))))

    assert faults(path) == []
    assert source.load(path) == CLEAN


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no JSON", "cannot be read as a notebook"),
        ("[]", "cannot be read as a notebook"),
        ('{"cells": [], "nbformat": 4, "nbformat_minor": 2}', "has format 4.2: save it as 4.5 or later"),
    ],
)
def test_what_is_no_notebook_is_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "some.ipynb"
    path.write_text(text)

    with pytest.raises(NotebookError, match=said):
        faults(path)


def test_the_command_says_what_is_wrong_and_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(source, "FOLDER", tmp_path)
    stored(tmp_path, with_cell(outputs=[STREAM]))

    assert main(["check"]) == 1
    assert "some.ipynb holds more than its cells" in capsys.readouterr().err


def test_a_run_does_not_change_what_a_notebook_is() -> None:
    run = with_cell(outputs=[STREAM], execution_count=7)

    assert source.digest(run) == source.digest(CLEAN)
    assert source.digest(with_cell(source=["print(1)"])) != source.digest(CLEAN)
    assert source.digest(with_cell(metadata={})) != source.digest(CLEAN)
