"""A changed answer is found; what changes from run to run, and the last digit of a number, is not."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest

from devtools.notebooks import golden, render, source
from devtools.notebooks.__main__ import stale
from devtools.notebooks.source import Document
from devtools.notebooks.volatile import RULES, steady


def executed(path: Path) -> Document:
    """A run of a notebook of the checkout that gave the golden answers."""
    document = copy.deepcopy(source.load(path))
    for cell in document["cells"]:
        file = golden.folder_of(path.stem) / f"{cell['id']}.txt"
        if file.is_file():
            cell["outputs"] = [{"name": "stdout", "output_type": "stream", "text": file.read_text()}]
    return document


def answer(document: Document, cell: str, text: str) -> None:
    """Have a cell answer something."""
    (found,) = (each for each in document["cells"] if each["id"] == cell)
    found["outputs"] = [{"name": "stdout", "output_type": "stream", "text": text}]


@pytest.mark.parametrize("path", source.stored(), ids=lambda path: path.stem)
def test_the_golden_answers_are_the_golden_answers(path: Path) -> None:
    assert golden.golden_cells(source.load(path))
    assert golden.differences(executed(path), golden.folder_of(path.stem)) == []


@pytest.mark.parametrize("path", source.stored(), ids=lambda path: path.stem)
def test_every_answer_that_changes_is_found(path: Path) -> None:
    for cell in golden.golden_cells(source.load(path)):
        run = executed(path)
        answer(run, cell.id, "something else")

        (found,) = golden.differences(run, golden.folder_of(path.stem))

        assert found.startswith(f"cell {cell.id} answers otherwise:")
        assert "+something else" in found


def test_a_prediction_that_changes_is_found() -> None:
    (path,) = (each for each in source.stored() if each.stem == "custom-init-containers")
    folder = golden.folder_of(path.stem)
    text = (folder / "ask-explicit.txt").read_text()
    run = executed(path)

    answer(run, "ask-explicit", text.replace("0.954887", "0.954888"))
    assert "ask-explicit answers otherwise" in "".join(golden.differences(run, folder))

    answer(run, "ask-explicit", text.replace("sklearnserver", "xgboostserver"))
    assert "ask-explicit answers otherwise" in "".join(golden.differences(run, folder))


def test_lost_requests_and_different_answers_are_found() -> None:
    (path,) = (each for each in source.stored() if each.stem == "upgrade-storage-initializer")
    folder = golden.folder_of(path.stem)
    text = (folder / "upgrade.txt").read_text()
    assert text.count("<some> requests, 0 failed, 1 distinct answer\n") == 2
    run = executed(path)

    answer(run, "upgrade", text.replace("<some> requests", "731 requests"))
    assert golden.differences(run, folder) == []
    for was, now in (("0 failed", "1 failed"), ("1 distinct", "2 distinct"), ("<some> requests", "0 requests")):
        answer(run, "upgrade", text.replace(was, now, 1))
        assert "upgrade answers otherwise" in "".join(golden.differences(run, folder)), now


@pytest.mark.parametrize(
    ("wanted", "got", "alike"),
    [
        ('{"a": [0.9548873249364169]}', '{"a":[0.9548873249364154]}', True),
        ('{"a": [0.9548873249364169]}', '{"a": [0.95488733]}', False),
        ('{"a": 1}', '{"a": true}', False),
        ('{"a": 1}', '{"a": 1, "b": 2}', False),
        ("[1, 2]", "[1]", False),
        ("[1.0]", '["1.0"]', False),
        ("0.5 s", "0.5000000000001 s", False),
        ("plain", "plain", True),
    ],
)
def test_json_is_compared_as_json_and_the_rest_as_text(wanted: str, got: str, alike: bool) -> None:  # noqa: FBT001  # a column of the table
    assert golden.same(wanted, got) is alike


def test_a_missing_golden_answer_and_one_of_no_cell_are_found(tmp_path: Path) -> None:
    path = source.stored()[0]
    golden.accept(executed(path), tmp_path)
    some = golden.golden_cells(source.load(path))[0]
    (tmp_path / f"{some.id}.txt").rename(tmp_path / "gone.txt")

    assert f"cell {some.id} has no golden answer" in "".join(golden.differences(executed(path), tmp_path))
    assert golden.strays(source.load(path), tmp_path) == ["gone.txt"]

    golden.accept(executed(path), tmp_path)
    assert golden.strays(source.load(path), tmp_path) == []
    assert golden.differences(executed(path), tmp_path) == []


@pytest.mark.parametrize(
    ("what", "first", "second"),
    [
        ("a pod's name", "iris-default-0-classifier-7d9c8b6f5d-x2k9z Running", "iris-default-0-classifier-59f4d-zzzzz"),
        ("a time", "LAST DEPLOYED 2026-11-21T15:04:48Z", "LAST DEPLOYED 2027-01-02 03:04:05.678"),
        ("an age or a duration", "Running 0 3d4h", "Running 0 12s"),
        ("how many requests ran", "243 requests, 0 failed", "1 requests, 0 failed"),
        ("the port that the gateway has got here", "http://localhost:8003/seldon", "http://localhost:40123/seldon"),
        ("colours of a terminal", "\x1b[31mred\x1b[0m", "red"),
    ],
)
def test_what_changes_from_run_to_run_has_a_stand_in(what: str, first: str, second: str) -> None:
    assert what in {rule.what for rule in RULES}
    if what == "a pod's name":
        assert steady(first) == "iris-default-0-classifier-<pod> Running"
        assert steady(second) == second, "too short for a pod's hash"
        return
    assert steady(first) == steady(second)


@pytest.mark.parametrize(
    "text",
    [
        "seldon-controller-manager",
        "localhost/seldon-core/sklearnserver:0.1.0",
        "0 requests, 0 failed",
        "2 models: 2 to migrate, 0 done, 0 with nothing to do, 0 by hand.",
        "s3://sklearn/iris",
        "deployment/sklearn-iris-secret-default-0-classifier condition met",
    ],
)
def test_answers_have_no_stand_in(text: str) -> None:
    assert steady(text) == text


def test_the_place_of_the_checkout_is_in_no_answer() -> None:
    assert steady(f"{source.ROOT}/charts/x and {source.ROOT} and {source.ROOT}-other") == (
        f"./charts/x and . and {source.ROOT}-other"
    )


def test_a_rendered_copy_of_another_source_or_with_another_answer_is_found(tmp_path: Path) -> None:
    path = source.stored()[0]
    answers, page = golden.folder_of(path.stem), tmp_path / f"{path.stem}.md"
    page.write_text(render.page(path.stem, executed(path)))
    assert stale(path, answers, page) == []

    page.write_text(page.read_text().replace("0.95488", "0.12345"))
    assert "does not show the golden answer ask-" in "".join(stale(path, answers, page))

    page.write_text(render.page(path.stem, executed(path)) + "read /root/.kube/config\n")
    assert "names a path of one machine, /root/.kube" in "".join(stale(path, answers, page))

    changed = copy.deepcopy(executed(path))
    changed["cells"][0]["source"] = ["# Another title"]
    page.write_text(render.page(path.stem, changed))
    assert "is not rendered from the present" in "".join(stale(path, answers, page))

    page.unlink()
    assert "is not rendered from the present" in "".join(stale(path, answers, page))


def test_a_page_shows_text_commands_and_output_and_its_links_lead_where_they_did() -> None:
    document: Document = {
        "cells": [
            {
                "cell_type": "markdown",
                "id": "title",
                "metadata": {},
                "source": "See [storage](../docs/storage.md), [chart](../charts/x) and [the next](b.ipynb).",
            },
            {
                "cell_type": "code",
                "id": "say",
                "metadata": {},
                "source": "%%bash -euo pipefail\necho out; echo err >&2",
                "outputs": [
                    {"name": "stdout", "output_type": "stream", "text": ["out\n"]},
                    {"name": "stderr", "output_type": "stream", "text": ["err\n"]},
                ],
            },
        ],
        "metadata": source.KERNEL,
        "nbformat": 4,
        "nbformat_minor": 5,
    }

    page = render.page("a", document)

    assert "See [storage](../storage.md), [chart](../../charts/x) and [the next](b.md)." in page
    assert "```sh\necho out; echo err >&2\n```\n\n```text\nout\nerr\n```" in page
    assert render.source_of(page) == source.digest(document)
