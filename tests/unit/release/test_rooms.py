"""Who may import whom (docs/adr/0006): the pipeline judges from outside, and nothing stands on it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def imported(folder: str) -> Iterator[tuple[str, str]]:
    """Give (file, what it imports) for every module below a folder; names behind `from` come with their module."""
    for file in sorted((ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from ((file.name, each.name) for each in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                yield from ((file.name, f"{node.module}.{each.name}") for each in node.names)


def test_the_pipeline_knows_of_the_product_its_version_alone() -> None:
    ours = {name for _, name in imported("release") if name.startswith("seldon_core")}

    assert ours == {"seldon_core.__version__"}


@pytest.mark.parametrize("folder", ["src", "devtools", "tests/e2e"])
def test_nothing_stands_on_the_pipeline(folder: str) -> None:
    assert [(file, name) for file, name in imported(folder) if name.split(".")[0] == "release"] == []
