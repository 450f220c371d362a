"""What the sections of the chart's values are made of: the base of each section, and types that several keys share."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

LOCAL_REGISTRY = "localhost"
"""Registry in the names of the images that this project builds. Nothing answers there: they are loaded onto the nodes,
or pushed to a registry of one's own, which `global.imageRegistry` names."""

TEXT = "text"
"""`Meta(extra={"scalar": TEXT})`: a text that people also write as a number (`--set manager.cpuLimit=1`)."""

Quantity = Annotated[str, Meta(extra={"scalar": TEXT}, extra_json_schema={"type": ["string", "number"]})]
UserId = Annotated[
    str, Meta(extra={"scalar": TEXT}, pattern="^[0-9]*$", extra_json_schema={"type": ["string", "integer"]})
]
Port = Annotated[int, Meta(ge=1, le=65535)]
PullPolicy = Literal["Always", "IfNotPresent", "Never"]


def doc(text: str) -> Meta:
    """What a key is for, in Markdown."""
    return Meta(description=text)


TAG = doc("Tag; a digest behind it decides (`0.1.0@sha256:...`). Quote a tag of digits only.")
"""The description of an image's tag."""


class Section(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A mapping of values whose keys are all known."""
