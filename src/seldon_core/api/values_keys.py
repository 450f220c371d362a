"""Which keys the chart's values may have, and what to type instead of one that they may not.

The same rules twice: here, and in the chart's `templates/_keys.tpl`, which reads the tree of keys as
`files/keys.yaml`. Helm's own check against a JSON schema can only say that a key is not allowed; people need the
nearest one that is. A chart test holds both to the same words.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from msgspec.inspect import StructType, type_info

from .values_obsolete import ALIASES, OBSOLETE
from .values_types import Values

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from msgspec import Struct

Tree = dict[str, Any]
"""Keys to what is below them: another tree, or None where anything may be. `*` stands for any key."""

CLOSE: Final = 600
"""Two names of which 600 in 1000 characters agree are taken for one another."""

OPEN_SECTIONS: Final = frozenset({"global"})
"""Sections that may hold keys of other charts: Helm shares `global` with all charts of an installation."""

ANYTHING: Final = "anything"
SECTION: Final = "section"
_STAR: Final = "*"
_SERVER: Final[Tree] = {_STAR: {"protocols": {_STAR: dict.fromkeys(("image", "defaultImageVersion", "embedded"))}}}


def known() -> Tree:
    """The keys that mean something today."""
    return _tree(Values) | {"predictor_servers": _SERVER}


def old() -> Tree:
    """The keys of old releases, and other names of keys: accepted, and never offered."""
    tree: Tree = {}
    for path in (*OBSOLETE, *ALIASES):
        *above, last = path.split(".")
        node = tree
        for name in above:
            node = node.setdefault(name, {})
        node[last] = None
    return tree


def known_keys() -> tuple[str, ...]:
    """Full paths of every key that has a type of its own, sections left out."""
    return tuple(_leaves(_tree(Values), ()))


def unknown(data: Mapping[str, Any]) -> str | None:
    """What to say of the first key in data that no release ever had: one sentence; None where there is none.

    A key without a value (null) counts as not given.
    """
    path = _first_unknown(data, known(), old(), ())
    return None if path is None else _sentence(path)


def _first_unknown(data: Mapping[str, Any], tree: Tree, former: Tree, path: tuple[str, ...]) -> tuple[str, ...] | None:
    for key in sorted(data, key=str):
        value, here = data[key], (*path, str(key))
        below, before = _below(tree, here[-1]), _below(former, here[-1])
        if value is None or here[0] in OPEN_SECTIONS or ANYTHING in {below, before}:
            continue
        if below is None and (before is None or not isinstance(value, Mapping)):
            return _down(here, value)
        if isinstance(value, Mapping) and (
            found := _first_unknown(value, _keys(tree, here[-1]), _keys(former, here[-1]), here)
        ):
            return found
    return None


def _below(tree: Tree, key: str) -> str | None:
    """What a tree says of a key: that anything may be below it, that keys are, or None where it does not know it."""
    name = key if key in tree else _STAR
    if name not in tree:
        return None
    return ANYTHING if tree[name] is None else SECTION


def _keys(tree: Tree, key: str) -> Tree:
    return tree.get(key if key in tree else _STAR) or {}


def _down(path: tuple[str, ...], value: Any) -> tuple[str, ...]:
    """The name that was typed, down to its leaf."""
    while isinstance(value, Mapping) and value:
        key = min(value, key=str)
        path, value = (*path, str(key)), value[key]
    return path


def _sentence(path: tuple[str, ...]) -> str:
    tree, depth = known(), 0
    while depth < len(path) and _below(tree, path[depth]) == SECTION:
        tree, depth = _keys(tree, path[depth]), depth + 1
    full, section = ".".join(path), path[:depth]
    if near := _nearest(tree, section, path[depth:]) or _namesake(path):
        return f"Unknown value {full}: did you mean {near}?"
    where = f"Keys of {'.'.join(section)}" if section else "Keys"
    return f"Unknown value {full}. {where}: {', '.join(sorted(tree))}; see docs/values.md."


def _nearest(tree: Tree, section: tuple[str, ...], typed: tuple[str, ...]) -> str | None:
    """The path that a misspelt one comes closest to, part for part, as far as it does."""
    found = list(section)
    for name in typed:
        chosen = name if _below(tree, name) else _closest(name, sorted(tree), CLOSE)
        if chosen is None:
            break
        found.append(chosen)
        if _below(tree, chosen) == ANYTHING:
            break
        tree = _keys(tree, chosen)
    return ".".join(found) if len(found) > len(section) else None


def _namesake(path: tuple[str, ...]) -> str | None:
    """A right name in the wrong section; what is wrong in a row of one's own is no key of another section."""
    if _STAR in (known().get(path[0]) or {}):
        return None
    names = [key for key in known_keys() if key.rpartition(".")[2].lower() == path[-1].lower()]
    return _closest(".".join(path), names, 0)


def _closest(name: str, names: Sequence[str], least: int) -> str | None:
    """The first of the names that are most alike, at least so much."""
    alike = {each: _likeness(name, each) for each in names}
    return next((each for each in names if alike[each] == max(alike.values()) >= least), None)


def _likeness(one: str, other: str) -> int:
    """How many in 1000 characters of two names agree: those of their longest common subsequence; case is ignored."""
    row = [0] * (len(other) + 1)
    for a in one.lower():
        left = above_left = 0
        for place, b in enumerate(other.lower(), 1):
            above = row[place]
            left = row[place] = above_left + 1 if a == b else max(above, left)
            above_left = above
    return 2000 * row[-1] // (len(one) + len(other))


def _tree(section: type[Struct]) -> Tree:
    return {
        item.encode_name: _tree(item.type.cls) if isinstance(item.type, StructType) else None
        for item in struct(section).fields
    }


def _leaves(tree: Tree, path: tuple[str, ...]) -> Iterator[str]:
    for name, below in tree.items():
        if below is None:
            yield ".".join((*path, name))
        else:
            yield from _leaves(below, (*path, name))


def struct(section: type[Struct]) -> StructType:
    """What msgspec knows of a section."""
    info = type_info(section)
    assert isinstance(info, StructType)  # noqa: S101  # narrows the type
    return info
