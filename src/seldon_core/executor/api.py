"""The executor's REST API: headers, metrics and error shapes, the same in each protocol. Source: specification 3."""

import logging
import time
from collections.abc import Awaitable

import orjson

from seldon_core import __version__
from seldon_core.transport.calls import Inside
from seldon_core.transport.client import HttpPool
from seldon_core.transport.messages import Request, Response

from . import direct, logged, metadata, routes
from .direct import Direct
from .docs import Docs
from .escape import escaped
from .failures import failure
from .graph import Walk
from .headers import Fields, HeaderRules, described, forwarded, puid_of
from .health import Readiness
from .json_payloads import JsonPayloads, TensorflowJsonPayloads, V2JsonPayloads
from .logged import LoggedWalk
from .message import JSON_LENGTH, GraphError, Message, NodeError, Nodes
from .metrics import ExecutorMetrics
from .nodes import Node, Step, called, find
from .paths import Paths
from .relay import Relay
from .request_log import RequestLog
from .routes import PREDICTIONS, READS, Actions, Route
from .settings import Settings

_LOG = logging.getLogger(__name__)
_NOT_FOUND = Response(
    404, b"404 page not found\n", "text/plain; charset=utf-8", (("X-Content-Type-Options", "nosniff"),)
)
_NOT_ALLOWED = Response(405, b"", "")
_PAYLOADS = {"v2": V2JsonPayloads, "tensorflow": TensorflowJsonPayloads}


class _NotReadyError(Exception):
    """The graph cannot answer now."""


class ExecutorApi:
    """Answers requests. `handle` is a transport handler."""

    def __init__(
        self,
        root: Node,
        nodes: Nodes,
        readiness: Readiness,
        metrics: ExecutorMetrics,
        settings: Settings,
        *,
        log: RequestLog | None = None,
        inside: tuple[Inside | HttpPool, Paths] | None = None,
    ) -> None:
        """`inside` leads to a node without a coroutine, in this process or on kept connections, by the node's paths."""
        self._root = root
        self._log = log
        self._nodes = nodes
        self._readiness = readiness
        self._metrics = metrics
        self._settings = settings
        self._payloads = _PAYLOADS.get(settings.protocol, JsonPayloads)()
        self._rules = HeaderRules(settings)
        self._docs = Docs(settings)
        self._encodings = len(called(root)) == 1 and not settings.inject_routing
        self._direct: Direct | Relay | None = None
        if inside is not None and direct.is_possible(root) and not settings.inject_routing:
            link, paths = inside
            if isinstance(link, HttpPool):
                self._direct = Relay(root, link, paths, metrics, self._rules, otherwise=self._run, failed=self._failed)
            else:
                self._direct = Direct(root, link, paths, metrics, self._rules)
        actions = Actions(
            predict=self._predict,
            feedback=self._feedback,
            model_status=self._model_status,
            model_metadata=self._model_metadata,
            graph_metadata=self._graph_metadata,
            server_metadata=self._server_metadata,
            ready=self._ready,
            live=self._live,
        )
        self._routes = routes.of(settings.protocol, actions)

    def handle(self, request: Request) -> Response | Awaitable[Response]:
        """Any request."""
        route, model = self._routes.find(request.path)
        if route is None:
            return self._prometheus(request) if request.path == self._settings.prometheus_path else self._doc(request)
        if request.method == "OPTIONS":
            return Response(200, b"", "", self._rules.of_answer(request, puid_of(request), route.allowed))
        if request.method not in route.methods:
            return _NOT_ALLOWED
        if self._direct is not None and route.service == PREDICTIONS:
            return self._direct.predict(route, request, model)
        return self._run(route, request, model)

    def service(self, path: str) -> str:
        """What metrics and spans call a path; "" for one of neither."""
        route, _ = self._routes.find(path)
        return "" if route is None else route.service

    def _prometheus(self, request: Request) -> Response:
        if request.method not in READS:
            return _NOT_ALLOWED
        body, content_type = self._metrics.exposition()
        return Response(200, body, content_type)

    def _doc(self, request: Request) -> Response:
        """The documentation, or that there is nothing: of the documentation's folder with the fields of known paths."""
        page = self._docs.find(request.path)
        if page is None:
            return _NOT_FOUND
        if request.method not in READS:
            return _NOT_ALLOWED
        fields = self._rules.of_answer(request, puid_of(request), "")
        return Response(page.status, page.body, page.content_type, fields)

    async def _run(self, route: Route, request: Request, model: str) -> Response:
        begun = time.perf_counter()
        puid = puid_of(request)
        response = await self._outcome(route, request, puid, model)
        if route.service:
            self._metrics.served(route.service, request.method, response.status, time.perf_counter() - begun)
        own = self._rules.own(request, puid) + response.headers
        return Response(response.status, response.body, response.content_type, own, self._rules.common(route.allowed))

    async def _outcome(self, route: Route, request: Request, puid: str, model: str) -> Response:
        try:
            answer = await route.act(request, puid, model)
        except NodeError as error:
            return _as_is(error.status, error.message, error.message.body)
        except GraphError as error:
            return self._failed(request, puid, error)
        except _NotReadyError:
            return Response(503, b"", "")
        if answer is None:
            return Response(200, b"", "")
        packed = answer.content_encoding or answer.json_length
        return _as_is(200, answer, answer.body if packed else escaped(answer.body))

    def _failed(self, request: Request, puid: str, error: GraphError) -> Response:
        _LOG.warning("graph failed", extra={"puid": puid, "path": request.path, "info": str(error)})
        return failure(500, str(error))

    # actions

    async def _predict(self, request: Request, puid: str, model: str) -> Message:
        """An answer of the whole graph."""
        walk = self._walk(request, puid, model)
        answer = await walk.predict(self._root, _message(request))
        return self._payloads.inject(answer, walk.decisions) if self._settings.inject_routing else answer

    async def _feedback(self, request: Request, puid: str, model: str) -> Message:
        """The root's answer to a feedback; the feedback itself in protocols that have none."""
        message = _message(request)
        if self._settings.protocol:
            return message
        decisions = self._payloads.decisions(message) if self._root.children else {}
        return await self._walk(request, puid, model).feedback(self._root, message, decisions)

    def _walk(self, request: Request, puid: str, model: str) -> Walk:
        headers = forwarded(request, puid, encodings=self._encodings)
        # The root's name stands for the graph, in which each node has its own.
        of_graph = bool(self._root.children) and model == self._root.name
        nodes = self._nodes if of_graph else self._nodes.named(model)
        if self._log is None or logged.is_skipped(request.headers.get(logged.SKIP)):
            return Walk(nodes, self._payloads, headers)
        return LoggedWalk(nodes, self._payloads, headers, self._log, puid)

    async def _model_status(self, request: Request, puid: str, model: str) -> Message:
        """A node's own word on its health."""
        return await self._ask(request, puid, model, Step.STATUS)

    async def _model_metadata(self, request: Request, puid: str, model: str) -> Message:
        """A node's metadata."""
        return await self._ask(request, puid, model, Step.METADATA)

    async def _ask(self, request: Request, puid: str, model: str, step: Step) -> Message:
        node = find(self._root, model)
        if node is None or not node.host:
            raise GraphError(f"Failed to find model {model}")
        return await self._nodes.call(node, step, Message(b""), forwarded(request, puid, encodings=True))

    async def _server_metadata(self, _request: Request, _puid: str, _model: str) -> Message:
        """What this server is, in the protocol v2."""
        return Message(orjson.dumps({"name": "seldon-core", "version": __version__, "extensions": []}))

    async def _graph_metadata(self, request: Request, puid: str, _: str) -> Message:
        """The metadata of all nodes."""
        headers = forwarded(request, puid, encodings=False)
        return await metadata.of_graph(self._nodes, self._root, self._settings.predictor, headers)

    async def _ready(self, _request: Request, _puid: str, _model: str) -> None:
        """Nothing, where the graph can answer. Raises where it cannot."""
        if not await self._readiness.ready():
            raise _NotReadyError

    async def _live(self, _request: Request, _puid: str, _model: str) -> None:
        """Nothing: this process answers."""


def _message(request: Request) -> Message:
    return Message(request.body, *described(request.headers))


def _as_is(status: int, message: Message, body: bytes) -> Response:
    fields: Fields = (("Content-Encoding", message.content_encoding),) if message.content_encoding else ()
    if message.json_length:
        fields = (*fields, (JSON_LENGTH, message.json_length))
    return Response(status, body, message.content_type if body else "", fields)
