"""Does a live object already say what we want it to say? Then there is nothing to write.

Two questions are answered from the live object alone, so nothing has to be remembered in it and a controller that was
restarted knows as much as before:

1. Has every wanted field the wanted value? Fields that are not wanted (the API server's defaults, another manager's
   additions such as kubectl's `restartedAt`) do not count.
2. Is every field that we own still wanted? `managedFields` lists, for our field manager, what we applied; a field
   that is there and no longer wanted has to be taken away.

A wrong "no" costs one server-side apply that changes nothing (and `memory.py` sees to it that it is sent once); a wrong
"yes" would leave an object as it should not be. So the rules below are generous only where the API server's own
conversions make them so: quantities, and empty values that it leaves out.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from . import keyedlists, ownedfields
from .defaults import is_default
from .keyedlists import ItemKey
from .ownedfields import Fields
from .quantity import same_amount

_ORDERED = frozenset({"initContainers", "env"})
"""Keyed lists whose order means something: init containers run in turn, and a variable may refer to an earlier one."""

_QUANTITIES = frozenset({"limits", "requests", "sizeLimit", "divisor", "averageValue"})
_SERVER_FIELDS = frozenset({"uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "selfLink"})
_MISSING: Any = object()


def difference(wanted: Mapping[str, Any], live: Mapping[str, Any], field_manager: str) -> str | None:
    """The first field because of which the live object has to be written, or None where it is as wanted.

    Args:
        wanted: The manifest as it would be written.
        live: The object as the API server holds it, with the managedFields of the field manager.
        field_manager: Who we are.

    Returns:
        A path such as `spec.template.spec.containers[name=classifier].image`.
    """
    owned = ownedfields.owned_by(live, field_manager)
    if not owned and not keyedlists.has_duplicates(wanted):
        return "metadata.managedFields (never applied by us)"
    body = {key: value for key, value in wanted.items() if key not in {"apiVersion", "kind", "status"}}
    body["metadata"] = {key: value for key, value in wanted["metadata"].items() if key not in _SERVER_FIELDS}
    return _unequal(body, live, "", "") or _unwanted(owned, body, live, "")


def _unequal(wanted: Any, live: Any, field: str, path: str) -> str | None:  # noqa: PLR0911 - a table of cases
    if wanted is None:
        return None
    if live is _MISSING:
        return None if _is_empty(wanted) else path
    if isinstance(wanted, Mapping):
        if not isinstance(live, Mapping):
            return path
        for name, value in wanted.items():
            # The members of limits and requests are quantities by any name.
            kind = field if field in _QUANTITIES else name
            found = _unequal(value, live.get(name, _MISSING), kind, f"{path}.{name}" if path else name)
            if found:
                return found
        return None
    if isinstance(wanted, Sequence) and not isinstance(wanted, str):
        return _unequal_lists(wanted, live, field, path)
    if type(wanted) is type(live) and wanted == live:
        return None
    if field in _QUANTITIES and same_amount(wanted, live):
        return None
    return path


def _is_empty(value: Any) -> bool:
    """Values that are left out where they are stored, as Go's omitempty does."""
    if isinstance(value, Mapping):
        return all(_is_empty(child) for child in value.values())
    return not value


def _unequal_lists(wanted: Sequence[Any], live: Any, field: str, path: str) -> str | None:
    if not isinstance(live, Sequence) or isinstance(live, str):
        return path
    keys = keyedlists.keys_of(field, wanted, live)
    if not keys:
        return _unequal_pairs(wanted, live, path)
    there = keyedlists.grouped(live, keys)
    order = {key: position for position, key in enumerate(there)}
    last = -1
    for key, items in keyedlists.grouped(wanted, keys).items():
        where = f"{path}[{_spelled(key)}]"
        if field in _ORDERED and order.get(key, last) < last:
            return f"{where} (order)"
        last = order.get(key, last)
        found = _unequal_pairs(items, there.get(key, ()), where, indexed=len(items) > 1)
        if found:
            return found
    return None


def _unequal_pairs(wanted: Sequence[Any], live: Sequence[Any], path: str, *, indexed: bool = True) -> str | None:
    if len(wanted) != len(live):
        return path
    for number, (one, other) in enumerate(zip(wanted, live, strict=True)):
        found = _unequal(one, other, "", f"{path}[{number}]" if indexed else path)
        if found:
            return found
    return None


def _unwanted(owned: tuple[Fields, ...], wanted: Any, live: Any, path: str) -> str | None:
    """The first field that we wrote, that is still there, and that is wanted no longer."""
    if owned and not any(owned):
        # One value without owned parts, such as a selector or a toleration: all that is in it is ours.
        return _surplus(wanted, live, path)
    if isinstance(live, Mapping):
        for name, inner in ownedfields.fields(owned):
            where, there = f"{path}.{name}" if path else name, live.get(name, _MISSING)
            asked = wanted.get(name, _MISSING) if isinstance(wanted, Mapping) else _MISSING
            if asked is not _MISSING and there is not _MISSING:
                found = _unwanted_inside(name, inner, asked, there, where)
                if found:
                    return found
            elif there is not _MISSING and not is_default(name, there, live):
                return f"{where} (no longer wanted)"
    return None


def _unwanted_inside(name: str, owned: tuple[Fields, ...], wanted: Any, live: Any, path: str) -> str | None:
    keys = keyedlists.keys_of(name, wanted, live) if isinstance(live, Sequence) else ()
    if not keys:
        return _unwanted(owned, wanted, live, path)
    asked, there = keyedlists.grouped(wanted, keys), keyedlists.grouped(live, keys)
    by_sorted_key = {tuple(sorted(key)): key for key in there}
    for sorted_key, inner in ownedfields.items(owned):
        key = by_sorted_key.get(sorted_key)
        if key is None:
            continue
        where = f"{path}[{_spelled(key)}]"
        if key not in asked:
            return f"{where} (no longer wanted)"
        # Items of one key have no parts of their own in managedFields, so they are compared as whole values.
        unique = len(asked[key]) == len(there[key]) == 1
        for item, other in zip(asked[key], there[key], strict=False):
            found = _unwanted(inner, item, other, where) if unique else _surplus(item, other, where)
            if found:
                return found
    return None


def _surplus(wanted: Any, live: Any, path: str) -> str | None:
    """The first part of a live value that the wanted one does not have, and that is no default."""
    if isinstance(wanted, Mapping) and isinstance(live, Mapping):
        for name, value in live.items():
            where = f"{path}.{name}"
            if name not in wanted:
                if not _is_empty(value) and not is_default(name, value, live):
                    return f"{where} (no longer wanted)"
            elif found := _surplus(wanted[name], value, where):
                return found
    elif isinstance(wanted, list) and isinstance(live, list):
        pairs = enumerate(zip(wanted, live, strict=False))
        return next((found for n, (w, v) in pairs if (found := _surplus(w, v, f"{path}[{n}]"))), None)
    return None


def _spelled(key: ItemKey) -> str:
    return ",".join(f"{name}={value}" for name, value in key)
