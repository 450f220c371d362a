"""Differences as they may be shown to people: secret values hidden, and JSON in a text taken apart.

The orchestrator's variable `ENGINE_PREDICTOR` holds its whole predictor, encoded: that it differs tells nothing, what
in it differs does.
"""

import base64
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from seldon_core.operator.objects.compare import MISSING, Difference, Path

from .redact import HIDDEN, redact


def disclosed(differences: Iterable[Difference]) -> Iterator[Difference]:
    """The same without secrets; one of encoded JSON becomes one for each place in it."""
    for each in differences:
        live, wanted = _unpacked(each.live), _unpacked(each.wanted)
        if live is None or wanted is None:
            name = _name(each.path)
            yield Difference(each.path, _safe(name, each.wanted), _safe(name, each.live), each.note)
        else:
            path = each.path[:-1] if each.path[-1:] == ("value",) else each.path
            inner = list(between(live, wanted, path))
            # The copy of the pods in it repeats what the pods themselves say.
            own = [one for one in inner if one.path[len(path)] != "componentSpecs"]
            yield from disclosed(own or inner)


def between(live: Any, wanted: Any, path: Path = ()) -> Iterator[Difference]:
    """All differences of two values; items of lists are told apart by their names, else by their positions."""
    if isinstance(live, Mapping) and isinstance(wanted, Mapping):
        for name in dict.fromkeys((*live, *wanted)):
            yield from between(live.get(name, MISSING), wanted.get(name, MISSING), (*path, str(name)))
    elif isinstance(live, list) and isinstance(wanted, list):
        one, other = _by_name(live), _by_name(wanted)
        if one is not None and other is not None:
            for key in dict.fromkeys((*one, *other)):
                yield from between(one.get(key, MISSING), other.get(key, MISSING), (*path, (("name", key),)))
            return
        for number in range(max(len(live), len(wanted))):
            before = live[number] if number < len(live) else MISSING
            after = wanted[number] if number < len(wanted) else MISSING
            yield from between(before, after, (*path, number))
    elif live is MISSING or wanted is MISSING or type(live) is not type(wanted) or live != wanted:
        yield Difference(path, wanted, live)


def _by_name(items: list[Any]) -> dict[str, Any] | None:
    """The items by their names; None where they have none, or one has another's."""
    found = {each["name"]: each for each in items if isinstance(each, Mapping) and isinstance(each.get("name"), str)}
    return found if len(found) == len(items) else None


def _name(path: Sequence[Any]) -> str:
    """What a value is called: the name of its field, or of the variable whose value it is."""
    last = next((step for step in reversed(path) if isinstance(step, str)), "")
    if last == "value" and len(path) > 1 and isinstance(path[-2], tuple):
        return str(dict(path[-2]).get("name", last))
    return last


def _safe(name: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        # A variable or a parameter: its value goes by its name.
        named = value["name"] if "value" in value and isinstance(value.get("name"), str) else ""
        return {key: _safe(named if named and key == "value" else str(key), each) for key, each in value.items()}
    if isinstance(value, list):
        return [_safe(name, each) for each in value]
    if not isinstance(value, str):
        return value
    inner = _unpacked(value)
    if inner is not None:
        return _safe(name, inner)
    safe = redact(value)
    return safe if not value or redact(f"{name}={value}") == f"{name}={safe}" else HIDDEN


def _unpacked(value: Any) -> Any:
    """The JSON object or list in a text, plain or in base64; None where there is none."""
    if not isinstance(value, str) or len(value) < 2:
        return None
    try:
        found = json.loads(value if value[0] in "[{" else base64.b64decode(value, validate=True))
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict | list) else None
