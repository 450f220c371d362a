"""What an executor serves over REST, as OpenAPI documents: one for the Seldon protocol, one for v2.

Bodies pass the executor unread: what it says of a model's answers is what the protocol says of them, and a model may
answer any status.
"""

from seldon_core import __version__

from .openapi_parts import JSON_TYPE, SELDON, V2, Json, answer, content, document, in_path, operation, ref
from .settings import Settings

_ANY: Json = {"*/*": {"schema": {}}}
_FAILURE = content(ref("Failure"))
_FAILED = "No answer: a model could not be called, or a router's choice could not be followed."
_TOO_LARGE = answer("The request is larger than the executor takes.", _FAILURE)
_OF_A_MODEL = answer("What a model answered with a status other than 200, body and all.", _ANY)
_NAME = in_path("name", "A unit of the graph.")
_READY = {"200": answer("Every model can answer."), "503": answer("Some model cannot, or not yet.")}


def seldon(settings: Settings) -> Json:
    """Of the Seldon protocol."""
    paths: Json = {}
    for version in ("v1.0", "v0.1"):
        mark = version.replace(".", "")
        paths[f"/api/{version}/predictions"] = {
            "post": operation(
                f"predict_{mark}", "Ask the graph.", _answers("SeldonMessage"), body=_body("SeldonMessage")
            )
        }
        paths[f"/api/{version}/feedback"] = {
            "post": operation(
                f"feedback_{mark}", "Tell the graph how good an answer was.", _answers(""), body=_body("Feedback")
            )
        }
        paths[f"/api/{version}/status/{{name}}"] = {
            "parameters": [_NAME],
            "get": operation(f"status_{mark}", "A model's own word on its health.", _answers("")),
        }
        paths[f"/api/{version}/metadata/{{name}}"] = {
            "parameters": [_NAME],
            "get": operation(f"metadata_{mark}", "A model's metadata.", _answers("Metadata")),
        }
    paths["/api/v1.0/metadata"] = {
        "get": operation("graph_metadata", "The metadata of the graph and of its models.", _answers("GraphMetadata"))
    }
    for path, name in (("/api/v1.0/status", "status"), ("/api/v1.0/health/status", "health_status")):
        paths[path] = {"get": operation(name, "Whether the graph can answer.", _READY)}
    schemas = {**SELDON, "GraphMetadata": _GRAPH_METADATA}
    return document("Seldon protocol", __version__, _servers(settings), {**paths, **_probes(settings)}, schemas)


_GRAPH_METADATA: Json = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "models": {"type": "object", "additionalProperties": ref("Metadata")},
        "graphinputs": {"type": "array", "items": {}},
        "graphoutputs": {"type": "array", "items": {}},
    },
    "required": ["name", "models"],
}


def v2(settings: Settings) -> Json:
    """Of the Open Inference Protocol."""
    infer = _answers("InferResponse")
    name = {"parameters": [_NAME]}
    paths: Json = {
        "/v2/models/{name}/infer": {
            **name,
            "post": operation("infer", "Ask the graph.", infer, body=_body("InferRequest")),
        },
        "/v2/models/infer": {
            "post": operation(
                "infer_any", "Ask the graph, each model by its own name.", infer, body=_body("InferRequest")
            )
        },
        "/v2/models/{name}": {
            **name,
            "get": operation("model_metadata", "A model's metadata.", _answers("ModelMetadata")),
        },
        "/v2/models/{name}/ready": {**name, "get": operation("model_ready", "Whether a model is ready.", _answers(""))},
        "/v2/health/ready": {"get": operation("server_ready", "Whether the graph can answer.", _READY)},
        "/v2/health/live": {"get": operation("server_live", "Whether this process answers.", {"200": answer("Yes.")})},
        "/v2": {
            "get": operation(
                "server_metadata", "This server.", {"200": answer("This server.", content(ref("ServerMetadata")))}
            )
        },
    }
    paths |= _probes(settings)
    return document("Open Inference Protocol", __version__, _servers(settings), paths, {**SELDON, **V2})


def _answers(schema: str) -> Json:
    """Those of whatever asks a model. `schema` is that of its JSON, "" where anything may come."""
    told = {JSON_TYPE: {"schema": ref(schema)}, **_ANY} if schema else _ANY
    return {
        "200": answer("The answer.", told),
        "413": _TOO_LARGE,
        "500": answer(f"{_FAILED} Or what a model answered with this status.", _ANY),
        "default": _OF_A_MODEL,
    }


def _body(schema: str) -> Json:
    return content(ref(schema))


def _probes(settings: Settings) -> Json:
    return {
        "/live": {"get": operation("live", "Whether this process answers.", {"200": answer("Yes.")})},
        "/ready": {"get": operation("ready", "Whether the graph can answer.", _READY)},
        settings.prometheus_path: {
            "get": operation(
                "metrics",
                "Prometheus' metrics.",
                {"200": answer("Samples.", {"text/plain": {"schema": {"type": "string"}}})},
            )
        },
    }


def _servers(settings: Settings) -> list[Json]:
    gateway = f"/seldon/{settings.namespace}/{settings.deployment}"
    return [
        {"url": gateway, "description": "Through the gateway."},
        {"url": "/", "description": "Inside the cluster, at the predictor's Service."},
    ]
