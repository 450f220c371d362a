"""Annotations by which a SeldonDeployment steers rendering: the spec's, or else the object's own.

Source: specification 1.10.
"""

from seldon_core.api.types import SeldonDeployment

from .errors import RenderError


def text(sdep: SeldonDeployment, name: str, default: str = "") -> str:
    """The value of annotation `name`; `default` where it is missing or empty."""
    return sdep.spec.annotations.get(name) or sdep.metadata.annotations.get(name) or default


def number(sdep: SeldonDeployment, name: str) -> int | None:
    """The value of annotation `name`, a whole number of 0 or more; None where it is missing. Raises RenderError."""
    given = text(sdep, name)
    if not given:
        return None
    try:
        value = int(given)
    except ValueError as error:
        raise RenderError(f'annotation {name}: "{given}" is no whole number; correct it or leave it out.') from error
    if value < 0:
        raise RenderError(f'annotation {name}: "{given}" is below 0; correct it or leave it out.')
    return value
