"""Predictions of an embedded executor without a coroutine: one node, in this process, asked by one call.

What Walk and RestNodes do to such a request, on the shortest way: a task and the coroutines in it would cost more than
the prediction. Whatever else there is to do on the way (a logger, a router, a time-out) takes the long one.
"""

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from seldon_core.transport.calls import Inside, fields_of
from seldon_core.transport.later import Later
from seldon_core.transport.messages import Request, Response

from .escape import escaped
from .failures import CRASH, failure
from .headers import Fields, HeaderRules, described, puid_of
from .message import JSON_LENGTH
from .metrics import ExecutorMetrics
from .nodes import Node, Step
from .paths import Paths
from .routes import Route

_LOG = logging.getLogger(__name__)


def is_possible(root: Node) -> bool:
    """Whether the whole graph is one prediction by one node."""
    shapes = root.transforms_output or root.routes or root.aggregates
    return root.input_step is Step.PREDICT and not root.children and not shapes and root.logger is None


class OneNode:
    """What a graph of one node does to each answer. `paths` are those of the node's protocol."""

    def __init__(self, root: Node, paths: Paths, metrics: ExecutorMetrics, rules: HeaderRules) -> None:
        self.root = root
        self._paths = paths
        self._metrics = metrics
        self._rules = rules

    def path(self, model: str) -> str:
        """Where the node is asked for predictions of the model that the client named."""
        return self._paths(Step.PREDICT, model or self.root.name)

    def shaped(self, way: "Way", status: int, description: tuple[str, str, str], body: bytes) -> Response:
        """The node's answer, in its parts, as the client gets it."""
        content_type, encoding, json_length = description
        if status == 200 and not (encoding or json_length):
            body = escaped(body)
        self._metrics.called(self.root, way.path, "POST", status, time.perf_counter() - way.begun)
        fields: Fields = ()
        if encoding:
            fields = (("Content-Encoding", encoding),)
        if json_length:
            fields = (*fields, (JSON_LENGTH, json_length))
        return self.finished(way, Response(status, body, content_type if body else "", fields))

    def finished(self, way: "Way", response: Response) -> Response:
        """An answer with the header fields of its route, counted."""
        route, request, status = way.route, way.request, response.status
        self._metrics.served(route.service, request.method, status, time.perf_counter() - way.begun)
        fields = self._rules.own(request, way.puid) + response.headers
        return Response(status, response.body, response.content_type, fields, self._rules.common(route.allowed))


class Direct(OneNode):
    """Answers predictions. `inside` leads to the node."""

    def __init__(self, root: Node, inside: Inside, paths: Paths, metrics: ExecutorMetrics, rules: HeaderRules) -> None:
        super().__init__(root, paths, metrics, rules)
        self._handle = inside.handle

    def predict(self, route: Route, request: Request, model: str) -> Response | Awaitable[Response]:
        """The graph's answer to a request on the route."""
        way = _Inside(self, route, request, self.path(model))
        answer = self._handle(Request("POST", way.path, b"", request.headers, request.body))
        if isinstance(answer, Response):
            return self.answered(way, answer)
        if isinstance(answer, Later):
            way.inner = answer
            answer.then(way.arrived)
            return way
        return self._awaited(way, answer)

    async def _awaited(self, way: "Way", answer: Awaitable[Response]) -> Response:
        return self.answered(way, await answer)

    def answered(self, way: "Way", answer: Response) -> Response:
        """The node's answer as the client gets it."""
        return self.shaped(way, answer.status, described(fields_of(answer)), answer.body)


class Way(Later):
    """One request on its way, and the promise of its answer."""

    __slots__ = ("begun", "inner", "path", "puid", "request", "route")

    def __init__(self, route: Route, request: Request, path: str) -> None:
        super().__init__()
        self.inner: Any = None
        """What the answer comes from: something that can be cancelled."""
        self.begun = time.perf_counter()
        self.path = path
        self.puid = puid_of(request)
        self.request = request
        self.route = route

    def keep(self, make: Callable[[], Response]) -> None:
        """Settle for what is made, and for an error where that fails: the client must not wait for ever."""
        try:
            answer = make()
        except Exception:  # noqa: BLE001 - as a connection has it: this request alone fails
            _LOG.exception("handler failed", extra={"server": "executor", "path": self.request.path})
            answer = failure(500, CRASH)
        self.settle(answer)

    def cancel(self) -> None:
        """Nobody waits any more: neither does the node's answer have to be made."""
        super().cancel()
        if self.inner is not None:
            self.inner.cancel()


class _Inside(Way):
    __slots__ = ("_direct",)

    def __init__(self, direct: Direct, route: Route, request: Request, path: str) -> None:
        super().__init__(route, request, path)
        self._direct = direct

    def arrived(self, answer: Response) -> None:
        """The node has answered."""
        self.keep(lambda: self._direct.answered(self, answer))
