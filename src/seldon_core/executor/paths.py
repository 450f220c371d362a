"""Where nodes are asked over REST, in each protocol. Source: specification 3 (model calls)."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from urllib.parse import quote

from .message import GraphError
from .nodes import Step

Paths = Callable[[Step, str], str]
"""From a step and a model's name to a path. Raises GraphError for a step that the protocol does not have."""

_SELDON = {
    Step.PREDICT: "/predict",
    Step.TRANSFORM_INPUT: "/transform-input",
    Step.TRANSFORM_OUTPUT: "/transform-output",
    Step.ROUTE: "/route",
    Step.AGGREGATE: "/aggregate",
    Step.FEEDBACK: "/send-feedback",
    Step.STATUS: "/health/status",
    Step.METADATA: "/metadata",
}
_V2 = {
    Step.PREDICT: "/infer",
    Step.TRANSFORM_INPUT: "/infer",
    Step.TRANSFORM_OUTPUT: "/infer",
    Step.ROUTE: "/route",
    Step.AGGREGATE: "/aggregate",
    Step.STATUS: "/ready",
    Step.METADATA: "",
}
_TENSORFLOW = {
    Step.PREDICT: ":predict",
    Step.TRANSFORM_INPUT: ":predict",
    Step.TRANSFORM_OUTPUT: ":predict",
    Step.ROUTE: ":route",
    Step.AGGREGATE: ":aggregate",
    Step.STATUS: "",
    Step.METADATA: "/metadata",
}


def seldon(step: Step, _: str) -> str:
    """A server of the Seldon protocol has one model."""
    return _SELDON[step]


def v2(step: Step, name: str) -> str:
    """The Open Inference Protocol."""
    return f"/v2/models/{_quoted(name)}{_end(_V2, step)}"


def tensorflow(step: Step, name: str) -> str:
    """TensorFlow Serving."""
    return f"/v1/models/{_quoted(name)}{_end(_TENSORFLOW, step)}"


@lru_cache(maxsize=256)
def _quoted(name: str) -> str:
    """A name as one word of a path: a client may have put anything into its own."""
    return quote(name, safe="")


def _end(ends: Mapping[Step, str], step: Step) -> str:
    if step not in ends:
        raise GraphError(f"The step {step.value} is not part of this protocol")
    return ends[step]
