"""The Kubernetes client as the project uses it: verbs over plain dicts, watch, informer, typed errors.

The only room that imports a Kubernetes client library (lightkube, see docs/adr/0001-kubernetes-client.md).
Imports nothing of ours.
"""

from .client import Client, ObjectList
from .errors import (
    AlreadyExistsError,
    ApiError,
    BadRequestError,
    ConflictError,
    FencedError,
    ForbiddenError,
    GoneError,
    InvalidError,
    NotFoundError,
    OverloadedError,
    UnreachableError,
)
from .informer import Event, EventType, Informer, Timings
from .lease import Elector, LeaseTimings
from .resources import Object, Resource, key_of
from .store import Store

__all__ = [
    "AlreadyExistsError",
    "ApiError",
    "BadRequestError",
    "Client",
    "ConflictError",
    "Elector",
    "Event",
    "EventType",
    "FencedError",
    "ForbiddenError",
    "GoneError",
    "Informer",
    "InvalidError",
    "LeaseTimings",
    "NotFoundError",
    "Object",
    "ObjectList",
    "OverloadedError",
    "Resource",
    "Store",
    "Timings",
    "UnreachableError",
    "key_of",
]
