"""Which fields of a live object did we write? Read from its `metadata.managedFields`.

The format (FieldsV1): `f:<name>` is a field, `k:<json>` a list's item by its keys, `v:<json>` an item by its value,
`.` the thing itself. There may be two entries of ours: what was applied (`Apply`), and what was written as a whole
(`Update`).
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from . import keyedlists
from .keyedlists import ItemKey

Fields = Mapping[str, Any]


def owned_by(live: Mapping[str, Any], field_manager: str, *operations: str) -> tuple[Fields, ...]:
    """The sets of fields that a manager owns outside of the status; none where it never wrote.

    Args:
        live: The object.
        field_manager: Its name.
        operations: `Apply`, `Update`; both where none is given.
    """
    return tuple(
        entry.get("fieldsV1") or {}
        for entry in live["metadata"].get("managedFields") or ()
        if entry.get("manager") == field_manager
        and not entry.get("subresource")
        and entry.get("operation") in (operations or ("Apply", "Update"))
    )


def fields(owned: Iterable[Fields]) -> Iterator[tuple[str, tuple[Fields, ...]]]:
    """Names of owned fields, each with what is owned inside."""
    seen: dict[str, list[Fields]] = {}
    for each in owned:
        for entry, inner in each.items():
            if entry.startswith("f:"):
                seen.setdefault(entry[2:], []).append(inner)
    return ((name, tuple(inner)) for name, inner in seen.items())


def items(owned: Iterable[Fields]) -> Iterator[tuple[ItemKey, tuple[Fields, ...]]]:
    """Keys of owned items of a list, each with what is owned inside."""
    seen: dict[ItemKey, list[Fields]] = {}
    for each in owned:
        for entry, inner in each.items():
            if entry.startswith("k:"):
                key = tuple(sorted(json.loads(entry[2:]).items()))
                seen.setdefault(key, []).append(inner)
    return ((key, tuple(inner)) for key, inner in seen.items())


def inside(owned: Iterable[Fields], name: str) -> tuple[Fields, ...]:
    """What is owned inside a field."""
    return tuple(each["f:" + name] for each in owned if "f:" + name in each)


def is_owned(owned: Iterable[Fields], name: str) -> bool:
    """Whether a field, or something in it, is owned."""
    return any("f:" + name in each for each in owned)


def extract(value: Any, owned: tuple[Fields, ...], field: str = "") -> Any:
    """The part of a live value that is owned: what an apply has to say again for the value to stay as it is.

    Args:
        value: The live value.
        owned: What is owned of it.
        field: Its name, which tells by which keys a list's items are told apart.
    """
    if not any(owned):
        return value
    if isinstance(value, Mapping):
        return {name: extract(value[name], inner, name) for name, inner in fields(owned) if name in value}
    keys = keyedlists.keys_of(field, value)
    ours = dict(items(owned))
    if not keys or not ours:
        return value
    return [
        {name: part for name, part in key if part is not None} | extract(item, inner)
        for item in value
        if (inner := ours.get(tuple(sorted(key := keyedlists.key_of_item(item, keys))))) is not None
    ]


def all_of(value: Mapping[str, Any]) -> Fields:
    """The set of all fields of an object, in the form of managedFields."""
    return {f"f:{name}": _inside_of(child, name) for name, child in value.items()}


def _inside_of(value: Any, field: str) -> Fields:
    if isinstance(value, Mapping):
        return all_of(value)
    keys = keyedlists.keys_of(field, value) if value else ()
    if not keys:
        return {}
    return {f"k:{_spelled(item, keys)}": {".": {}, **all_of(item)} for item in value}


def _spelled(item: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    return json.dumps(dict(keyedlists.key_of_item(item, keys)), separators=(",", ":"))
