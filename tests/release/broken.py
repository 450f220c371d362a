"""Charts and images broken on purpose: reads a case of the corpus (its form: README.md) and makes what it says."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from release.stages import ALL

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "seldon-core-operator"
CORPUS = Path(__file__).with_name("corpus")
REPOSITORY = "localhost/seldon-core"
OFFLINE = frozenset({"helm", "policy"})
IN_DOCKER = OFFLINE | {"images", "audit"}


class CaseError(Exception):
    """A case cannot be made: the chart has changed below it, or its file is not as README.md says."""


@dataclass(frozen=True)
class Image:
    """An image that the broken chart names: one of the product's, with more in its Dockerfile."""

    name: str
    base: str
    dockerfile: str


@dataclass(frozen=True)
class Case:
    """One way to break a release, and what must be said of it."""

    name: str
    why: str
    stage: str
    says: tuple[str, ...]
    patch: tuple[Mapping[str, Any], ...] = ()
    images: tuple[Image, ...] = ()
    arguments: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """What its stage needs: nothing but programs (`offline`), the Docker daemon (`images`), or a `cluster`."""
        needs = next(set(stage.needs) for stage in ALL if stage.name == self.stage)
        if needs <= OFFLINE:
            return "offline"
        return "images" if needs <= IN_DOCKER else "cluster"

    def chart(self, into: Path) -> Path:
        """Copy the chart and break the copy. Raises CaseError."""
        copy = Path(shutil.copytree(CHART, into / "chart"))
        for change in self.patch:
            _apply(self.name, copy, change)
        return copy

    @contextmanager
    def built(self) -> Iterator[None]:
        """Have the images that the chart names, and remove them again."""
        try:
            for image in self.images:
                text = f"FROM {image.base}\n{image.dockerfile}"
                subprocess.run(
                    ["docker", "build", "--quiet", "--tag", image.name, "-"], input=text, text=True, check=True
                )
            yield
        finally:
            for image in self.images:
                subprocess.run(["docker", "rmi", "--force", image.name], check=False, capture_output=True)


def cases() -> tuple[Case, ...]:
    """Return the whole corpus, by name."""
    return tuple(_case(file) for file in sorted(CORPUS.glob("*.yaml")))


def _case(file: Path) -> Case:
    told = yaml.safe_load(file.read_text(encoding="utf-8"))
    tag = next(
        line.split()[1] for line in (CHART / "Chart.yaml").read_text().splitlines() if line.startswith("appVersion:")
    )
    try:
        return Case(
            name=file.stem,
            why=told.pop("why"),
            stage=told.pop("stage"),
            says=tuple(told.pop("says")),
            patch=tuple(told.pop("patch", ())),
            images=tuple(
                Image(each["name"], f"{REPOSITORY}/{each['from']}:{tag}", each["dockerfile"])
                for each in told.pop("images", ())
            ),
            arguments=tuple(told.pop("arguments", ())),
            **told,
        )
    except (KeyError, TypeError) as wrong:
        raise CaseError(f"{file.name}: {wrong}: see README.md") from wrong


def _apply(case: str, chart: Path, change: Mapping[str, Any]) -> None:
    file = chart / change["file"]
    if "create" in change:
        if file.exists():
            raise CaseError(f"{case}: {change['file']} is there already")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(change["create"], encoding="utf-8")
    elif change.get("delete"):
        file.unlink()
    elif "append" in change:
        file.write_text(file.read_text(encoding="utf-8").rstrip("\n") + "\n" + change["append"], encoding="utf-8")
    else:
        text = file.read_text(encoding="utf-8")
        if text.count(change["replace"]) != 1:
            raise CaseError(
                f"{case}: {change['file']} has {change['replace']!r} {text.count(change['replace'])} times, not once"
            )
        file.write_text(text.replace(change["replace"], change["by"]), encoding="utf-8")
