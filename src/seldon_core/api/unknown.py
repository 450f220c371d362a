"""Fields of a manifest that no SeldonDeployment has, each named with the nearest field that exists.

The API server drops them, so that a misspelt one would be without effect and without a word. What is inside
Kubernetes' own types (pod specs, resources) is the API server's business.
"""

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from .types import SeldonDeployment


def unknown_fields(manifest: Mapping[str, Any]) -> tuple[str, ...]:
    """A sentence for each unknown field, in the manifest's order. What else is wrong with it is no matter here."""
    top = {"spec": manifest.get("spec")}  # what metadata and status may hold is Kubernetes' own
    return tuple(_in_struct(msgspec.inspect.type_info(SeldonDeployment), top, ""))


def _in_struct(info: msgspec.inspect.Type, value: Any, path: str) -> Iterator[str]:
    while isinstance(info, msgspec.inspect.Metadata):
        info = info.type
    if isinstance(info, msgspec.inspect.UnionType):
        for option in info.types:
            yield from _in_struct(option, value, path)
    elif isinstance(info, msgspec.inspect.VarTupleType) and isinstance(value, list):
        for index, item in enumerate(value):
            yield from _in_struct(info.item_type, item, f"{path}[{index}]")
    elif isinstance(info, msgspec.inspect.StructType) and isinstance(value, Mapping):
        known = {field.encode_name: field.type for field in info.fields}
        for key, item in value.items():
            here = f"{path}.{key}" if path else str(key)
            if key in known:
                yield from _in_struct(known[key], item, here)
            else:
                yield _sentence(here, str(key), sorted(known))


def _sentence(path: str, key: str, known: list[str]) -> str:
    by_letters = {name.lower(): name for name in known}
    near = difflib.get_close_matches(key.lower(), by_letters, n=1)
    advice = f"did you mean {by_letters[near[0]]}?" if near else f"known here are {', '.join(known)}."
    return f"{path}: is no field of a SeldonDeployment and is ignored; {advice}"
