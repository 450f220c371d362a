"""`--set` as Helm reads it: `a.b=1,c[0].d=x,e={1,2}`, a backslash before a character that means something.

Types as Helm infers them: true, false and null, whole numbers without a leading zero; everything else is text.
Source: Helm's documentation, "The Format and Limitations of --set".
"""

import copy
import itertools
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

_INTEGER: Final = re.compile(r"^-?(0|[1-9][0-9]*)$")
_INDEX: Final = re.compile(r"\[([^\]]*)\]")
_MAX_INDEX: Final = 65536
_INT64: Final = 2**63
_WORDS: Final = {"true": True, "false": False, "null": None}


class SetError(ValueError):
    """A `--set` that cannot be read: one sentence with its text."""


def apply(values: Mapping[str, Any], text: str, *, typed: bool = True) -> dict[str, Any]:
    """The values with one `--set` applied; a key that is set to null stays there as None. Raises SetError.

    Without `typed` each value is a text, as for `--set-string`.
    """
    result = copy.deepcopy(dict(values))
    for assignment in _split(text, ","):
        if not assignment.strip():
            continue
        parts = _split(assignment, "=", limit=1)
        if len(parts) < 2:
            raise SetError(f'--set "{text}": key {assignment} has no value; write KEY=VALUE.')
        path = _path(parts[0], text)
        _put(result, path, _value(parts[1], _typed if typed else _unescape))
    return result


def _split(text: str, separator: str, limit: int = -1) -> list[str]:
    """Text split at a separator that has no backslash before it and is not inside braces. Backslashes stay."""
    parts, current, depth, escaped = [], "", 0, False
    for char in text:
        if escaped:
            current, escaped = current + char, False
            continue
        escaped = char == "\\"
        depth += {"{": 1, "}": -1}.get(char, 0) if not escaped else 0
        if char == separator and depth <= 0 and limit != 0:
            parts.append(current)
            current, limit = "", limit - 1
        else:
            current += char
    return [*parts, current]


def _path(key: str, text: str) -> list[str | int]:
    """`a.b[0]` as ["a", "b", 0]."""
    steps: list[str | int] = []
    for part in _split(key.strip(), "."):
        name, bracket, rest = part.partition("[")
        if name:
            steps.append(_unescape(name))
        for index in _INDEX.findall(bracket + rest):
            if not index.isdigit() or int(index) > _MAX_INDEX:
                raise SetError(f'--set "{text}": [{index}] is no index of a list; write a number up to {_MAX_INDEX}.')
            steps.append(int(index))
        if not part:
            raise SetError(f'--set "{text}": {key or "the key"} has an empty part; write KEY=VALUE.')
    if not steps or isinstance(steps[0], int):
        raise SetError(f'--set "{text}": has no key; write KEY=VALUE.')
    return steps


def _value(text: str, read: Callable[[str], Any]) -> Any:
    if text.startswith("{") and text.endswith("}"):
        inner = text[1:-1]
        return [read(item) for item in _split(inner, ",")] if inner else []
    return read(text)


def _typed(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.match(text) and -_INT64 <= int(text) < _INT64:
        return int(text)
    return _unescape(text)


def _unescape(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)


def _put(values: dict[str, Any], path: list[str | int], value: Any) -> None:
    """Set the place that the path names, making maps and lists on the way; what is no map or list there is replaced."""
    node: Any = values
    for step, following in itertools.pairwise(path):
        fresh: Any = [] if isinstance(following, int) else {}
        child = _child(node, step)
        if not isinstance(child, type(fresh)):
            child = fresh
            _store(node, step, child)
        node = child
    _store(node, path[-1], value)


def _child(node: Any, step: str | int) -> Any:
    if isinstance(step, int):
        return node[step] if step < len(node) else None
    return node.get(step)


def _store(node: Any, step: str | int, value: Any) -> None:
    if isinstance(step, int):
        node.extend([None] * (step + 1 - len(node)))
    node[step] = value
