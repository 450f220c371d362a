"""The graph as the executor runs it: what each node does to a message, and where it is called.

Derived once, at start, from the predictor, so that the walk itself reads plain attributes. Source: specification 3
(graph order).
"""

from enum import Enum

import msgspec

from seldon_core.api.types import Logger, PredictiveUnit, Predictor

from .predictor import image_of

_DEFAULT_RATIO = 0.5


class Step(Enum):
    """What a node can be asked for."""

    PREDICT = "predict"
    TRANSFORM_INPUT = "transform-input"
    TRANSFORM_OUTPUT = "transform-output"
    ROUTE = "route"
    AGGREGATE = "aggregate"
    FEEDBACK = "feedback"
    STATUS = "status"
    METADATA = "metadata"


class LogRule(msgspec.Struct, frozen=True):
    """Which of a node's payloads the request logger sends, and where to."""

    url: str
    requests: bool
    answers: bool
    """And feedback."""


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """One node: which steps it has, and where it is called."""

    name: str
    host: str
    port: int
    """Of HTTP."""
    grpc_port: int
    grpc_alone: bool
    """Whether the operator expects it to listen on its gRPC port, and not on that of HTTP."""
    kind: str
    """The unit's type, "" for a node without a container of its own."""
    input_step: Step | None
    """PREDICT or TRANSFORM_INPUT."""
    transforms_output: bool
    routes: bool
    aggregates: bool
    learns: bool
    """Whether it is told of feedback."""
    random_ratio: float | None
    """Of a RANDOM_ABTEST: the share of the first child."""
    model_image: str
    model_version: str
    children: tuple["Node", ...]
    logger: LogRule | None = None

    @property
    def address(self) -> str:
        """Where the node listens for HTTP, as messages show it."""
        return f"{self.host}:{self.port}"


def build(predictor: Predictor, unit: PredictiveUnit | None = None, *, log_url: str = "") -> Node:
    """The runnable form of a checked predictor's graph. `log_url` is that of loggers which name none."""
    unit = unit or predictor.graph
    endpoint = unit.endpoint
    methods = frozenset(unit.methods)
    kind = "" if unit.type == "UNKNOWN_TYPE" else unit.type
    image, version = _split_image(image_of(predictor, unit))
    return Node(
        name=unit.name,
        host=endpoint.service_host if endpoint is not None else "",
        port=(endpoint.http_port or endpoint.service_port) if endpoint is not None else 0,
        grpc_port=(endpoint.grpc_port or endpoint.service_port) if endpoint is not None else 0,
        grpc_alone=endpoint is not None and endpoint.service_port == endpoint.grpc_port != endpoint.http_port,
        kind=kind,
        input_step=_input_step(kind, methods),
        transforms_output=kind == "OUTPUT_TRANSFORMER" or "TRANSFORM_OUTPUT" in methods,
        routes=kind == "ROUTER" or "ROUTE" in methods,
        aggregates=kind == "COMBINER" or "AGGREGATE" in methods,
        learns=kind in {"MODEL", "ROUTER"} or "SEND_FEEDBACK" in methods,
        random_ratio=_ratio(unit) if unit.implementation == "RANDOM_ABTEST" else None,
        model_image=image,
        model_version=version,
        children=tuple(build(predictor, child, log_url=log_url) for child in unit.children),
        logger=None if unit.logger is None else _log_rule(unit.logger, log_url),
    )


def find(node: Node, name: str) -> Node | None:
    """The node of that name."""
    if node.name == name:
        return node
    return next((found for child in node.children if (found := find(child, name)) is not None), None)


def called(node: Node) -> list[Node]:
    """Every node that is a server of its own, children first."""
    found = [one for child in node.children for one in called(child)]
    return [*found, node] if node.host else found


def first(node: Node) -> Node:
    """The node that a request reaches first."""
    passes = node.input_step is None and bool(node.children)
    return first(node.children[0]) if passes else node


def last(node: Node) -> Node:
    """The node that gives the answer its final form."""
    shapes = node.transforms_output or node.aggregates or not node.children
    return node if shapes else last(node.children[0])


def _input_step(kind: str, methods: frozenset[str]) -> Step | None:
    if kind == "MODEL":
        return Step.PREDICT
    return Step.TRANSFORM_INPUT if kind == "TRANSFORMER" or "TRANSFORM_INPUT" in methods else None


def _log_rule(logger: Logger, log_url: str) -> LogRule:
    return LogRule(logger.url or log_url, logger.mode in {"request", "all"}, logger.mode in {"response", "all"})


def _ratio(unit: PredictiveUnit) -> float:
    for parameter in unit.parameters:
        if parameter.name == "ratioA":
            try:
                return float(parameter.value)
            except ValueError:
                break
    return _DEFAULT_RATIO


def _split_image(image: str) -> tuple[str, str]:
    """Image and version. The version follows the last colon behind the last slash: a registry's port is no version."""
    image = image.partition("@")[0]
    name, colon, version = image.rpartition(":")
    return (name, version) if colon and "/" not in version else (image, "")
