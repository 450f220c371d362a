"""The executor's REST API of the Seldon protocol: paths, methods, headers and error shapes. Source: specification 3."""

import logging
import time
from collections.abc import Awaitable, Callable

import msgspec
import orjson

from seldon_core.transport.messages import Request, Response

from . import metadata, routing
from .escape import escaped
from .graph import Walk
from .headers import Fields, HeaderRules, forwarded, puid_of
from .health import Readiness
from .message import JSON, GraphError, Message, NodeError, Nodes
from .metrics import ExecutorMetrics
from .nodes import Node, called, find
from .settings import Settings

_LOG = logging.getLogger(__name__)
_NOT_FOUND = Response(
    404, b"404 page not found\n", "text/plain; charset=utf-8", (("X-Content-Type-Options", "nosniff"),)
)
_NOT_ALLOWED = Response(405, b"", "")
_READS = frozenset({"GET", "HEAD"})

_Action = Callable[[Request, str, str], Awaitable[Message | None]]
"""From a request, its puid and the model named in its path to the answer; None for an empty one."""


class _Route(msgspec.Struct, frozen=True):
    service: str
    methods: frozenset[str]
    allowed: str
    act: _Action


def failure(status: int, info: str) -> Response:
    """An error of the executor's own."""
    body = orjson.dumps({"status": {"code": status, "info": info, "status": "FAILURE"}})
    return Response(status, body, JSON)


class _NotReadyError(Exception):
    """The graph cannot answer now."""


class ExecutorApi:
    """Answers requests. `handle` is a transport handler."""

    def __init__(
        self, root: Node, nodes: Nodes, readiness: Readiness, metrics: ExecutorMetrics, settings: Settings
    ) -> None:
        self._root = root
        self._nodes = nodes
        self._readiness = readiness
        self._metrics = metrics
        self._settings = settings
        self._rules = HeaderRules(settings)
        self._encodings = len(called(root)) == 1 and not settings.inject_routing
        predictions = _Route("predictions", frozenset({"POST"}), "OPTIONS,POST", self._predict)
        feedback = _Route("feedback", frozenset({"POST"}), "OPTIONS,POST", self._feedback)
        ready = _Route("", _READS, "GET,OPTIONS", self._ready)
        model_status = _Route("status", _READS, "GET,OPTIONS", self._model_status)
        model_metadata = _Route("metadata", _READS, "GET,OPTIONS", self._model_metadata)
        self._exact = {
            "/ready": _Route("", _READS, "", self._ready),
            "/live": _Route("", _READS, "", self._live),
            "/api/v1.0/status": ready,
            "/api/v1.0/health/status": ready,
            "/api/v1.0/metadata": _Route("metadata", _READS, "GET,OPTIONS", self._graph_metadata),
        }
        self._below: dict[str, _Route] = {}
        for version in ("v0.1", "v1.0"):
            self._exact[f"/api/{version}/predictions"] = predictions
            self._exact[f"/api/{version}/feedback"] = feedback
            self._below[f"/api/{version}/status"] = model_status
            self._below[f"/api/{version}/metadata"] = model_metadata

    def handle(self, request: Request) -> Response | Awaitable[Response]:
        """Any request."""
        route, model = self._exact.get(request.path), ""
        if route is None:
            if request.path == self._settings.prometheus_path:
                return self._prometheus(request)
            folder, _, model = request.path.rpartition("/")
            route = self._below.get(folder) if model else None
            if route is None:
                return _NOT_FOUND
        if request.method == "OPTIONS":
            return Response(200, b"", "", self._rules.of_answer(request, puid_of(request), route.allowed))
        if request.method not in route.methods:
            return _NOT_ALLOWED
        return self._run(route, request, model)

    def _prometheus(self, request: Request) -> Response:
        if request.method not in _READS:
            return _NOT_ALLOWED
        body, content_type = self._metrics.exposition()
        return Response(200, body, content_type)

    async def _run(self, route: _Route, request: Request, model: str) -> Response:
        begun = time.perf_counter()
        puid = puid_of(request)
        response = await self._outcome(route, request, puid, model)
        if route.service:
            self._metrics.served(route.service, request.method, response.status, time.perf_counter() - begun)
        fields = self._rules.of_answer(request, puid, route.allowed)
        return Response(response.status, response.body, response.content_type, fields + response.headers)

    async def _outcome(self, route: _Route, request: Request, puid: str, model: str) -> Response:
        try:
            answer = await route.act(request, puid, model)
        except NodeError as error:
            return _as_is(error.status, error.message, error.message.body)
        except GraphError as error:
            _LOG.warning("graph failed", extra={"puid": puid, "path": request.path, "info": str(error)})
            return failure(500, str(error))
        except _NotReadyError:
            return Response(503, b"", "")
        if answer is None:
            return Response(200, b"", "")
        return _as_is(200, answer, answer.body if answer.content_encoding else escaped(answer.body))

    # actions

    async def _predict(self, request: Request, puid: str, _: str) -> Message:
        walk = Walk(self._nodes, forwarded(request, puid, encodings=self._encodings))
        answer = await walk.predict(self._root, _message(request))
        return routing.inject(answer, walk.decisions) if self._settings.inject_routing else answer

    async def _feedback(self, request: Request, puid: str, _: str) -> Message:
        decisions = routing.of_feedback(request.body) if self._root.children else {}
        walk = Walk(self._nodes, forwarded(request, puid, encodings=self._encodings))
        return await walk.feedback(self._root, _message(request), decisions)

    async def _model_status(self, request: Request, puid: str, model: str) -> Message:
        return await self._ask(request, puid, model, "/health/status")

    async def _model_metadata(self, request: Request, puid: str, model: str) -> Message:
        return await self._ask(request, puid, model, "/metadata")

    async def _ask(self, request: Request, puid: str, model: str, path: str) -> Message:
        node = find(self._root, model)
        if node is None or not node.host:
            raise GraphError(f"Failed to find model {model}")
        return await self._nodes.call(node, "GET", path, Message(b""), forwarded(request, puid, encodings=True))

    async def _graph_metadata(self, request: Request, puid: str, _: str) -> Message:
        headers = forwarded(request, puid, encodings=False)
        return await metadata.of_graph(self._nodes, self._root, self._settings.predictor, headers)

    async def _ready(self, _request: Request, _puid: str, _model: str) -> None:
        if not await self._readiness.ready():
            raise _NotReadyError

    async def _live(self, _request: Request, _puid: str, _model: str) -> None:
        return None


def _message(request: Request) -> Message:
    headers = request.headers
    return Message(request.body, headers.get("content-type") or JSON, headers.get("content-encoding") or "")


def _as_is(status: int, message: Message, body: bytes) -> Response:
    encoding: Fields = (("Content-Encoding", message.content_encoding),) if message.content_encoding else ()
    return Response(status, body, message.content_type if body else "", encoding)
