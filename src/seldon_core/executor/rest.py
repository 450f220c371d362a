"""Calling nodes over REST. Error texts are those of v1.17.1's orchestrator (specification 3)."""

import time
from functools import lru_cache

from seldon_core.transport.calls import HttpCalls
from seldon_core.transport.errors import CallError

from .headers import described
from .message import JSON_LENGTH, GraphError, Message, NodeError, RawHeaders
from .metrics import ExecutorMetrics
from .nodes import Node, Step
from .paths import Paths

_READS = frozenset({Step.STATUS, Step.METADATA})


class RestNodes:
    """Nodes behind HTTP. `timeout` (seconds) bounds each call; None does not.

    `paths` are those of the protocol; `name` takes the place of each node's own in them.
    """

    def __init__(
        self, pool: HttpCalls, metrics: ExecutorMetrics, timeout: float | None, paths: Paths, name: str = ""
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
            # Before the others: the last one is the puid, which alone differs from request to request.
            headers = describing(message.content_type, message.content_encoding, message.json_length) + headers
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
            raise unanswered(node, path, method, error) from error
        self._metrics.called(node, path, method, answer.status, time.perf_counter() - begun)
        result = Message(answer.body, *described(answer.headers), answered=True)
        if answer.status != 200:
            raise NodeError(answer.status, result)
        return result


def unanswered(node: Node, path: str, method: str, error: CallError) -> GraphError:
    """That a node gave no answer."""
    return GraphError(f'{method.capitalize()} "http://{node.address}{path}": {error}')


@lru_cache(maxsize=64)
def describing(content_type: str, content_encoding: str, json_length: str) -> RawHeaders:
    """The fields that say how to read a body."""
    fields: RawHeaders = ((b"Content-Type", content_type.encode("latin-1")),)
    if content_encoding:
        fields = (*fields, (b"Content-Encoding", content_encoding.encode("latin-1")))
    if json_length:
        fields = (*fields, (JSON_LENGTH.encode(), json_length.encode("latin-1")))
    return fields
