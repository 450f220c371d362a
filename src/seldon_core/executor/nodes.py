"""The graph as the executor runs it: what each node does to a message, and where it is called.

Derived once, at start, from the predictor, so that the walk itself reads plain attributes. Source: specification 3
(graph order).
"""

import msgspec

from seldon_core.api.types import PredictiveUnit, Predictor

from .predictor import image_of

_DEFAULT_RATIO = 0.5


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """One node. A path that is empty means that the node has no such step."""

    name: str
    host: str
    port: int
    kind: str
    """The unit's type, "" for a node without a container of its own."""
    input_path: str
    output_path: str
    route_path: str
    aggregate_path: str
    feedback_path: str
    random_ratio: float | None
    """Of a RANDOM_ABTEST: the share of the first child."""
    model_image: str
    model_version: str
    children: tuple["Node", ...]

    @property
    def address(self) -> str:
        """Where the node listens, as messages show it."""
        return f"{self.host}:{self.port}"


def build(predictor: Predictor, unit: PredictiveUnit | None = None) -> Node:
    """The runnable form of a checked predictor's graph."""
    unit = unit or predictor.graph
    endpoint = unit.endpoint
    methods = frozenset(unit.methods)
    kind = "" if unit.type == "UNKNOWN_TYPE" else unit.type
    image, version = _split_image(image_of(predictor, unit))
    return Node(
        name=unit.name,
        host=endpoint.service_host if endpoint is not None else "",
        port=(endpoint.http_port or endpoint.service_port) if endpoint is not None else 0,
        kind=kind,
        input_path=_input_path(kind, methods),
        output_path="/transform-output" if kind == "OUTPUT_TRANSFORMER" or "TRANSFORM_OUTPUT" in methods else "",
        route_path="/route" if kind == "ROUTER" or "ROUTE" in methods else "",
        aggregate_path="/aggregate" if kind == "COMBINER" or "AGGREGATE" in methods else "",
        feedback_path="/send-feedback" if kind in {"MODEL", "ROUTER"} or "SEND_FEEDBACK" in methods else "",
        random_ratio=_ratio(unit) if unit.implementation == "RANDOM_ABTEST" else None,
        model_image=image,
        model_version=version,
        children=tuple(build(predictor, child) for child in unit.children),
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


def _input_path(kind: str, methods: frozenset[str]) -> str:
    if kind == "MODEL":
        return "/predict"
    return "/transform-input" if kind == "TRANSFORMER" or "TRANSFORM_INPUT" in methods else ""


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
