"""Whose is a Deployment's strategy? The user's, where one has set it on the live object: then it stays.

A node with one GPU cannot hold an old pod and a new one, and `kubectl patch deployment` is what people do about it
(#1821). What is applied with force would undo that. Who set a field is said in `managedFields`: what differs from our
default and is not ours is somebody's decision. A strategy that the SeldonDeployment itself asks for (the annotation
`seldon.io/deployment-strategy`) is applied: the manifest is what people see.
"""

from collections.abc import Mapping
from typing import Any

from seldon_core.operator.render.strategy import ROLLING

from . import ownedfields
from .kinds import FIELD_MANAGER


def is_default(wanted: Mapping[str, Any]) -> bool:
    """Whether a Deployment's manifest asks for our default, and so for none that anybody has named."""
    return bool(wanted["spec"].get("strategy") == ROLLING)


def hold(wanted: Mapping[str, Any], live: Mapping[str, Any]) -> Mapping[str, Any]:
    """The manifest of a Deployment without those parts of our default strategy that somebody has set otherwise."""
    spec, there = wanted["spec"], live["spec"].get("strategy") or {}
    if not is_default(wanted):
        return wanted
    owned = ownedfields.inside(ownedfields.inside(ownedfields.owned_by(live, FIELD_MANAGER), "spec"), "strategy")
    if not _is_set(ROLLING, there, owned):
        return wanted
    kept = _ours(ROLLING, there, owned)
    return {**wanted, "spec": {k: v for k, v in spec.items() if k != "strategy"} | ({"strategy": kept} if kept else {})}


def _is_set(default: Mapping[str, Any], there: Mapping[str, Any], owned: tuple[ownedfields.Fields, ...]) -> bool:
    """Whether a part differs that is not ours."""
    for name, value in default.items():
        if isinstance(value, Mapping):
            if _is_set(value, there.get(name) or {}, ownedfields.inside(owned, name)):
                return True
        elif there.get(name) != value and not ownedfields.is_owned(owned, name):
            return True
    return False


def _ours(
    default: Mapping[str, Any], there: Mapping[str, Any], owned: tuple[ownedfields.Fields, ...]
) -> dict[str, Any]:
    """The parts that are ours, and as we want them."""
    result: dict[str, Any] = {}
    for name, value in default.items():
        if isinstance(value, Mapping):
            if inner := _ours(value, there.get(name) or {}, ownedfields.inside(owned, name)):
                result[name] = inner
        elif there.get(name) == value and ownedfields.is_owned(owned, name):
            result[name] = value
    return result
