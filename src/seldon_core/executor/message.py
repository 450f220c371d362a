"""What travels through the graph: payload bytes that nobody parses without need, and how a step can fail."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from .nodes import Node, Step

RawHeaders = tuple[tuple[bytes, bytes], ...]
JSON = "application/json"
JSON_LENGTH = "Inference-Header-Content-Length"


class Message(msgspec.Struct, frozen=True):
    """A payload with the header fields that say how to read it."""

    body: bytes
    content_type: str = JSON
    content_encoding: str = ""
    json_length: str = ""
    """Of a body of the protocol v2 with binary tensors: the bytes before them."""
    answered: bool = False
    """A node's answer, as opposed to the client's request."""


class NodeError(Exception):
    """A node answered something else than 200: its status and body are the answer of the whole graph."""

    def __init__(self, status: int, message: Message) -> None:
        super().__init__(f"a node answered {status}")
        self.status = status
        self.message = message


class GraphError(Exception):
    """No answer: a node could not be called, or said something that the graph cannot follow. Its text is the `info`."""


class Nodes(Protocol):
    """How nodes are called: over REST, over gRPC, or inside the same process."""

    async def call(self, node: Node, step: Step, message: Message, headers: RawHeaders) -> Message:
        """One step of one node. Raises NodeError, GraphError, or over gRPC RpcError with the node's own status."""
        ...  # pragma: no cover

    def named(self, name: str) -> "Nodes":
        """The same nodes, all asked for the model `name`; the nodes' own names where that is empty."""
        ...  # pragma: no cover


class Payloads(Protocol):
    """The form of the messages, for the few places where the graph has to look into one or to join several."""

    def chain(self, message: Message, name: str) -> Message:
        """What the node `name` is asked with: an answer becomes a request. Raises GraphError."""
        ...  # pragma: no cover

    def routed(self, message: Message, name: str) -> Message:
        """What the router `name` is asked with. Raises GraphError."""
        ...  # pragma: no cover

    def join(self, answers: Sequence[Message], name: str) -> Message:
        """What the combiner `name` is asked with. Raises GraphError."""
        ...  # pragma: no cover

    def branch(self, answer: Message, router: str, children: int) -> int:
        """The child that a router's answer names, or ALL_CHILDREN, NO_CHILDREN. Raises GraphError."""
        ...  # pragma: no cover

    def decisions(self, feedback: Message) -> Mapping[str, Any]:
        """The decisions in a feedback's `response.meta.routing`; none where it cannot be read."""
        ...  # pragma: no cover

    def inject(self, answer: Message, decisions: Mapping[str, int]) -> Message:
        """The answer with `meta.routing`. Answers without a meta object stay as they are, byte for byte."""
        ...  # pragma: no cover
