"""A Deployment's pods are replaced when its pod template changes: whether it does, why, and how it is held as it is."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from . import compare, ownedfields, takeover
from .compare import Difference
from .kinds import FIELD_MANAGER

Json = dict[str, Any]


def differences(wanted: Mapping[str, Any], live: Mapping[str, Any]) -> Iterator[Difference]:
    """What replaces the pods of a Deployment.

    Args:
        wanted: The rendered Deployment.
        live: The one that there is.
    """
    if wanted["spec"]["selector"] != live["spec"]["selector"]:
        # It cannot be changed: the Deployment is made anew.
        yield Difference(("spec", "selector"), wanted["spec"]["selector"], live["spec"]["selector"])
    yield from compare.differences_at(("spec", "template"), wanted, live, FIELD_MANAGER)


def differs(wanted: Mapping[str, Any], live: Mapping[str, Any]) -> bool:
    """Whether the pods of a Deployment would be replaced."""
    return next(differences(wanted, live), None) is not None


def digest(wanted: Mapping[str, Any]) -> str:
    """Ten hexadecimal digits that stand for the pods that a rendered Deployment asks for."""
    spec = {name: wanted["spec"].get(name) for name in ("selector", "template")}
    return hashlib.sha256(msgspec.json.encode(spec, order="deterministic")).hexdigest()[:10]


def held(wanted: Mapping[str, Any], live: Mapping[str, Any]) -> Json:
    """The manifest of a Deployment that leaves its pods as they are: everything else of it is as it is wanted."""
    spec = {**wanted["spec"], "selector": live["spec"]["selector"]}
    if takeover.made_elsewhere(live):
        del spec["template"]
    elif ownedfields.owned_by(live, FIELD_MANAGER, "Update"):
        # It is written as a whole, so what others own of it has to be there, too.
        spec["template"] = live["spec"]["template"]
    else:
        owned = ownedfields.inside(ownedfields.owned_by(live, FIELD_MANAGER), "spec")
        spec["template"] = ownedfields.extract(live["spec"]["template"], ownedfields.inside(owned, "template"))
    return {**wanted, "spec": spec}
