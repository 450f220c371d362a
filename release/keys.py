"""A stage's key: everything that its result depends on. Where it is the same, a stage that passed is not run again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from devtools.cache import key_of
from devtools.paths import ROOT
from devtools.shell import CommandFailedError, output

from . import values
from .chart import content_key
from .stage import Context, Stage, StageBrokenError

PIPELINE = (ROOT / "release", ROOT / "devtools" / "recipes", ROOT / "requirements" / "release.txt")
"""The questions themselves, and the versions of the programs that answer them."""
PRODUCT = (ROOT / "src", ROOT / "images")
WITHOUT_IMAGES = frozenset({"helm", "policy"})
"""Needs that have nothing to do with what the images hold."""


def key_for(stage: Stage, context: Context) -> str:
    """Return the stage's key. A stage may have a method `inputs(context)` with more texts and paths."""
    parts: list[str | bytes | Path] = [stage.name, content_key(context.chart)]
    parts.append(content_key(context.previous) if context.previous else "no previous chart")
    parts += [*context.values, *PIPELINE]
    more: Callable[[Context], Iterable[str | bytes | Path]] | None = getattr(stage, "inputs", None)
    if more:
        parts += more(context)
    if looks_at_images(stage):
        parts += [*PRODUCT, *image_ids(context)]
    return key_of(*[part for part in parts if not isinstance(part, Path) or part.exists()])


def looks_at_images(stage: Stage) -> bool:
    """Tell whether a stage's result depends on what the images hold."""
    return not WITHOUT_IMAGES.issuperset(stage.needs)


def image_ids(context: Context) -> tuple[str, ...]:
    """Return `name=id` of each image of ours that the chart names; no id where the daemon has no such image."""
    try:
        named = values.own_images(values.in_force(context))
    except StageBrokenError:  # the stages say what is wrong with the values
        return ()
    return tuple(f"{name}={image_id(name)}" for name in named)


def image_id(name: str) -> str:
    """Return the id of an image in the Docker daemon, or nothing."""
    try:
        return output(["docker", "image", "inspect", "--format", "{{.Id}}", name])
    except CommandFailedError:
        return ""
