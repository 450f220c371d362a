"""Which fields of a live object did we write? Read from its `metadata.managedFields`.

The format (FieldsV1): `f:<name>` is a field, `k:<json>` a list's item by its keys, `v:<json>` an item by its value,
`.` the thing itself. There may be two entries of ours: what was applied (`Apply`), and what was written as a whole
(`Update`).
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

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
