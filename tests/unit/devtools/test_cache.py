"""The cache: one key for one content, nothing half-built, nothing stale."""

from __future__ import annotations

from pathlib import Path

import pytest

from devtools import cache


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SELDON_CACHE", str(tmp_path / "cache"))


def _write(text: str):  # noqa: ANN202  # a builder for the tests below
    def build(folder: Path) -> None:
        (folder / "out").write_text(text)

    return build


def _refuse(_folder: Path) -> None:
    pytest.fail("built again although it is cached")


def test_an_artefact_is_built_once_for_one_content() -> None:
    first = cache.artefact("thing", ["recipe"], _write("built"))

    assert cache.artefact("thing", ["recipe"], _refuse) == first
    assert (first / "out").read_text() == "built"


def test_a_changed_recipe_is_built_anew_and_the_old_one_goes() -> None:
    old = cache.artefact("thing", ["recipe 1"], _write("1"))
    new = cache.artefact("thing", ["recipe 2"], _write("2"))

    assert (new / "out").read_text() == "2"
    assert not old.exists()


def test_an_artefact_with_a_longer_name_stays_when_its_namesake_is_rebuilt() -> None:
    other = cache.artefact("thing-two", ["x"], _write("other"))
    cache.artefact("thing", ["1"], _write("1"))
    cache.artefact("thing", ["2"], _write("2"))

    assert (other / "out").read_text() == "other"


def test_an_interrupted_build_leaves_nothing_behind() -> None:
    def interrupted(folder: Path) -> None:
        (folder / "out").write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.artefact("thing", ["recipe"], interrupted)

    assert list((cache.cache_dir() / "artefacts").iterdir()) == []
    assert (cache.artefact("thing", ["recipe"], _write("whole")) / "out").read_text() == "whole"


@pytest.mark.parametrize("change", ["content", "name", "mode"])
def test_the_key_of_a_folder_follows_its_files(tmp_path: Path, change: str) -> None:
    folder = tmp_path / "recipe"
    folder.mkdir()
    file = folder / "go.mod"
    file.write_text("module x")
    file.chmod(0o644)
    before = cache.key_of(folder)
    if change == "content":
        file.write_text("module y")
    elif change == "name":
        file.rename(folder / "go.sum")
    else:
        file.chmod(0o755)

    assert cache.key_of(folder) != before


def test_parts_do_not_run_into_each_other() -> None:
    assert cache.key_of("ab", "c") != cache.key_of("a", "bc")


def test_bytecode_of_an_earlier_run_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text("pass")
    before = cache.key_of(tmp_path)
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "x.pyc").write_bytes(b"1")

    assert cache.key_of(tmp_path) == before


def test_a_purge_takes_only_what_is_ours() -> None:
    """A person may have named a folder for the cache that holds other things, too."""
    cache.artefact("thing", ["1"], _write("1"))
    precious = cache.cache_dir() / "thesis.txt"
    precious.write_text("years of work")

    cache.purge()

    assert precious.read_text() == "years of work"
    assert list(cache.cache_dir().iterdir()) == [precious]


def test_a_purge_leaves_no_empty_folder() -> None:
    cache.artefact("thing", ["1"], _write("1"))

    cache.purge()

    assert not cache.cache_dir().exists()
