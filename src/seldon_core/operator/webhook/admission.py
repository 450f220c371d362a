"""Whether a SeldonDeployment is let in, and what is to be said about it: the same for the webhook and `seldonctl`.

Rendering is part of it: what no objects can be made for is refused at once, not in a status that nobody may look at.
"""

from dataclasses import dataclass
from typing import Final

from seldon_core.api.defaulting import units
from seldon_core.api.types import GROUP, KIND, SeldonDeployment
from seldon_core.api.validation import invalid_message, validate
from seldon_core.api.validation_pods import pod_errors
from seldon_core.operator.render import RenderError, render
from seldon_core.operator.render.config import OperatorConfig

RENDERED_NODES: Final = 500
"""Larger graphs are judged by the rules alone: rendering takes 0.2 ms a node, and others wait meanwhile."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer.

    Attributes:
        errors: Why the SeldonDeployment is refused, one text each; empty where it is let in.
        refusal: The webhook's text about all of them, or empty.
        warnings: What it says and is not refused, but most likely not what its writer wants.
    """

    errors: tuple[str, ...] = ()
    refusal: str = ""
    warnings: tuple[str, ...] = ()


def judge(sdep: SeldonDeployment, config: OperatorConfig) -> Verdict:
    """The verdict on a SeldonDeployment as written, in this installation."""
    name = sdep.metadata.name
    if errors := (*validate(sdep, config.predictor_servers), *pod_errors(sdep)):
        return Verdict(tuple(map(str, errors)), invalid_message(name, errors))
    if sum(1 for predictor in sdep.spec.predictors for _ in units(predictor.graph)) > RENDERED_NODES:
        return Verdict()
    try:
        rendered = render(sdep, config)
    except RenderError as error:
        return Verdict((str(error),), f'{KIND}.{GROUP} "{name}" is invalid: {error}')
    return Verdict(warnings=rendered.warnings)
