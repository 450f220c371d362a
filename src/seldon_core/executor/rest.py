"""Calling nodes over REST. Error texts are those of v1.17.1's orchestrator (specification 3)."""

import time

from seldon_core.transport.client import HttpPool
from seldon_core.transport.errors import CallError

from .message import JSON, JSON_LENGTH, GraphError, Message, NodeError, RawHeaders
from .metrics import ExecutorMetrics
from .nodes import Node, Step
from .paths import Paths

_READS = frozenset({Step.STATUS, Step.METADATA})


class RestNodes:
    """Nodes behind HTTP. `timeout` (seconds) bounds each call; None does not.

    `paths` are those of the protocol; `name` takes the place of each node's own in them.
    """

    def __init__(
        self, pool: HttpPool, metrics: ExecutorMetrics, timeout: float | None, paths: Paths, name: str = ""
    ) -> None:
        self._pool = pool
        self._metrics = metrics
        self._timeout = timeout
        self._paths = paths
        self._name = name

    def named(self, name: str) -> "RestNodes":
        """The same nodes, all asked for the model `name`: the one in the client's path. Source: specification 3."""
        return RestNodes(self._pool, self._metrics, self._timeout, self._paths, name) if name else self

    async def call(self, node: Node, step: Step, message: Message, headers: RawHeaders) -> Message:
        """One call. Raises NodeError for an answer other than 200, GraphError for none."""
        path, method = self._paths(step, self._name or node.name), "GET" if step in _READS else "POST"
        if method == "POST":
            headers = (*headers, (b"Content-Type", message.content_type.encode("latin-1")))
            if message.content_encoding:
                headers = (*headers, (b"Content-Encoding", message.content_encoding.encode("latin-1")))
            if message.json_length:
                headers = (*headers, (JSON_LENGTH.encode(), message.json_length.encode("latin-1")))
        begun = time.perf_counter()
        try:
            answer = await self._pool.request(
                node.host,
                node.port,
                method,
                path,
                headers=headers,
                body=message.body,
                timeout=self._timeout,
                # A reward that is counted twice is worse than one that its sender sees fail.
                repeatable=step is not Step.FEEDBACK,
            )
        except CallError as error:
            raise GraphError(f'{method.capitalize()} "http://{node.address}{path}": {error}') from error
        self._metrics.called(node, path, method, answer.status, time.perf_counter() - begun)
        result = Message(
            answer.body,
            answer.headers.get("content-type") or JSON,
            answer.headers.get("content-encoding") or "",
            answer.headers.get(JSON_LENGTH) or "",
            answered=True,
        )
        if answer.status != 200:
            raise NodeError(answer.status, result)
        return result
