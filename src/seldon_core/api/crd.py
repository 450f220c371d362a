"""The CustomResourceDefinition, its structural schema generated from `types`.

What people write is checked by the API server in the same terms as by `decode`. Parts that belong to Kubernetes are
typed only where rendering reads them and preserved in full, which keeps the object two orders of magnitude below the
limit of an object's size. A graph's children are written out to a fixed depth, because a structural schema cannot
refer to itself. Source: specification 2 (CRD schema).
"""

import copy
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from . import types
from .types import MAX_GRAPH_DEPTH

PLURAL: Final = "seldondeployments"
NAME: Final = f"{PLURAL}.{types.GROUP}"

Schema = dict[str, Any]

_SCALARS: Final = {
    msgspec.inspect.IntType: "integer",
    msgspec.inspect.BoolType: "boolean",
    msgspec.inspect.StrType: "string",
}

_STATUS: Final[Schema] = {
    "description": "What the controller last saw.",
    "type": "object",
    "x-kubernetes-preserve-unknown-fields": True,
    "properties": {
        "state": {"type": "string", "description": "Available, Creating or Failed."},
        "description": {"type": "string", "description": "The reason of the state."},
        "observedGeneration": {"type": "integer", "format": "int64"},
        "replicas": {"type": "integer", "format": "int32"},
        "address": {"type": "object", "properties": {"url": {"type": "string"}}},
        "deploymentStatus": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        "serviceStatus": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        "conditions": {
            "type": "array",
            "items": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        },
    },
}

_COLUMNS: Final = (
    {"name": "State", "type": "string", "jsonPath": ".status.state"},
    # An update that fails while the version before it serves leaves the state Available; this column tells.
    {"name": "Ready", "type": "string", "jsonPath": '.status.conditions[?(@.type=="Ready")].status'},
    {"name": "Replicas", "type": "integer", "jsonPath": ".status.replicas"},
    {"name": "Address", "type": "string", "jsonPath": ".status.address.url"},
    {"name": "Message", "type": "string", "jsonPath": ".status.description", "priority": 1},
    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
)


def crd(*, annotations: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The whole CustomResourceDefinition: v1 is stored, all versions are served with one schema."""
    metadata: dict[str, Any] = {"name": NAME}
    if annotations:
        metadata["annotations"] = dict(annotations)
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": metadata,
        "spec": {
            "group": types.GROUP,
            "names": {
                "kind": types.KIND,
                "listKind": f"{types.KIND}List",
                "plural": PLURAL,
                "singular": "seldondeployment",
                "shortNames": ["sdep"],
            },
            "scope": "Namespaced",
            "versions": [_version(version) for version in types.VERSIONS],
        },
    }


def _version(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "served": True,
        "storage": name == types.STORED_VERSION,
        "schema": {"openAPIV3Schema": _root()},
        "subresources": {
            "status": {},
            "scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"},
        },
        "additionalPrinterColumns": [dict(column) for column in _COLUMNS],
    }


def _root() -> Schema:
    return {
        "description": "A model or a graph of models, and how it is served.",
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": _struct(types.SeldonDeploymentSpec, 0),
            "status": copy.deepcopy(_STATUS),  # one object in three places would be a YAML alias
        },
    }


def _struct(cls: type[msgspec.Struct], depth: int, *, preserve: bool = False) -> Schema:
    """The schema of a class. `depth` counts the nodes of a graph from its root; only the first has descriptions.

    With `preserve` unknown fields are kept at every level below: the API server prunes again inside each typed
    property.
    """
    info = msgspec.inspect.type_info(cls)
    assert isinstance(info, msgspec.inspect.StructType)  # noqa: S101  # tells the type checker what every caller passes
    properties: dict[str, Schema] = {}
    required: list[str] = []
    for field in info.fields:
        inner, extra, description = _unwrap(field.type)
        if _is_children(inner) and depth > MAX_GRAPH_DEPTH:
            continue
        schema = _schema(inner, extra, depth, preserve=preserve)
        if description and depth <= 1:
            schema = {"description": description, **schema}
        properties[field.encode_name] = schema
        if extra.get("required"):
            required.append(field.encode_name)
        elif depth <= 1 and schema["type"] in {"array", "object"}:
            schema["nullable"] = True  # manifests that programs wrote say `componentSpecs: null`
    result: Schema = {"type": "object", "properties": properties}
    if required:
        result["required"] = required
    if preserve:
        result["x-kubernetes-preserve-unknown-fields"] = True
    return result


def _unwrap(kind: msgspec.inspect.Type) -> tuple[msgspec.inspect.Type, dict[str, Any], str]:
    """A type without what only says more about it: (type, extra, description). `X | None` means X."""
    extra: dict[str, Any] = {}
    description = ""
    while isinstance(kind, (msgspec.inspect.Metadata, msgspec.inspect.UnionType)):
        if isinstance(kind, msgspec.inspect.Metadata):
            extra |= kind.extra or {}
            description = (kind.extra_json_schema or {}).get("description", description)
            kind = kind.type
        else:
            kind = next(one for one in kind.types if not isinstance(one, msgspec.inspect.NoneType))
    return kind, extra, description


def _is_children(kind: msgspec.inspect.Type) -> bool:
    return (
        isinstance(kind, msgspec.inspect.VarTupleType)
        and isinstance(kind.item_type, msgspec.inspect.StructType)
        and kind.item_type.cls is types.PredictiveUnit
    )


def _schema(kind: msgspec.inspect.Type, extra: Mapping[str, Any], depth: int, *, preserve: bool) -> Schema:
    if shape := extra.get("shape"):
        return _struct(shape, depth, preserve=True)
    if isinstance(kind, msgspec.inspect.StructType):
        return _struct(kind.cls, depth + (kind.cls is types.PredictiveUnit), preserve=preserve)
    if isinstance(kind, msgspec.inspect.VarTupleType):
        item, item_extra, _ = _unwrap(kind.item_type)
        return {"type": "array", "items": _schema(item, item_extra, depth, preserve=preserve)}
    if isinstance(kind, msgspec.inspect.DictType):
        text = isinstance(kind.value_type, msgspec.inspect.StrType)
        inner = {"additionalProperties": {"type": "string"}} if text else {"x-kubernetes-preserve-unknown-fields": True}
        return {"type": "object", **inner}
    bounds = {"minimum": kind.ge, "maximum": kind.le} if isinstance(kind, msgspec.inspect.IntType) else {}
    return {"type": _SCALARS[type(kind)], **{name: bound for name, bound in bounds.items() if bound is not None}}
