"""The images that the notebooks name can be had: `scripts/images load --examples`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from devtools import __main__ as devtools
from devtools.notebooks import source


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SELDON_CACHE", str(tmp_path))


def test_every_image_of_the_notebooks_is_among_the_product_and_the_examples(capsys: pytest.CaptureFixture[str]) -> None:
    named = {
        image
        for path in source.stored()
        for image in re.findall(r"localhost/seldon-core/[\w-]+:[\d.]+", path.read_text())
    }

    assert devtools.main(["images", "list", "--examples"]) == 0

    assert named <= set(capsys.readouterr().out.split())


def test_the_examples_are_not_the_product(capsys: pytest.CaptureFixture[str]) -> None:
    assert devtools.main(["images", "list"]) == 0

    assert "kfserving" not in capsys.readouterr().out


def test_the_examples_are_not_pushed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        devtools.main(["images", "push", "registry.example.org/team", "--examples"])

    assert "--examples goes with build, list and load" in capsys.readouterr().err
