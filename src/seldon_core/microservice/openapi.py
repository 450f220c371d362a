"""What a model server serves over REST, as an OpenAPI document at /seldon.json. Source: specification 4 (endpoints)."""

from collections.abc import Mapping
from typing import Any

from seldon_core import __version__
from seldon_core.executor.openapi_parts import SELDON, V2, Json, answer, content, document, in_path, operation, ref

PATH = "/seldon.json"
_FORM = {
    "type": "object",
    "properties": {"json": {"type": "string", "description": "The message as JSON."}},
    "required": ["json"],
}
_CALLS = {
    "/predict": "Predict.",
    "/transform-input": "Transform a request before it goes on.",
    "/transform-output": "Transform an answer.",
    "/route": "Choose a child: its number is the answer's only value.",
    "/aggregate": "Join several answers.",
    "/send-feedback": "Learn how good an answer was.",
}
_INPUTS = {"/aggregate": "SeldonMessageList", "/send-feedback": "Feedback"}
_LIST: Json = {
    "oneOf": [
        {"type": "array", "items": ref("SeldonMessage"), "minItems": 1},
        {
            "type": "object",
            "properties": {"seldonMessages": {"type": "array", "items": ref("SeldonMessage"), "minItems": 1}},
            "required": ["seldonMessages"],
        },
    ]
}
_READS: Mapping[str, tuple[str, str, Json]] = {
    "/health/ping": ("ping", "Whether this process answers.", content({"type": "string"}, "text/html")),
    "/health/status": ("health_status", "The component's own word on its health.", content(ref("SeldonMessage"))),
    "/api/v1.0/health/status": ("health_status_v1", "The same.", content(ref("SeldonMessage"))),
    "/metadata": ("metadata", "The component's metadata.", content(ref("Metadata"))),
    "/api/v1.0/metadata": ("metadata_v1", "The same.", content(ref("Metadata"))),
    PATH: ("openapi", "This document.", content({"type": "object"})),
}
_ALWAYS = frozenset({"/health/ping", PATH})
"""What needs no component."""
_FAILURE = content(ref("Failure"))
_INFER_ERROR = content(ref("InferError"))


def made() -> Json:
    """The document."""
    paths = _calls() | _reads() | _v2()
    schemas = {**SELDON, **V2, "SeldonMessageList": _LIST, "Live": _flag("live"), "Ready": _flag("ready")}
    return document("Seldon model server", __version__, [{"url": "/"}], paths, schemas)


def _calls() -> Json:
    answers = _answers(content(ref("SeldonMessage")), _FAILURE)
    paths: Json = {}
    for path, summary in _CALLS.items():
        name = path[1:].replace("-", "_")
        schema = _INPUTS.get(path, "SeldonMessage")
        paths[path] = {
            "post": operation(name, summary, answers, body=_body(schema)),
            "get": operation(f"{name}_get", f"{summary} From the query.", answers, query=[_in_query(schema)]),
        }
    for version in ("v0.1", "v1.0"):
        for path, schema in (("predictions", "SeldonMessage"), ("feedback", "Feedback")):
            name = f"{path}_{version.replace('.', '')}"
            paths[f"/api/{version}/{path}"] = {"post": operation(name, "The same.", answers, body=_body(schema))}
    return paths


def _reads() -> Json:
    paths: Json = {}
    for path, (name, summary, body) in _READS.items():
        answers = {"200": answer("It.", body)} if path in _ALWAYS else _answers(body, _FAILURE)
        paths[path] = {"get": operation(name, summary, answers)}
    return paths


def _v2() -> Json:
    binary = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
    infer = _answers(content(ref("InferResponse")) | binary, _INFER_ERROR)
    body = content(ref("InferRequest"))
    several = content({"type": "array", "items": ref("InferResponse"), "minItems": 1})
    route = _answers(content({"type": "array", "items": {"type": "integer"}}), _INFER_ERROR)
    ready = {status: answer("Whether it is.", content(ref("Ready"))) for status in ("200", "503")}
    live = {"200": answer("Yes.", content(ref("Live")))}
    unknown = {"404": answer("There is no such model.", _INFER_ERROR)}
    paths: Json = {
        "/v2": {"get": operation("server", "This server.", {"200": answer("It.", content(ref("ServerMetadata")))})},
        "/v2/health/live": {"get": operation("live", "Whether it answers.", live)},
        "/v2/health/ready": {"get": operation("ready", "Whether it can predict.", ready)},
    }
    described = {
        **unknown,
        "200": answer("The model.", content(ref("ModelMetadata"))),
        "503": answer("The model is still being loaded.", _INFER_ERROR),
    }
    model = in_path("name", "The unit of the graph.")
    for prefix, mark, parameters in (
        ("/v2/models/{name}", "", [model]),
        ("/v2/models/{name}/versions/{version}", "_version", [model, in_path("version", "Any: there is one.")]),
    ):
        paths[prefix] = {"parameters": parameters, "get": operation(f"model{mark}", "The model.", described)}
        paths[f"{prefix}/ready"] = {
            "parameters": parameters,
            "get": operation(f"model_ready{mark}", "Whether the model can predict.", {**ready, **unknown}),
        }
        paths[f"{prefix}/infer"] = {
            "parameters": parameters,
            "post": operation(f"infer{mark}", "Predict.", {**infer, **unknown}, body=body),
        }
        paths[f"{prefix}/route"] = {
            "parameters": parameters,
            "post": operation(f"infer_route{mark}", _CALLS["/route"], {**route, **unknown}, body=body),
        }
        paths[f"{prefix}/aggregate"] = {
            "parameters": parameters,
            "post": operation(f"infer_aggregate{mark}", _CALLS["/aggregate"], {**infer, **unknown}, body=several),
        }
    return paths


def _answers(good: Json, failure: Json) -> Json:
    """Those of whatever runs the component's code."""
    return {
        "200": answer("The answer.", good),
        "400": answer("The request is wrong, or the component's answer.", failure),
        "413": answer("The request is too large.", failure),
        "500": answer("The component failed.", failure),
        "503": answer("The component is still being loaded, or has more requests than it can take.", failure),
    }


def _in_query(schema: str) -> Json:
    return {
        "name": "json",
        "in": "query",
        "required": True,
        "description": "The message as JSON.",
        "content": content(ref(schema)),
    }


def _body(schema: str) -> dict[str, Any]:
    return {**content(ref(schema)), "application/x-www-form-urlencoded": {"schema": _FORM}}


def _flag(name: str) -> Json:
    return {
        "type": "object",
        "properties": {"name": {"type": "string"}, name: {"type": "boolean"}},
        "required": [name],
    }
