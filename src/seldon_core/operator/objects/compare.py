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

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seldon_core.api.quantity import same_amount

from . import keyedlists, ownedfields
from .defaults import is_default
from .keyedlists import ItemKey
from .ownedfields import Fields

_ORDERED = frozenset({"initContainers", "env"})
"""Keyed lists whose order means something: init containers run in turn, and a variable may refer to an earlier one."""

_QUANTITIES = frozenset({"limits", "requests", "sizeLimit", "divisor", "averageValue"})
_SERVER_FIELDS = frozenset({"uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "selfLink"})
_UNWANTED = "no longer wanted"

MISSING: Any = object()
"""In the place of a value that is not there."""

Path = tuple[str | ItemKey | int, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that is not as wanted.

    Attributes:
        path: Names of fields, keys of a list's items, positions in a list.
        wanted: The value that it should have, `MISSING` where it should not be there.
        live: The value that it has, `MISSING` where it is not there.
        note: What is not said by the values.
    """

    path: Path
    wanted: Any
    live: Any
    note: str = ""

    def __str__(self) -> str:
        text = ""
        for step in self.path:
            if isinstance(step, str):
                text += f".{step}" if text else step
            else:
                text += f"[{step if isinstance(step, int) else spelled(step)}]"
        return f"{text} ({self.note})" if self.note else text


def difference(wanted: Mapping[str, Any], live: Mapping[str, Any], field_manager: str) -> str | None:
    """The first field because of which the live object has to be written, or None where it is as wanted.

    Args:
        wanted: The manifest as it would be written.
        live: The object as the API server holds it, with the managedFields of the field manager.
        field_manager: Who we are.

    Returns:
        A path such as `spec.template.spec.containers[name=classifier].image`.
    """
    first = next(differences(wanted, live, field_manager), None)
    return None if first is None else str(first)


def differences(wanted: Mapping[str, Any], live: Mapping[str, Any], field_manager: str) -> Iterator[Difference]:
    """All of them; the arguments are those of `difference`."""
    owned = ownedfields.owned_by(live, field_manager)
    if not owned and not keyedlists.has_duplicates(wanted):
        yield Difference(("metadata", "managedFields"), MISSING, MISSING, "never applied by us")
    body = {key: value for key, value in wanted.items() if key not in {"apiVersion", "kind", "status"}}
    body["metadata"] = {key: value for key, value in wanted["metadata"].items() if key not in _SERVER_FIELDS}
    yield from _unequal(body, live, "", ())
    yield from _unwanted(owned, body, live, ())


def differences_at(
    path: tuple[str, ...], wanted: Mapping[str, Any], live: Mapping[str, Any], field_manager: str
) -> Iterator[Difference]:
    """Those of one part of an object that is wanted; a part that is not there differs as a whole."""
    owned = ownedfields.owned_by(live, field_manager)
    asked: Any = wanted
    there: Any = live
    for name in path:
        owned = ownedfields.inside(owned, name)
        asked = asked[name]
        there = there.get(name, MISSING) if isinstance(there, Mapping) else MISSING
    yield from _unequal(asked, there, path[-1], path)
    yield from _unwanted(owned, asked, there, path)


def _unequal(wanted: Any, live: Any, field: str, path: Path) -> Iterator[Difference]:
    if wanted is None:
        return
    if live is MISSING:
        if not _is_empty(wanted):
            yield Difference(path, wanted, MISSING)
    elif isinstance(wanted, Mapping):
        if not isinstance(live, Mapping):
            yield Difference(path, wanted, live)
            return
        for name, value in wanted.items():
            # The members of limits and requests are quantities by any name.
            kind = field if field in _QUANTITIES else name
            yield from _unequal(value, live.get(name, MISSING), kind, (*path, name))
    elif isinstance(wanted, Sequence) and not isinstance(wanted, str):
        yield from _unequal_lists(wanted, live, field, path)
    elif not (type(wanted) is type(live) and wanted == live) and not (
        field in _QUANTITIES and same_amount(wanted, live)
    ):
        yield Difference(path, wanted, live)


def _is_empty(value: Any) -> bool:
    """Values that are left out where they are stored, as Go's omitempty does."""
    if isinstance(value, Mapping):
        return all(_is_empty(child) for child in value.values())
    return not value


def _unequal_lists(wanted: Sequence[Any], live: Any, field: str, path: Path) -> Iterator[Difference]:
    if not isinstance(live, Sequence) or isinstance(live, str):
        yield Difference(path, wanted, live)
        return
    keys = keyedlists.keys_of(field, wanted, live)
    if not keys:
        yield from _unequal_pairs(wanted, live, path)
        return
    there = keyedlists.grouped(live, keys)
    order = {key: position for position, key in enumerate(there)}
    last = -1
    for key, items in keyedlists.grouped(wanted, keys).items():
        where = (*path, key)
        if field in _ORDERED and order.get(key, last) < last:
            yield Difference(where, MISSING, MISSING, "order")
        last = max(last, order.get(key, last))
        yield from _unequal_pairs(items, there.get(key, ()), where, indexed=len(items) > 1)


def _unequal_pairs(
    wanted: Sequence[Any], live: Sequence[Any], path: Path, *, indexed: bool = True
) -> Iterator[Difference]:
    if len(wanted) != len(live):
        one = not indexed and len(wanted) == 1
        yield Difference(path, wanted[0] if one else wanted, live or MISSING)
        return
    for number, (one, other) in enumerate(zip(wanted, live, strict=True)):
        yield from _unequal(one, other, "", (*path, number) if indexed else path)


def _unwanted(owned: tuple[Fields, ...], wanted: Any, live: Any, path: Path) -> Iterator[Difference]:
    """Fields that we wrote, that are still there, and that are wanted no longer."""
    if owned and not any(owned):
        # One value without owned parts, such as a selector or a toleration: all that is in it is ours.
        yield from _surplus(wanted, live, path)
        return
    if not isinstance(live, Mapping):
        return
    for name, inner in ownedfields.fields(owned):
        where, there = (*path, name), live.get(name, MISSING)
        asked = wanted.get(name, MISSING) if isinstance(wanted, Mapping) else MISSING
        if asked is not MISSING and there is not MISSING:
            yield from _unwanted_inside(name, inner, asked, there, where)
        elif there is not MISSING and not is_default(name, there, live):
            yield Difference(where, MISSING, there, _UNWANTED)


def _unwanted_inside(name: str, owned: tuple[Fields, ...], wanted: Any, live: Any, path: Path) -> Iterator[Difference]:
    keys = keyedlists.keys_of(name, wanted, live) if isinstance(live, Sequence) else ()
    if not keys:
        yield from _unwanted(owned, wanted, live, path)
        return
    asked, there = keyedlists.grouped(wanted, keys), keyedlists.grouped(live, keys)
    by_sorted_key = {tuple(sorted(key)): key for key in there}
    for sorted_key, inner in ownedfields.items(owned):
        key = by_sorted_key.get(sorted_key)
        if key is None:
            continue
        where = (*path, key)
        if key not in asked:
            yield Difference(where, MISSING, there[key][0], _UNWANTED)
            continue
        # Items of one key have no parts of their own in managedFields, so they are compared as whole values.
        unique = len(asked[key]) == len(there[key]) == 1
        for item, other in zip(asked[key], there[key], strict=False):
            yield from _unwanted(inner, item, other, where) if unique else _surplus(item, other, where)


def _surplus(wanted: Any, live: Any, path: Path) -> Iterator[Difference]:
    """Parts of a live value that the wanted one does not have, and that are no defaults."""
    if isinstance(wanted, Mapping) and isinstance(live, Mapping):
        for name, value in live.items():
            where = (*path, name)
            if name in wanted:
                yield from _surplus(wanted[name], value, where)
            elif not _is_empty(value) and not is_default(name, value, live):
                yield Difference(where, MISSING, value, _UNWANTED)
    elif isinstance(wanted, list) and isinstance(live, list):
        for number, (one, other) in enumerate(zip(wanted, live, strict=False)):
            yield from _surplus(one, other, (*path, number))


def spelled(key: ItemKey) -> str:
    """A list item's key as text, such as `name=classifier`."""
    return ",".join(f"{name}={value}" for name, value in key)
