"""Two benchmarks write one document, and neither takes away what the other one found."""

import json
from pathlib import Path

import pytest

from tests.bench import document

PLANE = "# Benchmark of the data plane\n\ntext\n"
SECTION = "## Downloads\n\nfigures"
FIGURES = {"downloads": [{"system": "ours"}], "downloads_about": {"rounds": 3}}


def read(folder: Path) -> tuple[str, dict[str, object]]:
    text = (folder / document.MARKDOWN).read_text(encoding="utf-8")
    return text, json.loads((folder / document.JSON).read_text(encoding="utf-8"))


@pytest.mark.parametrize("order", [["plane", "downloads"], ["downloads", "plane"], ["plane", "downloads"] * 2])
def test_both_survive_each_other(tmp_path: Path, order: list[str]) -> None:
    for number, one in enumerate(order):
        if one == "plane":
            document.write_data_plane(tmp_path, f"{PLANE}{number}\n", {"results": [number]})
        else:
            document.write_downloads(tmp_path, f"{SECTION}{number}", FIGURES)
    plane, downloads = (len(order) - 1 - order[::-1].index(one) for one in ("plane", "downloads"))

    text, figures = read(tmp_path)

    assert text == (f"{PLANE}{plane}\n\n<!-- downloads: begin -->\n{SECTION}{downloads}\n<!-- downloads: end -->\n")
    assert figures == {"results": [plane], **FIGURES}


def test_one_alone(tmp_path: Path) -> None:
    document.write_data_plane(tmp_path, PLANE, {"results": []})

    assert read(tmp_path) == (PLANE, {"results": []})
