"""A component's metadata: what its class and MODEL_METADATA say, then its image's name. Source: specification 4."""

from collections.abc import Mapping
from typing import Any

import yaml

from .component import Component, reason
from .errors import BAD_METADATA, MicroserviceError
from .settings import Identity

_LISTS = ("versions", "inputs", "outputs")
UNKNOWN: Mapping[str, Any] = {"name": "", "versions": [], "platform": "", "inputs": [], "outputs": [], "custom": {}}
"""Of a component whose own metadata is wrong."""


def of_component(component: Component, identity: Identity, override: str) -> dict[str, Any]:
    """The document that /metadata answers. `override` is MODEL_METADATA's YAML. Raises MicroserviceError (500)."""
    given: dict[str, Any] = {}
    if component.init_metadata is not None:
        try:
            given = _mapping(component.init_metadata(), "init_metadata()")
        except MicroserviceError:
            raise
        except Exception as error:
            raise _bad(f"init_metadata() raised {reason(error)}") from error
    if override:
        try:
            given |= _mapping(yaml.safe_load(override), "the environment variable MODEL_METADATA")
        except yaml.YAMLError as error:
            raise _bad(f"the environment variable MODEL_METADATA is no YAML: {reason(error)}") from error
    return _checked(_defaults(identity) | given)


def _defaults(identity: Identity) -> dict[str, Any]:
    name, colon, version = identity.image.rpartition(":")
    if not colon or "/" in version:
        name, version = identity.image, ""
    return {"name": name, "versions": [version], "platform": "", "inputs": [], "outputs": [], "custom": {}}


def _mapping(value: Any, source: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise _bad(f"{source} gives {type(value).__name__} where a mapping belongs")
    return dict(value)


def _checked(document: dict[str, Any]) -> dict[str, Any]:
    for field in ("name", "platform"):
        if not isinstance(document[field], str):
            raise _bad(f"{field} must be a string, and is {document[field]!r}")
    for field in _LISTS:
        if not isinstance(document[field], list):
            raise _bad(f"{field} must be a list, and is {document[field]!r}")
    if not all(isinstance(version, str) for version in document["versions"]):
        raise _bad(f"versions must be a list of strings, and is {document['versions']!r}")
    if not isinstance(document["custom"], Mapping):
        raise _bad(f"custom must be a mapping, and is {document['custom']!r}")
    return document


def _bad(what: str) -> MicroserviceError:
    return MicroserviceError(f"The component's metadata is wrong: {what}", 500, BAD_METADATA)
