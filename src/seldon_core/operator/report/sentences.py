"""Differences between a live object and a wanted one, as sentences for people."""

import json
from typing import Any, Final

from seldon_core.operator.objects.compare import MISSING, Difference, Path, spelled

from .redact import HIDDEN

LONGEST = 100
"""Characters of a value that are shown: what begins and what ends it, since an image's tag comes last."""

_CONTAINERS: Final = {"containers": "container", "initContainers": "init container"}
_POD: Final = ("spec", "template")


def sentence(difference: Difference) -> str:
    """Such as `container seldon-container-engine: image a -> b`."""
    if difference.path == ("metadata", "managedFields"):
        return "nothing of it was ever written by this controller"
    subject, path = _subject(difference.path)
    words = [_spelled(path)] if path else []
    if difference.note == "order":
        words.append("has another place in the order")
    elif difference.live is MISSING and difference.wanted is MISSING:
        words.append(difference.note)
    elif _is_part(difference.live) or _is_part(difference.wanted):
        words.append(_became(difference))
    elif difference.live == difference.wanted == HIDDEN:
        words.append("changes (its value is not shown)")
    else:
        words.append(f"{_shown(difference.live)} -> {_shown(difference.wanted)}")
    text = " ".join(words)
    return f"{subject}: {text}" if subject else text


def _subject(path: Path) -> tuple[str, Path]:
    """Who a path is about, and the rest of it."""
    if path[:2] != _POD:
        return "", path
    path = path[2:]
    if path[:1] == ("metadata",) and len(path) > 1:
        kind = {"annotations": "annotation", "labels": "label"}.get(str(path[1]), str(path[1]))
        return "pod", (kind, *path[2:])
    if path[:1] == ("spec",):
        path = path[1:]
    if len(path) > 1 and isinstance(path[1], tuple):
        named = ",".join(str(value) for _, value in path[1])
        if path[0] in _CONTAINERS:
            return f"{_CONTAINERS[str(path[0])]} {named}", path[2:]
        if path[0] == "volumes":
            return f"volume {named}", path[2:]
    return "pod", path


def _spelled(path: Path) -> str:
    if path[0] in {"annotation", "label"} and len(path) > 1:
        return f"{path[0]} {path[1]}"
    if path[0] == "env" and len(path) > 1 and isinstance(path[1], tuple):
        rest = "" if path[2:] in {(), ("value",)} else " " + _spelled(path[2:])
        return f"env {path[1][0][1]}{rest}"
    text = ""
    for step in path:
        if isinstance(step, str):
            text += f".{step}" if text else step
        else:
            text += f"[{step if isinstance(step, int) else spelled(step)}]"
    return text


def _is_part(value: Any) -> bool:
    return isinstance(value, dict | list)


def _became(difference: Difference) -> str:
    if difference.live is MISSING:
        return "is added"
    return "is removed" if difference.wanted is MISSING else "changes"


def _shown(value: Any) -> str:
    if value is MISSING:
        return "none"
    text = value if isinstance(value, str) and value else json.dumps(value)
    half = (LONGEST - 3) // 2
    return text if len(text) <= LONGEST else f"{text[:half]}...{text[-half:]}"
