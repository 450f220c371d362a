"""The annotation with which people hold a SeldonDeployment's pods, or ask for them to be replaced.

It is read and never written here: what a user says, not what the controller remembers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from seldon_core.operator.objects import takeover

ANNOTATION: Final = "seldon.io/rollout"
PAUSED: Final = "paused"


@dataclass(frozen=True, slots=True)
class Request:
    """What the annotation says.

    Attributes:
        paused: No pod is replaced.
        at: Pods of templates that a former controller wrote before this time are to be replaced.
        unusable: A value that means nothing. Holding the pods is the safe reading of it.
    """

    paused: bool = False
    at: datetime | None = None
    unusable: str = ""

    @property
    def holds(self) -> bool:
        """Whether pods stay as they are."""
        return self.paused or bool(self.unusable)

    def asks_for(self, live: Mapping[str, Any]) -> bool:
        """Whether the pods of a Deployment that a former controller made are to be replaced."""
        if self.at is None:
            return False
        written = takeover.written_at(live)
        return written is None or self.at >= written


NOTHING: Final = Request()


def request_of(annotations: Mapping[str, str]) -> Request:
    """Read a SeldonDeployment's annotations."""
    value = annotations.get(ANNOTATION, "").strip()
    if not value:
        return NOTHING
    if value == PAUSED:
        return Request(paused=True)
    at = takeover.time_of(value)
    return Request(at=at) if at else Request(unusable=value)


def value_at(time: datetime) -> str:
    """The annotation's value that asks for a rollout."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
