"""A chart can be a folder, a package or a commit; what is none is said in one sentence."""

from __future__ import annotations

import subprocess
import tarfile
from pathlib import Path

import pytest

from release import repository
from release.chart import ChartError, content_key, default_previous, take, take_previous
from release.nearest import nearest

from .stages import chart


def package(folder: Path, into: Path) -> Path:
    with tarfile.open(into, "w:gz") as out:
        out.add(folder, "mine")
    return into


def git(folder: Path, *words: str) -> None:
    identity = ("-c", "user.name=n", "-c", "user.email=n@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", folder, *identity, *words], check=True, capture_output=True)


@pytest.fixture
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with three commits: no chart, version 0.1.0, version 0.2.0 (tag v0.2.0)."""
    root = tmp_path / "repository"
    root.mkdir()
    git(root, "init", "--initial-branch=main")
    (root / "README.md").write_text("nothing yet\n")
    git(root, "add", ".")
    git(root, "commit", "-m", "one")
    for version in ("0.1.0", "0.2.0"):
        folder = root / repository.CHART
        (folder / "templates").mkdir(parents=True, exist_ok=True)
        (folder / "Chart.yaml").write_text(f"name: mine\nversion: {version}\nappVersion: {version}\n")
        git(root, "add", ".")
        git(root, "commit", "-m", version)
    git(root, "tag", "v0.2.0")
    monkeypatch.setattr(repository, "ROOT", root)
    return root


def test_a_folder_and_its_package_are_one_chart(tmp_path: Path) -> None:
    given = chart(tmp_path / "given")

    folder = take(str(given.folder), tmp_path / "a", option="--chart")
    packed = take(str(package(given.folder, tmp_path / "mine.tgz")), tmp_path / "b", option="--chart")

    assert (folder.name, folder.version, folder.app_version) == ("mine", "0.1.0", "0.1.0")
    assert content_key(folder) == content_key(packed) == content_key(given)


def test_a_chart_is_copied_so_that_an_edit_does_not_reach_a_run(tmp_path: Path) -> None:
    given = chart(tmp_path / "given")
    taken = take(str(given.folder), tmp_path / "a", option="--chart")

    (given.folder / "values.yaml").write_text("a: 2\n")

    assert (taken.folder / "values.yaml").read_text() == "a: 1\n"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda folder: folder / "nothing", "there is no such file or folder"),
        (lambda folder: folder, "holds no Chart.yaml"),
        (lambda folder: _written(folder / "text.tgz", "hello"), "is no chart package"),
        (lambda folder: package(_written(folder / "x" / "file", "x").parent, folder / "other.tgz"), "this one has 0"),
        (lambda folder: _written(folder / "bad" / "Chart.yaml", "a: [").parent, "Chart.yaml is not YAML"),
        (lambda folder: _written(folder / "list" / "Chart.yaml", "- a").parent, "holds no mapping"),
    ],
)
def test_what_is_no_chart_is_refused_in_a_sentence(tmp_path: Path, make: object, said: str) -> None:
    assert callable(make)
    with pytest.raises(ChartError, match=said) as refused:
        take(str(make(tmp_path)), tmp_path / "out", option="--chart")

    assert "\n" not in str(refused.value)


def _written(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def test_the_previous_chart_is_taken_from_a_commit_or_a_tag(history: Path, tmp_path: Path) -> None:
    assert take_previous("v0.2.0", tmp_path / "a").version == "0.2.0"
    assert take_previous("HEAD~1", tmp_path / "a").version == "0.1.0"


def test_an_unknown_commit_is_said_with_the_nearest_name(history: Path, tmp_path: Path) -> None:
    with pytest.raises(ChartError, match=r"nor a commit, tag or branch of this repository\. Did you mean v0\.2\.0\?"):
        take_previous("v0.2.1", tmp_path / "a")
    with pytest.raises(ChartError, match="neither a file or folder"):
        take_previous("--output=x", tmp_path / "a")


def test_a_commit_without_a_chart_is_said(history: Path, tmp_path: Path) -> None:
    with pytest.raises(ChartError, match="this commit has no chart"):
        take_previous("HEAD~2", tmp_path / "a")


def test_the_default_is_the_newest_commit_with_a_lower_version(history: Path, tmp_path: Path) -> None:
    found = default_previous(chart(tmp_path / "new", version="0.3.0"), tmp_path / "a")
    assert found is not None
    assert found.version == "0.2.0"

    found = default_previous(chart(tmp_path / "same", version="0.2.0"), tmp_path / "a")
    assert found is not None
    assert found.version == "0.1.0"


def test_without_a_lower_version_it_is_the_newest_commit_that_differs(history: Path, tmp_path: Path) -> None:
    now = take_previous("HEAD~1", tmp_path / "now")

    found = default_previous(now, tmp_path / "a")

    assert found is not None
    assert found.version == "0.2.0"
    assert found.source == repository.commit_of("v0.2.0")


def test_without_a_repository_there_is_no_previous_chart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository, "ROOT", tmp_path)

    assert default_previous(chart(tmp_path / "new"), tmp_path / "a") is None


def test_the_nearest_name_is_only_named_where_it_is_near() -> None:
    assert nearest("polcy", ["lint", "policy"]) == "policy"
    assert nearest("xyz", ["lint", "policy"]) == ""
