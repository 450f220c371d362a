"""How a Deployment's pods are replaced. The API has no field for it, so an annotation says it.

`seldon.io/deployment-strategy` is read where the user's other annotations are, from the componentSpec to the object
itself: `Recreate`, `RollingUpdate`, or a Deployment's `strategy` as JSON. Without it old pods stay until new ones are
ready, as v1.17.1 has it; a node with one GPU then waits for ever (#1821). A strategy that somebody sets on the live
Deployment stays, too: that is the controller's business (`operator/objects/strategy.py`).
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from seldon_core.api.shapes import Json

from .errors import RenderError

ANNOTATION: Final = "seldon.io/deployment-strategy"

ROLLING: Final[Json] = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": "25%"}}
"""Old pods stay until new ones are ready. Source: specification 1.2."""

_TYPES: Final = ("Recreate", "RollingUpdate")
_LIMITS: Final = frozenset({"maxSurge", "maxUnavailable"})


def of(*annotations: Mapping[str, str]) -> Json:
    """The strategy that the first of several annotations asks for, or else `ROLLING`. Raises RenderError."""
    text = next((each[ANNOTATION] for each in annotations if each.get(ANNOTATION)), "").strip()
    if not text or text == ROLLING["type"]:
        return ROLLING
    if text == "Recreate":
        return {"type": text}
    asked = _parsed(text)
    kind, limits = asked.get("type", "RollingUpdate"), asked.get("rollingUpdate") or {}
    if set(asked) - {"type", "rollingUpdate"} or kind not in _TYPES or not _are_limits(limits):
        raise _refused(text)
    if kind == "Recreate":
        if limits:
            raise _refused(text)
        return {"type": kind}
    return {"type": kind, "rollingUpdate": {**ROLLING["rollingUpdate"], **limits}}


def _parsed(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise _refused(text)
    return found


def _are_limits(limits: Any) -> bool:
    """Whether they are numbers or shares of pods, and not both 0."""
    if not isinstance(limits, dict) or set(limits) - _LIMITS:
        return False
    return all(_is_amount(each) for each in limits.values()) and any(
        str(amount).rstrip("%") != "0" for amount in {**ROLLING["rollingUpdate"], **limits}.values()
    )


def _is_amount(value: Any) -> bool:
    if isinstance(value, str):
        return value.endswith("%") and value[:-1].isdecimal() and int(value[:-1]) <= 100
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _refused(text: str) -> RenderError:
    return RenderError(
        f'annotation {ANNOTATION}: "{text[:80]}" is no strategy; write Recreate, RollingUpdate, or JSON such as '
        '{"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}.'
    )
