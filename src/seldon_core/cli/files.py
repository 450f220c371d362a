"""Reading and writing YAML for commands: every fault is a CommandError that names the file and the place in it."""

import sys
from collections.abc import Hashable, Iterable
from pathlib import Path
from typing import Any

import yaml

from .errors import CommandError

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _StrictLoader(_Loader):  # type: ignore[misc]  # the C class where libyaml is there
    """Refuses a key that stands twice in one mapping, as kubectl does: the first one would be lost without a word."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002  # the base's
        seen: set[Any] = set()
        for key_node, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            key = self.construct_object(key_node, deep=True) if key_node.tag != "tag:yaml.org,2002:merge" else None
            if isinstance(key, Hashable) and key in seen:
                problem = f"key {key!r} stands twice in one mapping"
                raise yaml.constructor.ConstructorError(None, None, problem, key_node.start_mark)
            if isinstance(key, Hashable) and key is not None:
                seen.add(key)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        return mapping


class _PlainDumper(_Dumper):  # type: ignore[misc]  # the C class where libyaml is there
    """Writes a value that occurs twice twice: aliases are legal YAML, but nobody reads them with pleasure."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


def read(name: str) -> str:
    """The text of a file, or of standard input for `-`."""
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{name}: cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise CommandError(f"{name}: is not UTF-8 text; a manifest is YAML or JSON.") from error


def documents(name: str) -> list[Any]:
    """The YAML documents of a file, empty ones left out; JSON is YAML, too, and a List counts as its items."""
    try:
        found = [document for document in yaml.load_all(read(name), Loader=_StrictLoader) if document is not None]
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise CommandError(f"{name}: is no YAML: {_place(error)}.") from error
    result: list[Any] = []
    for document in found:
        if isinstance(document, dict) and document.get("kind") == "List" and isinstance(document.get("items"), list):
            result.extend(document["items"])
        else:
            result.append(document)
    return result


def dump(objects: Iterable[Any]) -> str:
    """Objects as YAML documents, keys in the order that they were made in."""
    text: str = yaml.dump_all(
        objects, Dumper=_PlainDumper, sort_keys=False, explicit_start=True, allow_unicode=True, width=200
    )
    return text


def _place(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).split("\n", maxsplit=1)[0]
    if problem == "found character that cannot start any token":
        problem += "; if it is a tab: YAML is indented with spaces"
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}" if mark else str(problem)
