"""Whom `embedded: true` of a default row belongs to: the image that the default names, and no other.

Helm lays a user's row over the default's key by key, so that a row with another image inherits the mark. A pod of that
image would have no orchestrator, and nobody would answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from .values_types import Values


def without_borrowed_marks(values: Values) -> Values:
    """The values without the mark where a row of the defaults names another image than they do."""
    defaults = Values().predictor_servers
    rows = {name: _row(row, defaults.get(name)) for name, row in values.predictor_servers.items()}
    return replace(values, predictor_servers=rows)


def _row(given: Any, default: Any) -> Any:
    if not default or not isinstance(given, Mapping) or not isinstance(given.get("protocols"), Mapping):
        return given
    own = default["protocols"]
    return {**given, "protocols": {name: _image(each, own.get(name)) for name, each in given["protocols"].items()}}


def _image(given: Any, default: Mapping[str, Any] | None) -> Any:
    if not default or not isinstance(given, Mapping) or given.get("image") == default["image"]:
        return given
    return {key: value for key, value in given.items() if key != "embedded"}
