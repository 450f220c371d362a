"""From a mapping of chart values, as people write it, to typed values; an unknown key is refused with the nearest one.

Helm refuses the same input, in the same words for an unknown key (values_keys.py). Who comes without Helm
(`seldonctl render --values`) meets the same contract here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.inspect import Metadata, StructType

from . import values_images, values_keys, values_obsolete, values_servers
from .values_base import TEXT
from .values_keys import known_keys, struct
from .values_types import Values, user_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from msgspec import Struct
    from msgspec.inspect import Type

__all__ = [
    "Values",
    "ValuesError",
    "default_values",
    "known_keys",
    "load_values",
    "merge",
    "obsolete_keys",
    "user_id",
]


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
    if refused := values_keys.unknown(data):
        raise ValuesError(refused)
    prepared = _prepare(Values, _resolve_aliases(data), merged=merged)
    try:
        values = msgspec.convert(prepared, Values)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$.")
        raise ValuesError(f"{path.rstrip('`') or 'values'}: {message}; see docs/values.md.") from None
    if values.webhook.port == values.metrics.port:
        raise ValuesError(
            f"webhook.port and metrics.port are both {values.webhook.port}: give one of them another port."
        )
    bundle = values.storage_initializer.ca_bundle
    if bundle.config_map_name and bundle.secret_name:
        raise ValuesError(
            "storageInitializer.caBundle: configMapName and secretName are both given: leave one of them empty."
        )
    return values_servers.without_borrowed_marks(values_images.with_own_images(values))


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


def _prepare(section: type[Struct], data: Any, *, merged: bool) -> Any:
    """What msgspec is to convert: old keys left out, numbers made text where that is meant."""
    if not isinstance(data, dict):
        return data  # msgspec says what is wrong with it
    fields = {item.encode_name: item for item in struct(section).fields}
    prepared: dict[str, Any] = {}
    for key, value in data.items():
        if key not in fields or value is None:
            continue
        kind = fields[key].type
        if isinstance(kind, StructType):
            prepared[key] = _prepare(kind.cls, value, merged=merged)
        elif _is_text(kind) and isinstance(value, int | float) and not isinstance(value, bool):
            prepared[key] = str(value)
        elif isinstance(value, dict):
            factory = fields[key].default_factory
            prepared[key] = merge(factory() if callable(factory) and not merged else {}, value)
        else:
            prepared[key] = value
    return prepared


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


def _is_text(kind: Type) -> bool:
    return isinstance(kind, Metadata) and (kind.extra or {}).get("scalar") == TEXT
