"""The JSON schema of the chart's values, which Helm checks before it renders anything.

Made from the same types that the controller reads (values_types.py). It judges values, and null, which means the
default, is allowed. It does not judge names: a schema can say that a key is not allowed, and not which one is meant. So
names are judged by the chart's `templates/_keys.tpl` (see values_keys.py), also where Helm is told to skip the schema.
"""

from __future__ import annotations

from inspect import getdoc
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import NODEFAULT, inspect

from .values_obsolete import ALIASES, OBSOLETE
from .values_types import Values

if TYPE_CHECKING:
    from msgspec.inspect import Field, StructType


def schema() -> dict[str, Any]:
    """The JSON schema (draft 7) of values.yaml."""
    root = inspect.type_info(Values)
    assert isinstance(root, inspect.StructType)  # noqa: S101  # narrows the type
    node = _section(root)
    for path, text in _old_keys().items():
        _add(node, path.split("."), text)
    return {"$schema": "http://json-schema.org/draft-07/schema#", "title": _summary(root), **node}


def description(kind: inspect.Type) -> str:
    """What a key, or a section, is for."""
    if isinstance(kind, inspect.StructType):
        return _summary(kind)
    assert isinstance(kind, inspect.Metadata)  # noqa: S101  # each key of values_types.py says what it is for
    text: str = (kind.extra_json_schema or {})["description"]
    return text


def node_of(kind: inspect.Type) -> dict[str, Any]:  # noqa: PLR0911  # one return for each kind of type
    """The schema of a type, without null."""
    match kind:
        case inspect.Metadata():
            return node_of(kind.type) | (kind.extra_json_schema or {})
        case inspect.StructType():
            return _section(kind)
        case inspect.BoolType():
            return {"type": "boolean"}
        case inspect.IntType():
            return _given({"type": "integer", "minimum": kind.ge, "maximum": kind.le})
        case inspect.StrType():
            return _given({"type": "string", "minLength": kind.min_length, "pattern": kind.pattern})
        case inspect.LiteralType():
            return {"enum": list(kind.values)}
        case inspect.ListType():
            return {"type": "array", "items": node_of(kind.item_type)}
        case inspect.DictType():
            return {"type": "object", "additionalProperties": node_of(kind.value_type)}
        case inspect.UnionType():
            options = [node_of(option) for option in kind.types if not isinstance(option, inspect.NoneType)]
            return options[0] if len(options) == 1 else {"anyOf": options}
        case _:
            return {}


def _section(kind: StructType) -> dict[str, Any]:
    return {
        "description": _summary(kind),
        "type": ["object", "null"],
        "properties": {field.encode_name: _property(field) for field in kind.fields},
    }


def _property(field: Field) -> dict[str, Any]:
    node = node_of(field.type)
    if isinstance(field.type, inspect.StructType):
        return node
    default = field.default_factory() if callable(field.default_factory) else field.default
    if default is not NODEFAULT:
        node["default"] = msgspec.to_builtins(default)
    return _nullable(node)


def _nullable(node: dict[str, Any]) -> dict[str, Any]:
    if "enum" in node:
        return node | {"enum": [*node["enum"], None]}
    if "anyOf" in node:
        return node | {"anyOf": [*node["anyOf"], {"type": "null"}]}
    if "type" in node:
        types = node["type"] if isinstance(node["type"], list) else [node["type"]]
        return node | {"type": [*types, "null"]}
    return node


def _old_keys() -> dict[str, str]:
    """Full path to description of the keys that are accepted though 1.17.1 has them no more."""
    old = {path: "A key of an old release, without a meaning today." for path in OBSOLETE if "*" not in path}
    return old | {path: f"Stands for {target}." for path, target in ALIASES.items()}


def _add(section: dict[str, Any], path: list[str], text: str) -> None:
    head, *rest = path
    if not rest:
        section["properties"][head] = {"description": text}
        return
    empty = {
        "description": "Keys of old releases, without a meaning today.",
        "type": ["object", "null"],
        "properties": {},
    }
    _add(section["properties"].setdefault(head, empty), rest, text)


def _given(node: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in node.items() if value is not None}


def _summary(kind: StructType) -> str:
    return (getdoc(kind.cls) or "").partition("\n\n")[0].replace("\n", " ")
