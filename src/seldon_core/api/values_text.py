"""The chart's values as people read them: values.yaml with a comment on each key, and the tables of docs/values.md."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import msgspec
import yaml
from msgspec import inspect

from .values_schema import description, node_of
from .values_types import Values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from msgspec.inspect import Field, StructType

WIDTH = 110
"""Columns of comments in values.yaml."""

GENERATED = "Generated from src/seldon_core/api/values_types.py by `python -m seldon_core.cli.generate`. Do not edit."


def values_yaml() -> str:
    """The text of the chart's values.yaml: every key with its default, after a comment on what it is for."""
    lines = [
        f"# {GENERATED}",
        "# Every key keeps its name and meaning from release to release; null means the default.",
        *_yaml_section(_root(), msgspec.to_builtins(Values()), indent=0),
    ]
    return "\n".join(lines) + "\n"


def values_markdown() -> str:
    """The text of docs/values.md: a table of keys, types and defaults for each section."""
    lines = [
        "# Values of the chart",
        "",
        f"<!-- {GENERATED} -->",
        "",
        "Every value of the chart of Seldon Core 1.17.1 is here, with its name, type and meaning; those of this",
        'project come in addition and say "New". Keys of older releases are accepted, and the notes after an',
        "installation name those without a meaning today. Any other key is refused with the nearest known one, so that",
        "a misspelt one cannot pass unnoticed. `null` means the default.",
        "",
        "The controller reads the values from the ConfigMap `seldon-operator-values`, which the chart writes. It fills",
        "the ConfigMap `seldon-config` with the sections `credentials`, `explainer`, `predictor_servers` and",
        "`storageInitializer`. What you edit there takes effect without a restart, and outlives upgrades of the chart:",
        "see [adr/0004-seldon-config.md](adr/0004-seldon-config.md).",
    ]
    root = _root()
    lines += ["", "## Top level", "", *_table(root, (), msgspec.to_builtins(Values()))]
    for item in root.fields:
        if isinstance(item.type, inspect.StructType):
            data = msgspec.to_builtins(Values())[item.encode_name]
            lines += ["", f"## {item.encode_name}", "", description(item.type), ""]
            lines += _table(item.type, (item.encode_name,), data, deep=True)
    return "\n".join(lines) + "\n"


def _root() -> StructType:
    root = inspect.type_info(Values)
    assert isinstance(root, inspect.StructType)  # noqa: S101  # narrows the type
    return root


def _yaml_section(section: StructType, data: dict[str, Any], *, indent: int) -> Iterator[str]:
    pad = " " * indent
    for item in section.fields:
        if indent == 0:
            yield ""
        yield from textwrap.wrap(
            description(item.type),
            WIDTH,
            initial_indent=f"{pad}# ",
            subsequent_indent=f"{pad}# ",
            break_on_hyphens=False,
        )
        value = data[item.encode_name]
        if isinstance(item.type, inspect.StructType):
            yield f"{pad}{item.encode_name}:"
            yield from _yaml_section(item.type, value, indent=indent + 2)
        else:
            text = yaml.dump({item.encode_name: value}, Dumper=_Indented, sort_keys=False, width=1000)
            yield from textwrap.indent(text.rstrip("\n"), pad).splitlines()


class _Indented(yaml.SafeDumper):
    """Writes the items of a list below its key, as people do."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002  # as the base class has it
        super().increase_indent(flow, indentless=False)


def _table(section: StructType, path: tuple[str, ...], data: dict[str, Any], *, deep: bool = False) -> list[str]:
    rows = ["| key | type | default | meaning |", "|---|---|---|---|"]
    rows += list(_rows(section, path, data, deep=deep))
    return rows


def _rows(section: StructType, path: tuple[str, ...], data: dict[str, Any], *, deep: bool) -> Iterator[str]:
    for item in section.fields:
        here, value = (*path, item.encode_name), data[item.encode_name]
        if isinstance(item.type, inspect.StructType):
            if deep:
                yield from _rows(item.type, here, value, deep=True)
            continue
        yield f"| `{'.'.join(here)}` | {_type(item)} | {_default(value)} | {description(item.type)} |"


def _type(item: Field) -> str:
    node = node_of(item.type)
    if "enum" in node:
        return ", ".join(f"`{value}`" for value in node["enum"])
    if "anyOf" in node:
        return "integer or empty"
    types = node["type"] if isinstance(node["type"], list) else [node["type"]]
    return " or ".join({"object": "mapping", "array": "list"}.get(str(name), str(name)) for name in types)


def _default(value: Any) -> str:
    if isinstance(value, dict) and value:
        return f"{len(value)} rows, see values.yaml"
    return f"`{msgspec.json.encode(value).decode()}`"
