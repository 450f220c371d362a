"""Predictions of a sidecar without a coroutine: one node, asked on a connection that is kept to it.

As direct.py, with a connection on the way. Where none is kept, or the kept one turns out to be closed, the request
takes the long way, which makes one.
"""

import asyncio
from collections.abc import Awaitable, Callable

from seldon_core.transport.client import HttpPool
from seldon_core.transport.client_connection import ClientConnection, ClientResponse
from seldon_core.transport.errors import CallError, ConnectionClosedError
from seldon_core.transport.messages import Request, Response

from .direct import OneNode, Way
from .headers import HeaderRules, described, forwarded
from .message import GraphError
from .metrics import ExecutorMetrics
from .nodes import Node
from .paths import Paths
from .rest import describing, unanswered
from .routes import Route

Long = Callable[[Route, Request, str], Awaitable[Response]]
"""How a request is answered otherwise."""
Failed = Callable[[Request, str, GraphError], Response]
"""The answer where a node gave none; the text is the puid."""


class Relay(OneNode):
    """Answers predictions."""

    def __init__(
        self,
        root: Node,
        pool: HttpPool,
        paths: Paths,
        metrics: ExecutorMetrics,
        rules: HeaderRules,
        *,
        otherwise: Long,
        failed: Failed,
    ) -> None:
        super().__init__(root, paths, metrics, rules)
        self._pool = pool
        self._otherwise = otherwise
        self._failed = failed

    def predict(self, route: Route, request: Request, model: str) -> Awaitable[Response]:
        """The graph's answer to a request on the route."""
        node = self.root
        way = _Relayed(self, route, request, self.path(model))
        headers = describing(*described(request.headers)) + forwarded(request, way.puid, encodings=True)
        way.connection = self._pool.begin(
            node.host, node.port, "POST", way.path, headers=headers, body=request.body, receiver=way
        )
        if way.connection is None:
            return self._otherwise(route, request, model)
        way.otherwise = lambda: self._otherwise(route, request, model)
        return way

    def relayed(self, way: "_Relayed", answer: ClientResponse) -> Response:
        """The node's answer as the client gets it."""
        if way.connection is not None:
            self._pool.give_back(way.connection, self.root.host, self.root.port)
        return self.shaped(way, answer.status, described(answer.headers), answer.body)

    def refused(self, way: "_Relayed", error: CallError) -> Response:
        """The client's answer where there is none of the node."""
        response = self._failed(way.request, way.puid, unanswered(self.root, way.path, "POST", error))
        return self.finished(way, response)


class _Relayed(Way):
    """One request on its way."""

    __slots__ = ("_relay", "connection", "otherwise")

    def __init__(self, relay: Relay, route: Route, request: Request, path: str) -> None:
        super().__init__(route, request, path)
        self._relay = relay
        self.connection: ClientConnection | None = None
        self.otherwise: Callable[[], Awaitable[Response]] | None = None

    def set_result(self, result: ClientResponse, /) -> None:
        """The node has answered."""
        self.keep(lambda: self._relay.relayed(self, result))

    def set_exception(self, exception: CallError, /) -> None:
        """It has not: a kept connection may have been closed a moment ago, then it is asked once more."""
        if self.otherwise is not None and isinstance(exception, ConnectionClosedError) and not exception.begun:
            self.connection = None
            self.inner = again = asyncio.ensure_future(self.otherwise())
            again.add_done_callback(self._asked_again)
        else:
            self.keep(lambda: self._relay.refused(self, exception))

    def _asked_again(self, again: "asyncio.Future[Response]") -> None:
        if not again.cancelled():
            self.keep(again.result)

    def cancel(self) -> None:
        """Nobody waits any more: the node is told by its connection's end, and its answer reaches nobody else."""
        super().cancel()
        if self.connection is not None:
            self.connection.close()
