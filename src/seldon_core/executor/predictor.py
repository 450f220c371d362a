"""From ENGINE_PREDICTOR to the predictor that this executor serves, or one sentence why it cannot.

ENGINE_PREDICTOR is the base64 of the defaulted predictor's JSON. Source: specification 1.2.
What is not built is refused here, at start: a graph that would answer without one of its parts is worse than one that
does not run.
"""

import base64
import binascii
from collections.abc import Iterator
from typing import Any

import msgspec

from seldon_core.api.types import BUILT_IN, UNIT_TYPES, UNKNOWN_IMPLEMENTATION, Logger, PredictiveUnit, Predictor

from . import collector
from .settings import Settings

_METHODS = frozenset({"TRANSFORM_INPUT", "TRANSFORM_OUTPUT", "ROUTE", "AGGREGATE", "SEND_FEEDBACK"})
_LOG_MODES = frozenset({"all", "request", "response"})
_HOW = "it must be the base64 of a predictor's JSON, as the operator writes it"


class PredictorError(ValueError):
    """A predictor that cannot be served, in one sentence."""


def decode(engine_predictor: str) -> Predictor:
    """The predictor. Raises PredictorError."""
    if not engine_predictor:
        raise PredictorError(f"The environment variable ENGINE_PREDICTOR is not set; {_HOW}.")
    try:
        document = msgspec.json.decode(base64.b64decode(engine_predictor, validate=True))
    except (binascii.Error, ValueError) as error:
        raise PredictorError(f"ENGINE_PREDICTOR cannot be read ({error}); {_HOW}.") from error
    try:
        predictor = msgspec.convert(_without_nulls(document), Predictor)
    except msgspec.ValidationError as error:
        raise PredictorError(f"ENGINE_PREDICTOR is not a predictor ({error}); {_HOW}.") from error
    if not predictor.name or not predictor.graph.name:
        raise PredictorError(f"ENGINE_PREDICTOR has no name or no graph.name; {_HOW}.")
    return predictor


def check(predictor: Predictor, settings: Settings) -> None:
    """Refuse what this executor does not serve. Raises PredictorError."""
    if settings.protocol not in {"", "v2", "tensorflow"}:
        raise PredictorError(
            f"The protocol {settings.protocol} is not served by this executor; use seldon, v2 or tensorflow."
        )
    if settings.transport not in {"", "rest", "grpc"}:
        raise PredictorError(f"The transport {settings.transport} is unknown; use rest or grpc.")
    if settings.server_type not in {"", "rpc"}:
        raise PredictorError(f"The server type {settings.server_type} is not served by this executor; use rpc.")
    names: set[str] = set()
    for unit in units(predictor.graph):
        _check_unit(unit, settings)
        if unit.name in names:
            raise PredictorError(f"The graph has two units named {unit.name}; give each its own name.")
        names.add(unit.name)


def units(unit: PredictiveUnit) -> Iterator[PredictiveUnit]:
    """A unit and everything below it."""
    yield unit
    for child in unit.children:
        yield from units(child)


def image_of(predictor: Predictor, unit: PredictiveUnit) -> str:
    """The image of the unit's container, or ""."""
    for component in predictor.component_specs:
        for container in component.spec.get("containers", ()):
            if isinstance(container, dict) and container.get("name") == unit.name:
                return str(container.get("image", ""))
    return ""


def _check_unit(unit: PredictiveUnit, settings: Settings) -> None:
    where = f"The graph's unit {unit.name or '(without a name)'}"
    if not unit.name:
        raise PredictorError("A unit of the graph has no name; give each one a name.")
    if unit.type not in {"", *UNIT_TYPES, "UNKNOWN_TYPE"}:
        raise PredictorError(f"{where} has the unknown type {unit.type}; use one of {', '.join(UNIT_TYPES)}.")
    if unknown := set(unit.methods) - _METHODS:
        raise PredictorError(
            f"{where} has the unknown method {min(unknown)}; use some of {', '.join(sorted(_METHODS))}."
        )
    if unit.logger is not None:
        _check_logger(unit.logger, where, settings)
    if unit.implementation == "RANDOM_ABTEST" and len(unit.children) < 2:
        raise PredictorError(f"{where} is a RANDOM_ABTEST with {len(unit.children)} children; it needs two.")
    has_container = bool(unit.type or unit.methods) and unit.implementation not in BUILT_IN - {UNKNOWN_IMPLEMENTATION}
    if has_container and (unit.endpoint is None or not unit.endpoint.service_host):
        raise PredictorError(
            f"{where} has no endpoint.service_host; the operator fills it in from the unit's container."
        )


def _check_logger(logger: Logger, where: str, settings: Settings) -> None:
    if logger.mode not in _LOG_MODES:
        raise PredictorError(f"{where} has the logger.mode {logger.mode!r}; use all, request or response.")
    if settings.log_kafka_broker:
        raise PredictorError(
            f"{where} has a logger, and LOGGER_KAFKA_BROKER is set, but this executor logs over HTTP alone; "
            "remove that variable, and name a collector in logger.url."
        )
    try:
        collector.collector(logger.url or settings.log_endpoint)
    except ValueError as error:
        named = "logger.url" if logger.url else "REQUEST_LOGGER_DEFAULT_ENDPOINT, which its logger needs,"
        raise PredictorError(f"{where}: {named} {error}.") from error


def _without_nulls(value: Any) -> Any:
    """A null stands for a field that is not there: Go writes `creationTimestamp: null` and the like."""
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value
