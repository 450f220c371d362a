"""From a mapping of chart values, as people write it, to typed values; an unknown key is refused with the nearest one.

Helm refuses the same input through `values.schema.json`. Who comes without Helm (`seldonctl render --values`) meets the
same contract here, and in words that say what to type instead.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.inspect import Metadata, StructType, type_info

from . import values_obsolete
from .values_base import TEXT
from .values_types import Values, user_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from msgspec import Struct
    from msgspec.inspect import Type

__all__ = ["Values", "ValuesError", "default_values", "load_values", "merge", "obsolete_keys", "user_id"]


GLOBAL = ("global",)
"""Helm shares this section with all charts of an installation, so it may hold keys of others."""


class ValuesError(ValueError):
    """Values that cannot be used: one sentence that names the key's full path and what to write instead."""


def load_values(data: Mapping[str, Any] | None, *, merged: bool = False) -> Values:
    """The values that data give, laid over the defaults as Helm does it (see `merge`).

    A key that is null, or missing, has its default. Keys of old releases are accepted (see `obsolete_keys`), and
    `executor.defaultEnvSecretRefName` stands for `predictiveUnit.defaultEnvSecretRefName` where that is empty.

    `merged` says that Helm has merged already (the ConfigMap that the chart writes): maps of free keys are then taken
    as they are, so that a row which the user removed from `predictor_servers` stays removed.

    Raises:
        ValuesError: an unknown key, or a value of the wrong type.
    """
    if data is None:
        data = {}
    if not isinstance(data, dict):
        raise ValuesError(f"Values must be a mapping of keys, not {type(data).__name__}; see docs/values.md.")
    prepared = _prepare(Values, _resolve_aliases(data), (), merged=merged)
    if isinstance(executor := prepared.get("executor"), dict) and executor.get("mode") == "embedded":
        raise ValuesError("executor.mode: `embedded` arrives with a later release; use `auto` or `sidecar` until then.")
    try:
        return msgspec.convert(prepared, Values)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$.")
        raise ValuesError(f"{path.rstrip('`') or 'values'}: {message}; see docs/values.md.") from None


def default_values() -> dict[str, Any]:
    """The defaults of every key, as plain data under the keys of values.yaml."""
    plain: dict[str, Any] = msgspec.to_builtins(Values())
    return plain


def obsolete_keys(data: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Full paths of the keys in data that an old release had and that mean nothing today."""
    return tuple(values_obsolete.present(data or {}))


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """A new mapping: `over` laid over `base`: maps are merged, everything else is replaced, null removes the key."""
    result = dict(base)
    for key, value in over.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            below = result.get(key)
            result[key] = merge(below if isinstance(below, dict) else {}, value)
        else:
            result[key] = value
    return result


def known_keys() -> tuple[str, ...]:
    """Full paths of every key that has a type of its own, sections left out."""
    return tuple(_leaves(Values, ()))


def _prepare(section: type[Struct], data: Any, path: tuple[str, ...], *, merged: bool) -> Any:
    """What msgspec is to convert: keys checked, old ones left out, numbers made text where that is meant."""
    if not isinstance(data, dict):
        return data  # msgspec says what is wrong with it
    fields = {item.encode_name: item for item in _struct(section).fields}
    prepared: dict[str, Any] = {}
    for key, value in data.items():
        here = (*path, str(key))
        if key in fields and value is None:
            continue
        if key not in fields:
            if path != GLOBAL and (unknown := values_obsolete.unknown_in(".".join(here), value)):
                below = value if unknown == ".".join(here) else None
                raise ValuesError(_unknown(tuple(unknown.split(".")), below, path, tuple(fields)))
            continue
        kind = fields[key].type
        if isinstance(kind, StructType):
            prepared[key] = _prepare(kind.cls, value, here, merged=merged)
        elif _is_text(kind) and isinstance(value, int | float) and not isinstance(value, bool):
            prepared[key] = str(value)
        elif isinstance(value, dict):
            if key == "predictor_servers":
                _check_rows(value)
            factory = fields[key].default_factory
            prepared[key] = merge(factory() if callable(factory) and not merged else {}, value)
        else:
            prepared[key] = value
    return prepared


def _check_rows(rows: Mapping[str, Any]) -> None:
    """A row of `predictor_servers` has `protocols`, or keys of an old release; anything else would be lost silently."""
    for name, row in rows.items():
        for key in row if isinstance(row, dict) else ():
            pattern = f"predictor_servers.*.{key}"
            if key != "protocols" and not any(
                f"{known}.".startswith(f"{pattern}.") for known in values_obsolete.OBSOLETE
            ):
                raise ValuesError(
                    _unknown(
                        ("predictor_servers", name, str(key)), row[key], ("predictor_servers", name), ("protocols",)
                    )
                )


def _resolve_aliases(data: dict[str, Any]) -> dict[str, Any]:
    """A copy of data with the value of each alias under the key that it stands for, where that is empty."""
    result = dict(data)
    for alias, target in values_obsolete.ALIASES.items():
        section, _, name = alias.partition(".")
        node = data.get(section)
        if not isinstance(node, dict) or name not in node:
            continue
        result[section] = {key: value for key, value in node.items() if key != name}
        target_section, _, target_name = target.partition(".")
        target_node = data.get(target_section) or {}
        if isinstance(target_node, dict) and not target_node.get(target_name):
            result[target_section] = {**target_node, target_name: node[name]}
    return result


def _unknown(path: tuple[str, ...], value: Any, section: tuple[str, ...], siblings: tuple[str, ...]) -> str:
    while isinstance(value, dict) and value:  # the name that was typed, down to its leaf
        key = next(iter(value))
        path, value = (*path, str(key)), value[key]
    full = ".".join(path)
    if near := _nearest(path, section, siblings):
        return f"Unknown value {full}: did you mean {near}?"
    where = f"Keys of {'.'.join(section)}" if section else "Keys"
    return f"Unknown value {full}. {where}: {', '.join(sorted(siblings))}; see docs/values.md."


def _nearest(path: tuple[str, ...], section: tuple[str, ...], siblings: tuple[str, ...]) -> str | None:
    """A misspelt name beside its siblings, else a right name in the wrong section."""
    keys = known_keys()
    if typed := difflib.get_close_matches(path[len(section)], siblings, n=1):
        spelt = ".".join((*section, typed[0], *path[len(section) + 1 :]))
        return next(iter(difflib.get_close_matches(spelt, keys, n=1, cutoff=0.8)), ".".join((*section, typed[0])))
    namesakes = [key for key in keys if key.rpartition(".")[2].lower() == path[-1].lower()]
    return next(iter(difflib.get_close_matches(".".join(path), namesakes, n=1, cutoff=0.0)), None)


def _leaves(section: type[Struct], path: tuple[str, ...]) -> Iterator[str]:
    for item in _struct(section).fields:
        here = (*path, item.encode_name)
        if isinstance(item.type, StructType):
            yield from _leaves(item.type.cls, here)
        else:
            yield ".".join(here)


def _is_text(kind: Type) -> bool:
    return isinstance(kind, Metadata) and (kind.extra or {}).get("scalar") == TEXT


def _struct(section: type[Struct]) -> StructType:
    info = type_info(section)
    assert isinstance(info, StructType)  # noqa: S101  # narrows the type
    return info
