"""What the OpenAPI documents of executor and model server are put together from: the messages' schemas, and operations.

The schemas say what the protocols say. Source: specification 3, 4; the Open Inference Protocol's inference_rest.md.
"""

from collections.abc import Mapping, Sequence
from typing import Any

Json = dict[str, Any]
JSON_TYPE = "application/json"
_NUMBERS = {"type": "array", "items": {"type": "number"}}
_TEXTS = {"type": "array", "items": {"type": "string"}}
_ANYTHING: Json = {}


def ref(name: str) -> Json:
    """A schema of this module."""
    return {"$ref": f"#/components/schemas/{name}"}


def _object(properties: Json, *required: str, **more: Any) -> Json:
    return {"type": "object", "properties": properties, **({"required": list(required)} if required else {}), **more}


_DATA = _object(
    {
        "names": _TEXTS,
        "ndarray": {"type": "array", "items": _ANYTHING, "description": "A nested list, its rows of one length."},
        "tensor": ref("Tensor"),
        "tftensor": {"type": "object", "description": "A tensorflow.TensorProto."},
    },
    description="One of ndarray, tensor and tftensor, with the columns' names.",
)
_META = _object(
    {
        "puid": {"type": "string"},
        "tags": {"type": "object"},
        "routing": {"type": "object", "additionalProperties": {"type": "integer"}},
        "requestPath": {"type": "object", "additionalProperties": {"type": "string"}},
        "metrics": {"type": "array", "items": ref("Metric")},
    }
)
_METRIC = _object(
    {
        "key": {"type": "string"},
        "type": {"type": "string", "enum": ["COUNTER", "GAUGE", "TIMER"]},
        "value": {"type": "number"},
        "tags": {"type": "object", "additionalProperties": {"type": "string"}},
    },
    "key",
)
_STATUS = _object(
    {
        "code": {"type": "integer"},
        "info": {"type": "string"},
        "reason": {"type": "string"},
        "status": {"oneOf": [{"type": "string", "enum": ["SUCCESS", "FAILURE"]}, {"type": "integer"}]},
    }
)
_MESSAGE = _object(
    {
        "status": ref("Status"),
        "meta": ref("Meta"),
        "data": ref("Data"),
        "strData": {"type": "string"},
        "binData": {"type": "string", "format": "byte"},
        "jsonData": _ANYTHING,
    },
    description="One of data, strData, binData and jsonData.",
)
_METADATA = _object(
    {
        "name": {"type": "string"},
        "versions": _TEXTS,
        "platform": {"type": "string"},
        "inputs": {"type": "array", "items": _ANYTHING},
        "outputs": {"type": "array", "items": _ANYTHING},
        "custom": {"type": "object"},
    }
)
SELDON: Mapping[str, Json] = {
    "Tensor": _object({"shape": {"type": "array", "items": {"type": "integer", "minimum": 0}}, "values": _NUMBERS}),
    "Data": _DATA,
    "Metric": _METRIC,
    "Meta": _META,
    "Status": _STATUS,
    "SeldonMessage": _MESSAGE,
    "Feedback": _object(
        {
            "request": ref("SeldonMessage"),
            "response": ref("SeldonMessage"),
            "reward": {"type": "number"},
            "truth": ref("SeldonMessage"),
        }
    ),
    "Failure": _object({"status": ref("Status")}, "status"),
    "Metadata": _METADATA,
}
"""The Seldon protocol's messages."""

_DATATYPES = ["BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16", "FP32", "FP64"]
_TENSOR = {
    "name": {"type": "string", "minLength": 1},
    "shape": {"type": "array", "items": {"type": "integer", "minimum": 0}},
    "datatype": {"type": "string", "enum": [*_DATATYPES, "BYTES"]},
    "parameters": {"type": "object"},
    "data": {"type": "array", "items": _ANYTHING, "description": "The values in row-major order, flat or nested."},
}
V2: Mapping[str, Json] = {
    "InferTensor": _object(_TENSOR, "name", "shape", "datatype"),
    "InferRequest": _object(
        {
            "id": {"type": "string"},
            "parameters": {"type": "object"},
            "inputs": {"type": "array", "items": ref("InferTensor")},
            "outputs": {"type": "array", "items": _object({"name": {"type": "string", "minLength": 1}}, "name")},
        },
        "inputs",
    ),
    "InferResponse": _object(
        {
            "id": {"type": "string"},
            "model_name": {"type": "string"},
            "model_version": {"type": "string"},
            "parameters": {"type": "object"},
            "outputs": {"type": "array", "items": ref("InferTensor")},
        },
        "model_name",
        "outputs",
    ),
    "InferError": _object({"error": {"type": "string"}}, "error"),
    "ServerMetadata": _object(
        {"name": {"type": "string"}, "version": {"type": "string"}, "extensions": _TEXTS}, "name", "version"
    ),
    "ModelMetadata": _object(
        {
            "name": {"type": "string"},
            "versions": _TEXTS,
            "platform": {"type": "string"},
            "inputs": {"type": "array", "items": _ANYTHING},
            "outputs": {"type": "array", "items": _ANYTHING},
        },
        "name",
    ),
}
"""The Open Inference Protocol's messages."""


def content(schema: Json, media: str = JSON_TYPE) -> Json:
    """A body of one kind."""
    return {media: {"schema": schema}}


def answer(text: str, body: Json | None = None) -> Json:
    """One status of an operation."""
    return {"description": text, **({"content": body} if body else {})}


def operation(
    name: str, summary: str, answers: Mapping[str, Json], *, body: Json | None = None, query: Sequence[Json] = ()
) -> Json:
    """What a method of a path does. `body` is required where it is given; `answers` are by status."""
    document: Json = {"operationId": name, "summary": summary, "responses": dict(answers)}
    if body is not None:
        document["requestBody"] = {"required": True, "content": body}
    if query:
        document["parameters"] = list(query)
    return document


def in_path(name: str, text: str) -> Json:
    """A parameter in a path: one word of it."""
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": text,
        "schema": {"type": "string", "minLength": 1, "pattern": "^[A-Za-z0-9._-]+$"},
    }


def document(title: str, version: str, servers: Sequence[Json], paths: Json, schemas: Mapping[str, Json]) -> Json:
    """The whole."""
    return {
        "openapi": "3.0.3",
        "info": {"title": title, "version": version, "license": {"name": "Apache-2.0"}},
        "servers": list(servers),
        "paths": paths,
        "components": {"schemas": dict(schemas)},
    }
