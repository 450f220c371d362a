"""What travels through the graph: payload bytes that nobody parses without need, and how a step can fail."""

from typing import Protocol

import msgspec

from .nodes import Node

RawHeaders = tuple[tuple[bytes, bytes], ...]
JSON = "application/json"


class Message(msgspec.Struct, frozen=True):
    """A payload with the two header fields that say how to read it."""

    body: bytes
    content_type: str = JSON
    content_encoding: str = ""


class NodeError(Exception):
    """A node answered something else than 200: its status and body are the answer of the whole graph."""

    def __init__(self, status: int, message: Message) -> None:
        super().__init__(f"a node answered {status}")
        self.status = status
        self.message = message


class GraphError(Exception):
    """No answer: a node could not be called, or said something that the graph cannot follow. Its text is the `info`."""


class Nodes(Protocol):
    """How nodes are called; over REST, or inside the same process."""

    async def call(self, node: Node, method: str, path: str, message: Message, headers: RawHeaders) -> Message:
        """One step of one node. Raises NodeError, GraphError."""
        ...  # pragma: no cover
