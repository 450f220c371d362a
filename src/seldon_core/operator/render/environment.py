"""Environment of a node's container, in the recorded order. What the user set stays.

Source: specification 1.2 and 1.4.
"""

import json
from collections.abc import Iterable
from typing import Any, Final

from seldon_core.api.defaulting import port_of
from seldon_core.api.shapes import Json
from seldon_core.api.types import Parameter, PredictiveUnit

from . import kinds
from .kinds import MODEL_FOLDER, Kind
from .scope import Scope

CERT_FOLDER: Final = "/cert/"
PARAMETERS: Final = "PREDICTIVE_UNIT_PARAMETERS"
# Where a user says them, the proxy asks a server of the user's.
_ENDPOINTS: Final = frozenset({"rest_endpoint", "grpc_endpoint"})
# JSON in environment variables is written as Go writes it, so that pods compare equal with those made before.
_GO_ESCAPES: Final = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


def compact_json(value: Any) -> str:
    """JSON without spaces, escaped as Go's encoder does it."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return text.translate(_GO_ESCAPES)


def merged(given: Iterable[Json], added: Iterable[tuple[str, str]]) -> list[Json]:
    """The given variables, then those of the added ones whose name is not taken yet."""
    result = list(given)
    taken = {entry["name"] for entry in result}
    for name, value in added:
        if name not in taken:
            result.append({"name": name, "value": value})
            taken.add(name)
    return result


def of_unit(scope: Scope, container: Json, unit: PredictiveUnit) -> list[Json]:
    """All variables of a node's container. `container` must have its ports."""
    return merged(container.get("env") or (), _unit_variables(scope, container, unit))


def _unit_variables(scope: Scope, container: Json, unit: PredictiveUnit) -> Iterable[tuple[str, str]]:
    endpoint = unit.endpoint
    http, grpc = (str(port_of(container, name) or 0) for name in ("http", "grpc"))
    metrics = str(port_of(container, scope.config.metrics_port_name) or 0)
    path = scope.config.executor.prometheus_path
    yield "PREDICTIVE_UNIT_SERVICE_PORT", str(endpoint.service_port if endpoint else http)
    yield "PREDICTIVE_UNIT_HTTP_SERVICE_PORT", http
    yield "MLSERVER_HTTP_PORT", http
    yield "PREDICTIVE_UNIT_GRPC_SERVICE_PORT", grpc
    yield "MLSERVER_GRPC_PORT", grpc
    told = parameters(scope, unit)
    if unit.parameters:
        yield PARAMETERS, _as_json(told)
    if unit.model_uri:
        yield "MLSERVER_MODEL_URI", MODEL_FOLDER
    yield "PREDICTIVE_UNIT_ID", unit.name
    yield "MLSERVER_MODEL_NAME", unit.name
    yield "PREDICTIVE_UNIT_IMAGE", str(container.get("image", ""))
    yield "PREDICTOR_ID", scope.predictor.name
    yield "PREDICTOR_LABELS", compact_json(dict(sorted(scope.predictor.labels.items())))
    yield "SELDON_DEPLOYMENT_ID", scope.name
    yield "SELDON_EXECUTOR_ENABLED", "true"
    yield "PREDICTIVE_UNIT_METRICS_SERVICE_PORT", metrics
    yield "PREDICTIVE_UNIT_METRICS_ENDPOINT", path
    yield "MLSERVER_METRICS_PORT", metrics
    yield "MLSERVER_METRICS_ENDPOINT", path
    if told and not unit.parameters:
        yield PARAMETERS, _as_json(told)
    if scope.certificate:
        yield "SELDON_CERT_MOUNT_PATH", CERT_FOLDER


def parameters(scope: Scope, unit: PredictiveUnit) -> tuple[Parameter, ...]:
    """The parameters of a unit's server: the user's, and where its model, or the server behind it, is found."""
    kind = kinds.of(scope, unit)
    if kind is Kind.MICROSERVICE:
        return (*unit.parameters, _text("model_uri", MODEL_FOLDER))
    if kind is not Kind.TENSORFLOW_PROXY:
        return unit.parameters
    place = kinds.companion(scope, unit)
    name = _text("model_name", unit.name)
    if any(parameter.name in _ENDPOINTS for parameter in unit.parameters):
        return (*unit.parameters, name)
    rest = _text("rest_endpoint", f"http://0.0.0.0:{place.http_port}")
    return (*unit.parameters, rest, _text("grpc_endpoint", f"0.0.0.0:{place.grpc_port}"), name)


def _text(name: str, value: str) -> Parameter:
    return Parameter(name=name, value=value, type="STRING")


def _as_json(given: Iterable[Parameter]) -> str:
    return compact_json([{"name": p.name, "value": p.value, "type": p.type} for p in given])
