"""The rules that the webhook and `seldonctl` refuse by.

Each rule is a function from a SeldonDeployment, as it is written, to the errors that it finds. Paths and texts are
those that people know from Seldon Core v1; what to do about it follows after a colon. Source: specification 2, and
for the rules that v1.17.1 lets through and fails at later: specification 2, last paragraph.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from . import model_uri, names
from .defaulting import has_separate_engine, units
from .errors import FieldError
from .shapes import Json
from .types import BUILT_IN, GROUP, KIND, ComponentSpec, Predictor, SeldonDeployment
from .validation_units import PROTOCOLS, Servers, unit_errors

__all__ = ["NO_ENGINE_ANNOTATION", "FieldError", "Servers", "invalid_message", "validate"]

NO_ENGINE_ANNOTATION: Final = "seldon.io/no-engine"
ENGINE_CONTAINER: Final = "seldon-container-engine"

_TRANSPORTS: Final = ("", "rest", "grpc")
_SERVER_TYPES: Final = ("", "rpc", "kafka")
_KAFKA_ENV: Final = ("KAFKA_BROKER", "KAFKA_INPUT_TOPIC", "KAFKA_OUTPUT_TOPIC")


def validate(sdep: SeldonDeployment, servers: Servers) -> tuple[FieldError, ...]:
    """Every error of a SeldonDeployment as written, in a stable order; empty where it is valid."""
    errors = [error for rule in _SPEC_RULES for error in rule(sdep)]
    for index, predictor in enumerate(sdep.spec.predictors):
        path = f"spec.predictors[{index}].graph"
        errors += unit_errors(sdep, predictor, predictor.graph, path, servers)
    return tuple(dict.fromkeys(errors))


def invalid_message(name: str, errors: tuple[FieldError, ...]) -> str:
    """The webhook's answer: all errors in one text, behind the object's kind, group and name."""
    text = str(errors[0]) if len(errors) == 1 else f"[{', '.join(map(str, errors))}]"
    return f'{KIND}.{GROUP} "{name}" is invalid: {text}'


def _choices(sdep: SeldonDeployment) -> Iterator[FieldError]:
    for value, known, what in (
        (sdep.spec.protocol, PROTOCOLS, "protocol"),
        (sdep.spec.transport, _TRANSPORTS, "transport"),
        (sdep.spec.server_type, _SERVER_TYPES, "serverType"),
    ):
        if value not in known:
            yield FieldError("spec", value, f"Invalid {what}: use one of {', '.join(known[1:])}")


def _kafka(sdep: SeldonDeployment) -> Iterator[FieldError]:
    if sdep.spec.server_type != "kafka":
        return
    for index, predictor in enumerate(sdep.spec.predictors):
        given = {entry["name"] for entry in predictor.svc_orch_spec.env}
        if not given.issuperset(_KAFKA_ENV):
            text = f"For kafka please supply svcOrchSpec envs {', '.join(_KAFKA_ENV)}"
            yield FieldError(_at(index), predictor.name, text)


def _shadows(sdep: SeldonDeployment) -> Iterator[FieldError]:
    predictors = sdep.spec.predictors
    if len(predictors) == 1 and predictors[0].shadow:
        yield FieldError(_at(0), predictors[0].name, "Shadow can not exist as only predictor")
    shadows = [predictor for predictor in predictors if predictor.shadow]
    for extra in shadows[1:]:
        yield FieldError("spec", extra.name, "Multiple shadows are not allowed")
    for shadow in shadows:
        if not 0 <= shadow.traffic <= 100:
            text = "shadow traffic is illegal, the traffic number should be between [0, 100]"
            yield FieldError("spec", shadow.name, text)


def _predictor_names(sdep: SeldonDeployment) -> Iterator[FieldError]:
    if not sdep.spec.predictors:
        yield FieldError(
            "spec", "", "Graph contains no predictors: add one under spec.predictors, with a name and a graph"
        )
    seen: set[str] = set()
    services: set[str] = set()
    for index, predictor in enumerate(sdep.spec.predictors):
        if not predictor.name:
            yield FieldError(_at(index), "", f"Predictor has no name: set {_at(index)}.name")
        elif not names.is_label(names.predictor_key(sdep.metadata.name, predictor)):
            key = names.predictor_key(sdep.metadata.name, predictor)
            text = (
                "Illegal name of the predictor's Service, which is made of the names of the SeldonDeployment and the "
                f"predictor (or is annotation {names.SERVICE_NAME_ANNOTATION}): it {names.LABEL_RULE}"
            )
            yield FieldError(_at(index), key, text)
        if predictor.name in seen:
            yield FieldError(_at(index), predictor.name, "Duplicate predictor name")
        seen.add(predictor.name)
        service = predictor.annotations.get(names.SERVICE_NAME_ANNOTATION)
        if service and service in services:
            text = f"Found duplicate service name in {names.SERVICE_NAME_ANNOTATION} with value {service}"
            yield FieldError(_at(index), predictor.name, text)
        services.add(service or "")


def _engines(sdep: SeldonDeployment) -> Iterator[FieldError]:
    for index, predictor in enumerate(sdep.spec.predictors):
        if NO_ENGINE_ANNOTATION in predictor.annotations and predictor.graph.children:
            text = "Running without engine only valid for single element graphs"
            yield FieldError(_at(index), predictor.name, text)
        if not has_separate_engine(sdep) and _placed_elsewhere(predictor):
            text = (
                "engine not separate and no pu with localhost service - not clear where to inject engine: give "
                "componentSpecs[0] a container that is named like a node of the graph"
            )
            yield FieldError(_at(index), predictor.name, text)


def _placed_elsewhere(predictor: Predictor) -> bool:
    """Whether the graph is complete but has no container in componentSpecs[0], whose pods get the orchestrator."""
    first = {container["name"] for component in predictor.component_specs[:1] for container in _declared(component)}
    declared = {container["name"] for component in predictor.component_specs for container in _declared(component)}
    nodes = [unit for unit in units(predictor.graph) if unit.implementation not in BUILT_IN]
    complete = all(unit.name in declared or unit.is_prepackaged for unit in nodes)
    return complete and not any(unit.name in first or unit.name not in declared for unit in nodes)


def _declared(component: ComponentSpec) -> Sequence[Json]:
    containers: Sequence[Json] = component.spec.get("containers", ())
    return containers


def _containers(sdep: SeldonDeployment) -> Iterator[FieldError]:
    """A node has one container: Kubernetes refuses a name twice in a pod, and of two pods no one knows which serves."""
    for index, predictor in enumerate(sdep.spec.predictors):
        nodes = {unit.name for unit in units(predictor.graph)}
        seen: set[str] = set()
        for j, component in enumerate(predictor.component_specs):
            here: set[str] = set()
            for container in _declared(component):
                name = container["name"]
                if name == ENGINE_CONTAINER and j == 0 and not has_separate_engine(sdep):
                    path = f"{_at(index)}.componentSpecs[{j}].spec.containers"
                    yield FieldError(path, name, "Name of the orchestrator's container: give this one another name")
                if name in here or (name in seen and name in nodes):
                    path = f"{_at(index)}.componentSpecs[{j}].spec.containers"
                    yield FieldError(path, name, "Duplicate container name: a node of the graph has one container")
                here.add(name)
            seen |= here


def _transports(sdep: SeldonDeployment) -> Iterator[FieldError]:
    found = {
        unit.endpoint.type
        for predictor in sdep.spec.predictors
        for unit in units(predictor.graph)
        if unit.endpoint and unit.endpoint.type
    }
    if len(found) > 1:
        text = "Multiple endpoint.types found - can only have 1 type in graph. Please use spec.transport"
        yield FieldError("spec", "", text)
    elif found and sdep.spec.transport and sdep.spec.transport.upper() not in found:
        text = "Mixed transport types found. Remove graph endpoint.types if transport set at deployment level"
        yield FieldError("spec", "", text)


def _traffic(sdep: SeldonDeployment) -> Iterator[FieldError]:
    serving = [predictor for predictor in sdep.spec.predictors if not predictor.shadow]
    total = sum(predictor.traffic for predictor in serving)
    if len(serving) > 1 and total != 100:
        text = f"Traffic must sum to 100 for multiple predictors: the sum of spec.predictors[].traffic is {total}"
        yield FieldError("spec", sdep.spec.predictors[0].name, text)
    if len(serving) == 1 and total not in {0, 100}:
        text = f"Traffic must sum be 100 for a single predictor when set: it is {total}"
        yield FieldError("spec", sdep.spec.predictors[0].name, text)


def _explainers(sdep: SeldonDeployment) -> Iterator[FieldError]:
    """Hostile model URIs of explainers; those of the graph's nodes are seen where the nodes are."""
    for index, predictor in enumerate(sdep.spec.predictors):
        explainer = predictor.explainer
        if explainer and (reason := model_uri.hostile(explainer.model_uri)):
            yield FieldError(f"{_at(index)}.explainer", predictor.name, f"modelUri {reason}")


_SPEC_RULES: Final[tuple[Callable[[SeldonDeployment], Iterator[FieldError]], ...]] = (
    _choices,
    _kafka,
    _shadows,
    _predictor_names,
    _engines,
    _containers,
    _transports,
    _traffic,
    _explainers,
)


def _at(index: int) -> str:
    return f"spec.predictors[{index}]"
