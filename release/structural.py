"""What Kubernetes asks of a CustomResourceDefinition's schema, beyond being OpenAPI: that it is structural.

Source: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/, "Specifying a
structural schema". The API server accepts a definition that breaks these rules, and then refuses to prune or default.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_FORBIDDEN = (
    "definitions",
    "dependencies",
    "deprecated",
    "discriminator",
    "id",
    "patternProperties",
    "readOnly",
    "writeOnly",
    "xml",
    "$ref",
)
_LOGICAL = ("allOf", "anyOf", "oneOf")
_NOT_IN_LOGICAL = ("description", "type", "default", "additionalProperties", "nullable", "title")
_INT_OR_STRING = "x-kubernetes-int-or-string"
_PRESERVE = "x-kubernetes-preserve-unknown-fields"


def faults(definition: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Give (path, what is wrong) for everything in a definition that Kubernetes would not take, or not fully."""
    spec = definition.get("spec") or {}
    versions = spec.get("versions") or []
    stored = [each.get("name") for each in versions if each.get("storage")]
    if len(stored) != 1:
        yield "spec.versions", f"exactly one version is stored; here {len(stored)} are ({', '.join(map(str, stored))})"
    names = spec.get("names") or {}
    expected = f"{names.get('plural')}.{spec.get('group')}"
    if definition.get("metadata", {}).get("name") != expected:
        yield "metadata.name", f"must be {expected}"
    if spec.get("preserveUnknownFields"):
        yield "spec.preserveUnknownFields", "must not be true in apiextensions.k8s.io/v1"
    for number, version in enumerate(versions):
        path = f"spec.versions[{number}].schema.openAPIV3Schema"
        schema = (version.get("schema") or {}).get("openAPIV3Schema")
        if not isinstance(schema, dict):
            yield path, "is missing"
            continue
        if schema.get("type") != "object":
            yield path, "the root must have the type object"
        yield from _metadata(schema, path)
        yield from _node(schema, path)


def _metadata(schema: dict[str, Any], path: str) -> Iterator[tuple[str, str]]:
    properties = ((schema.get("properties") or {}).get("metadata") or {}).get("properties") or {}
    for name in properties:
        if name not in {"name", "generateName"}:
            yield f"{path}.properties.metadata.properties.{name}", "only name and generateName may be restricted"


def _node(schema: Any, path: str) -> Iterator[tuple[str, str]]:
    if not isinstance(schema, dict):
        yield path, "is no schema"
        return
    yield from _own(schema, path)
    for name, child in (schema.get("properties") or {}).items():
        yield from _node(child, f"{path}.properties.{name}")
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            yield from _node(schema[name], f"{path}.{name}")
    for name in _LOGICAL:
        for number, child in enumerate(schema.get(name) or ()):
            yield from _logical(child, f"{path}.{name}[{number}]", int_or_string=bool(schema.get(_INT_OR_STRING)))
    if "not" in schema:
        yield from _logical(schema["not"], f"{path}.not", int_or_string=False)


def _own(schema: dict[str, Any], path: str) -> Iterator[tuple[str, str]]:
    """Look at one level of a schema."""
    if "type" not in schema and not schema.get(_INT_OR_STRING) and not schema.get(_PRESERVE):
        yield path, "has no type"
    yield from _common(schema, path)
    if "properties" in schema and "additionalProperties" in schema:
        yield path, "has both properties and additionalProperties"
    if schema.get("additionalProperties") is False:
        yield path, "additionalProperties must not be false"
    if schema.get("type") == "array" and "items" not in schema:
        yield path, "an array must say what its items are"
    if schema.get("default") is not None and schema.get("type") and not _is(schema["default"], schema["type"]):
        yield path, f"the default {schema['default']!r} is no {schema['type']}"


def _logical(schema: dict[str, Any], path: str, *, int_or_string: bool) -> Iterator[tuple[str, str]]:
    """Look at a branch of allOf and the like: it may only restrict what is defined outside."""
    for name in _NOT_IN_LOGICAL:
        # The one form that may name types: anyOf integer and string, of a field that takes both.
        if name in schema and not (name == "type" and int_or_string):
            yield path, f"{name} may not stand below allOf, anyOf, oneOf or not"
    yield from _common(schema, path)
    for name, child in (schema.get("properties") or {}).items():
        yield from _logical(child, f"{path}.properties.{name}", int_or_string=False)


def _common(schema: dict[str, Any], path: str) -> Iterator[tuple[str, str]]:
    for name in _FORBIDDEN:
        if name in schema:
            yield path, f"{name} may not be used"
    if schema.get("uniqueItems"):
        yield path, "uniqueItems must not be true"


def _is(value: Any, kind: str) -> bool:
    kinds: dict[str, tuple[type, ...]] = {
        "object": (dict,),
        "array": (list,),
        "string": (str,),
        "boolean": (bool,),
        "integer": (int,),
        "number": (int, float),
    }
    return isinstance(value, kinds.get(kind, (object,))) and (kind == "boolean" or not isinstance(value, bool))
