"""Chart values that the stages make: laid over each other, and with other tags for the images of this project."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .values import OURS

Tagged = Callable[[str, str], str]
"""From an image's repository (`localhost/seldon-core/operator`) and tag to the tag that it is to have."""


def values_with(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Values laid over each other, the later over the earlier, as helm does with several files."""
    result: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            below = result.get(key)
            if isinstance(value, Mapping) and isinstance(below, Mapping):
                result[key] = values_with(below, value)
            else:
                result[key] = value
    return result


def retagged(values: Mapping[str, Any], tagged: Tagged) -> dict[str, Any]:
    """The values, alone, that give each image of ours in `values` another tag."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        if not isinstance(value, Mapping):
            continue
        inner = retagged(value, tagged) | _of_image(value, tagged)
        if inner:
            found[key] = inner
    return found


def _of_image(node: Mapping[str, Any], tagged: Tagged) -> dict[str, Any]:
    """An image's own key with the other tag: there are three ways in which values name one."""
    if {"repository", "tag"} <= node.keys() and f"{node.get('registry', '')}/" == OURS:
        return {"tag": tagged(f"{OURS}{node['repository']}", str(node["tag"]))}
    image = node.get("image", "")
    if not (isinstance(image, str) and image.startswith(OURS)):
        return {}
    if "defaultImageVersion" in node:
        return {"defaultImageVersion": tagged(image, str(node["defaultImageVersion"]))}
    repository, _, tag = image.rpartition(":")
    return {"image": f"{repository}:{tagged(repository, tag)}"}
