"""Helm is run once for the same contents, and never where another chart, other values or another run are asked for."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from release.helm import HELM, HELM4, template

from .stages import chart


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with what each run of Helm was asked, a line each; its answer is its number."""
    said = tmp_path / "said"
    said.touch()
    for variable in (HELM, HELM4):
        program = tmp_path / variable
        program.write_text(f'#!/bin/sh\necho "{variable} $*" >> {said}\nwc -l < {said}\n')
        program.chmod(0o755)
        monkeypatch.setenv(variable, str(program))
    return said


def test_the_same_contents_are_rendered_once_wherever_they_lie(tmp_path: Path, asked: Path) -> None:
    here = chart(tmp_path / "here", text="a: of this test\n").folder
    elsewhere = Path(shutil.copytree(here, tmp_path / "elsewhere"))

    assert template(here) == template(elsewhere) == template(here)
    assert template(here, anew=True) != template(here)
    assert len(asked.read_text().splitlines()) == 2


def test_whatever_else_is_asked_is_another_rendering(tmp_path: Path, asked: Path) -> None:
    folder = chart(tmp_path / "chart", text="b: of this test\n").folder
    values = tmp_path / "values.yaml"
    values.write_text("b: 1\n")

    texts = [template(folder), template(folder, (values,)), template(folder, sets=("b=1",))]
    texts += [template(folder, version="1.29"), template(folder, program=HELM4), template(folder, namespace="other")]
    values.write_text("b: 2\n")
    texts.append(template(folder, (values,)))
    (folder / "templates" / "more.yaml").write_text("kind: More\n")
    texts.append(template(folder))

    assert len(set(texts)) == len(asked.read_text().splitlines()) == 8
