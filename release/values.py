"""The values in force: the chart's defaults, and the files that it will be installed with laid over them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from .stage import Chart, Context, StageBrokenError

OURS = "localhost/"
"""What the names of this project's images begin with, until `global.imageRegistry` takes its place."""


def defaults(chart: Chart) -> dict[str, Any]:
    """Return values.yaml. Raises StageBrokenError where it is no YAML mapping."""
    return load(chart.folder / "values.yaml")


def in_force(context: Context) -> dict[str, Any]:
    """Return the defaults with the context's files laid over them, as Helm does it."""
    merged = defaults(context.chart)
    for file in context.values:
        overlay(merged, load(file))
    return merged


def load(file: Path) -> dict[str, Any]:
    """Read one file of values. Raises StageBrokenError."""
    try:
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as missing:
        raise StageBrokenError(f"{file.name} cannot be read: {missing.strerror}.") from missing
    except (yaml.YAMLError, UnicodeDecodeError) as wrong:
        raise StageBrokenError(f"{file.name} is not YAML: {' '.join(str(wrong).split())}.") from wrong
    if found is not None and not isinstance(found, dict):
        raise StageBrokenError(f"{file.name} holds no mapping of values.")
    return found or {}


def overlay(base: dict[str, Any], given: dict[str, Any]) -> None:
    """Lay one mapping over another, in place; null removes a key."""
    for key, value in given.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            overlay(base[key], value)
        elif value is None:
            base.pop(key, None)
        else:
            base[key] = value


def leaves(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Give every value that is no mapping, or an empty one, with its path."""
    if isinstance(node, dict) and node:
        for key, value in node.items():
            yield from leaves(value, (*path, str(key)))
    else:
        yield path, node


def images(values: dict[str, Any]) -> tuple[str, ...]:
    """Return the full names of all images in values: the controller's, the orchestrator's, servers', initializers'."""
    found = [text for text in _images(values) if text]
    return tuple(dict.fromkeys(found))


def own_images(values: dict[str, Any]) -> tuple[str, ...]:
    """Return the images that this project ships."""
    return tuple(name for name in images(values) if name.startswith(OURS))


def tag_of(image: str) -> str:
    """Return an image's tag, without a digest that may stand behind it."""
    return image.partition("@")[0].rpartition(":")[2]


def _images(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if {"repository", "tag"} <= node.keys():
            parts = [str(node[key]) for key in ("registry", "repository") if node.get(key)]
            yield f"{'/'.join(parts)}:{node['tag']}"
        elif isinstance(node.get("image"), str):
            version = node.get("defaultImageVersion")
            yield f"{node['image']}:{version}" if version else node["image"]
        for value in node.values():
            yield from _images(value)
    elif isinstance(node, list):
        for value in node:
            yield from _images(value)
