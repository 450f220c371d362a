"""Server-side apply's rules, carried out here: for the few manifests that it refuses.

The result is the live object with every wanted field in it, without the fields that we wrote earlier and no longer
want, and with everything that others wrote left alone. It is written as a whole, on the condition that the object has
not changed meanwhile. See keyedlists.py for when that is needed.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from . import keyedlists, ownedfields
from .ownedfields import Fields

Json = dict[str, Any]


def overlay(live: Mapping[str, Any], wanted: Mapping[str, Any], owned: tuple[Fields, ...]) -> Json:
    """The object to write.

    Args:
        live: What the API server holds; its resourceVersion goes along.
        wanted: The manifest as it would be applied.
        owned: What we wrote, from `ownedfields.owned_by`.
    """
    result = _map(live, wanted, owned)
    result["metadata"].pop("managedFields", None)
    return result


def _map(live: Mapping[str, Any], wanted: Mapping[str, Any], owned: tuple[Fields, ...]) -> Json:
    result: Json = {}
    for name, value in live.items():
        if name in wanted:
            result[name] = _value(name, value, wanted[name], ownedfields.inside(owned, name))
        elif not ownedfields.is_owned(owned, name):
            result[name] = value
        else:
            rest = _rest(value, ownedfields.inside(owned, name))
            if rest:
                result[name] = rest
    return result | {name: value for name, value in wanted.items() if name not in live}


def _value(name: str, live: Any, wanted: Any, owned: tuple[Fields, ...]) -> Any:
    if owned and not any(owned):
        # One value without owned parts, such as a reference to a secret's key.
        return wanted
    # A selector is one value, whoever wrote it.
    if isinstance(live, Mapping) and isinstance(wanted, Mapping) and name != "selector":
        return _map(live, wanted, owned)
    if isinstance(live, Sequence) and isinstance(wanted, Sequence) and (keys := keyedlists.keys_of(name, live, wanted)):
        return _list(live, wanted, keys, owned)
    return wanted


def _list(live: Any, wanted: Any, keys: tuple[str, ...], owned: tuple[Fields, ...]) -> list[Any]:
    present, ours = keyedlists.grouped(live, keys), dict(ownedfields.items(owned))
    asked = keyedlists.grouped(wanted, keys)
    result: list[Any] = []
    for item in wanted:
        key = keyedlists.key_of_item(item, keys)
        there = present.get(key, [])
        # Items of one key cannot be told apart: they are taken as they are wanted.
        unique = len(asked[key]) == 1 and len(there) == 1
        result.append(_map(there[0], item, ours.get(tuple(sorted(key)), ())) if unique else item)
    others = (
        item for key, group in present.items() if key not in asked and tuple(sorted(key)) not in ours for item in group
    )
    return [*result, *others]


def _rest(value: Any, owned: tuple[Fields, ...]) -> Any:
    """What others have written into something that we wrote and no longer want."""
    if isinstance(value, Mapping) and any(key.startswith("f:") for each in owned for key in each):
        return _map(value, {}, owned)
    return None
