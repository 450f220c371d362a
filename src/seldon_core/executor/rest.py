"""Calling nodes over REST. Error texts are those of v1.17.1's orchestrator (specification 3)."""

import time

from seldon_core.transport.client import HttpPool
from seldon_core.transport.errors import CallError

from .message import JSON, GraphError, Message, NodeError, RawHeaders
from .metrics import ExecutorMetrics
from .nodes import Node


class RestNodes:
    """Nodes behind HTTP. `timeout` (seconds) bounds each call; None does not."""

    def __init__(self, pool: HttpPool, metrics: ExecutorMetrics, timeout: float | None) -> None:
        self._pool = pool
        self._metrics = metrics
        self._timeout = timeout

    async def call(self, node: Node, method: str, path: str, message: Message, headers: RawHeaders) -> Message:
        """One call. Raises NodeError for an answer other than 200, GraphError for none."""
        if method == "POST":
            headers = (*headers, (b"Content-Type", message.content_type.encode("latin-1")))
            if message.content_encoding:
                headers = (*headers, (b"Content-Encoding", message.content_encoding.encode("latin-1")))
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
                repeatable=path != node.feedback_path,
            )
        except CallError as error:
            raise GraphError(f'{method.capitalize()} "http://{node.address}{path}": {error}') from error
        self._metrics.called(node, path, method, answer.status, time.perf_counter() - begun)
        result = Message(
            answer.body,
            answer.headers.get("content-type") or JSON,
            answer.headers.get("content-encoding") or "",
        )
        if answer.status != 200:
            raise NodeError(answer.status, result)
        return result
