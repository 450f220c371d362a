"""From what a user names (a folder, a package, a commit) to a chart on disk that does not change during the run."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path
from typing import Any

import yaml

from devtools.cache import key_of

from .nearest import nearest
from .repository import CHART, archive, commit_of, commits, names_of_commits
from .stage import Chart


class ChartError(Exception):
    """No chart can be had from what was named; the text says what is wrong and what to do."""


def take(named: str, into: Path, *, option: str) -> Chart:
    """Copy or unpack a chart folder or package to `into`. Raises ChartError."""
    source = Path(named)
    if source.is_dir():
        if not (source / "Chart.yaml").is_file():
            raise ChartError(f"{option} {named}: this folder holds no Chart.yaml; name the folder of a chart.")
        _clear(into)
        shutil.copytree(source, into, symlinks=True)
    elif source.is_file():
        _clear(into)
        _unpack(source, into, f"{option} {named}")
    else:
        raise ChartError(f"{option} {named}: there is no such file or folder; name a chart's folder or its package.")
    return read(into, source=named)


def take_previous(named: str, into: Path) -> Chart:
    """Have the previous chart: a folder or package, or the chart as it is in a commit. Raises ChartError."""
    if Path(named).exists():
        return take(named, into, option="--previous")
    commit = commit_of(named)
    if commit is None:
        close = nearest(named, names_of_commits())
        meant = f" Did you mean {close}?" if close else ""
        raise ChartError(
            f"--previous {named}: neither a file or folder, nor a commit, tag or branch of this repository.{meant}"
        )
    return _at(commit, into, f"--previous {named}")


def default_previous(chart: Chart, into: Path) -> Chart | None:
    """Choose what users have now: the newest commit whose chart has a lower version than `chart`.

    Where no version is lower (nothing was released yet), the newest commit whose chart differs. None where this is no
    git repository or no commit has another chart.
    """
    differing = None
    wanted = content_key(chart)
    for commit in commits(CHART):
        try:
            found = _at(commit, into, commit)
        except ChartError:  # it had no chart yet, or none that can be read
            continue
        if _lower(found.version, chart.version):
            return found
        if differing is None and content_key(found) != wanted:
            differing = commit
    return _at(differing, into, differing) if differing else None


def read(folder: Path, *, source: str) -> Chart:
    """Read Chart.yaml. A field that is missing is empty: the stage `lint` finds it. Raises ChartError."""
    try:
        fields: Any = yaml.safe_load((folder / "Chart.yaml").read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as wrong:
        first = " ".join(str(wrong).split())
        raise ChartError(f"{source}: Chart.yaml is not YAML ({first}).") from wrong
    if not isinstance(fields, dict):
        raise ChartError(f"{source}: Chart.yaml holds no mapping of fields.")
    name, version, app = (str(fields.get(key) or "") for key in ("name", "version", "appVersion"))
    return Chart(folder=folder, name=name, version=version, app_version=app, source=source)


def content_key(chart: Chart) -> str:
    """Return a key of the names and contents of the chart's files."""
    return key_of(chart.folder)


def _at(commit: str, into: Path, named: str) -> Chart:
    _clear(into)
    if not archive(commit, CHART, into):
        raise ChartError(f"{named}: this commit has no chart in {CHART}; name a later one.")
    return read(into, source=commit)


def _unpack(package: Path, into: Path, named: str) -> None:
    scratch = into.with_name(f".{into.name}-unpacked")
    _clear(scratch)
    try:
        with tarfile.open(package) as opened:
            opened.extractall(scratch, filter="data")
    except (tarfile.TarError, OSError, EOFError) as wrong:
        shutil.rmtree(scratch, ignore_errors=True)
        first = str(wrong).splitlines()[0].rstrip(":")
        raise ChartError(f"{named}: this file is no chart package ({first}); make one with `helm package`.") from wrong
    charts = [folder for folder in scratch.iterdir() if (folder / "Chart.yaml").is_file()]
    if len(charts) != 1:
        shutil.rmtree(scratch, ignore_errors=True)
        raise ChartError(f"{named}: a chart package holds one folder with a Chart.yaml; this one has {len(charts)}.")
    charts[0].rename(into)
    shutil.rmtree(scratch, ignore_errors=True)


def _clear(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)


def _lower(version: str, than: str) -> bool:
    """Compare two versions by their numbers; what is no such version is not lower."""
    try:
        one, other = (
            tuple(int(part) for part in each.split("+")[0].split("-")[0].split(".")) for each in (version, than)
        )
    except ValueError:
        return False
    return one < other
