"""Which stages are asked for, in which order."""

from __future__ import annotations

from collections.abc import Sequence

from .nearest import nearest
from .stage import Stage


class UnknownStageError(Exception):
    """There is no stage of that name; the text names the nearest."""


def choose(stages: Sequence[Stage], names: Sequence[str]) -> tuple[Stage, ...]:
    """Return the named stages in the pipeline's order; all of them where none is named. Raises UnknownStageError."""
    known = [stage.name for stage in stages]
    for name in names:
        if name not in known:
            close = nearest(name, known)
            meant = f"did you mean {close}? " if close else ""
            raise UnknownStageError(f"--stage {name}: there is no such stage; {meant}The stages: {', '.join(known)}.")
    return tuple(stage for stage in stages if not names or stage.name in names)


def needs(stages: Sequence[Stage]) -> tuple[str, ...]:
    """Return what devtools must provide for these stages, each once."""
    return tuple(dict.fromkeys(need for stage in stages for need in stage.needs))
