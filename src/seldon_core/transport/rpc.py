"""The values of gRPC between the wire and a handler: requests, answers, statuses.

Bodies are the bytes of one message. Whoever needs one parsed does it: an orchestrator that only passes messages on
never does.
"""

from collections.abc import Awaitable, Callable
from enum import IntEnum

import msgspec

Metadata = tuple[tuple[str, str | bytes], ...]
"""Names in lower case. Values are bytes where the name ends in `-bin`."""


class Status(IntEnum):
    """The status codes of gRPC. Source: its protocol's statuscodes.md."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16

    @property
    def title(self) -> str:
        """The name as Go writes it, which v1.17.1's metrics show: Unknown, InvalidArgument."""
        if self in {Status.OK, Status.CANCELLED}:
            return "OK" if self is Status.OK else "Canceled"
        return self.name.title().replace("_", "")


class RpcRequest(msgspec.Struct, frozen=True):
    """One call. `method` is the full name: /package.Service/Method."""

    method: str
    metadata: Metadata
    body: bytes

    def get(self, name: str) -> str | None:
        """A textual field of the metadata, the first of its name."""
        for key, value in self.metadata:
            if key == name and isinstance(value, str):
                return value
        return None


class RpcAnswer(msgspec.Struct, frozen=True):
    """One answer. `metadata` goes before it."""

    body: bytes
    metadata: Metadata = ()


class RpcError(Exception):
    """A call that ends with another status than OK. Its text is what the caller reads; `metadata` goes before it."""

    def __init__(self, status: Status, text: str, metadata: Metadata = ()) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.metadata = metadata


RpcHandler = Callable[[RpcRequest], Awaitable[RpcAnswer]]
"""Answers or raises RpcError. Any other exception becomes INTERNAL, without its text."""

UNLIMITED = 2**31 - 1
"""The largest message that gRPC can carry, in bytes."""
