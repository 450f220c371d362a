"""The microservice's REST API: paths, methods, statuses and error shapes. Source: specification 4."""

import logging
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any

import msgspec
import orjson
from google.protobuf import json_format

from seldon_core.proto import prediction_pb2
from seldon_core.transport.later import Later
from seldon_core.transport.messages import Request, Response

from . import bodies, cors, jsontext, openapi, protojson
from .batching import Joined
from .calls import Calls
from .component import reason
from .errors import INTERNAL, LOADING, NOT_FOUND, NOT_READY, MicroserviceError, failure
from .infer_api import PREFIX
from .json_codec import JsonCodec
from .payload import Codec, Payload

_LOG = logging.getLogger(__name__)
_BOTH = frozenset({"GET", "HEAD", "POST"})
_READS = frozenset({"GET", "HEAD"})
_WRITES = frozenset({"POST"})

_JSON = JsonCodec()

_Method = Callable[[Calls, Any], Awaitable[Any]]
"""From a request's document to that of its answer."""


class _Route(msgspec.Struct, frozen=True):
    methods: frozenset[str]
    method: _Method
    joins: bool = False
    """Whether it is for predictions, which may be answered together."""


class _Joined(Joined[Response]):
    __slots__ = ("_calls", "_decoded", "_path")

    def __init__(self, calls: Calls, decoded: Payload, later: Later, path: str) -> None:
        super().__init__(later)
        self._calls = calls
        self._decoded = decoded
        self._path = path

    def answer(self, rows: Any) -> Response:
        return document_response(self._calls.joined(_JSON, self._decoded, rows))

    def failed(self, error: BaseException) -> Response:
        return _failed(error, self._path)


class MicroserviceApi:
    """Answers requests: 503 until `serve` gives it a loaded component. `handle` is a transport handler.

    `v2` answers those of the Open Inference Protocol. `passthrough`: bodies of predictions reach the class undecoded.
    """

    def __init__(self, v2: Callable[[Request], Response | Awaitable[Response]], *, passthrough: bool = False) -> None:
        self._v2 = v2
        self._passthrough = passthrough
        self._calls: Calls | None = None
        self._metadata: Response | None = None
        predict = _with_json(Calls.predict)
        self._routes = {
            "/predict": _Route(_BOTH, predict, joins=True),
            "/transform-input": _Route(_BOTH, _with_json(Calls.transform_input)),
            "/transform-output": _Route(_BOTH, _with_json(Calls.transform_output)),
            "/route": _Route(_BOTH, _with_json(Calls.route)),
            "/aggregate": _Route(_BOTH, _with_json(Calls.aggregate)),
            "/send-feedback": _Route(_BOTH, _feedback),
        }
        for version in ("v0.1", "v1.0"):
            self._routes[f"/api/{version}/predictions"] = _Route(_WRITES, predict, joins=True)
            self._routes[f"/api/{version}/feedback"] = _Route(_WRITES, _feedback)
        self._reads: dict[str, Callable[[Request], Response | Awaitable[Response]]] = {
            "/health/ping": lambda _: Response(200, b"pong", "text/html; charset=utf-8", common=cors.ANYBODY),
            "/health/status": self._health,
            "/api/v1.0/health/status": self._health,
            "/metadata": self._describe,
            "/api/v1.0/metadata": self._describe,
            openapi.PATH: _document,
        }

    def serve(self, calls: Calls, metadata: Response) -> None:
        """The component is loaded: answer from now on. `metadata` is what /metadata answers."""
        self._metadata = metadata
        self._calls = calls

    def handle(self, request: Request) -> Response | Awaitable[Response]:
        """Any request."""
        route = self._routes.get(request.path)
        if route is not None:
            if request.method in route.methods:
                calls = self._calls
                if route.joins and calls is not None and calls.batches:
                    return self._join(calls, route, request)
                return self._run(route, request)
            return _other(request, route.methods)
        read = self._reads.get(request.path)
        if read is not None:
            return read(request) if request.method in _READS else _other(request, _READS)
        if request.path == PREFIX or request.path.startswith(f"{PREFIX}/"):
            return self._v2(request)
        return failure(404, NOT_FOUND, f"The path {request.path} is not served; predictions are at /predict.")

    def _join(self, calls: Calls, route: _Route, request: Request) -> Response | Awaitable[Response]:
        """A prediction that is answered with others, without a coroutine of its own."""
        later = Later()
        try:
            decoded = _JSON.decode(bodies.document(request))
            if calls.join(decoded, _Joined(calls, decoded, later, request.path)):
                return later
        except Exception as error:  # noqa: BLE001 - as in _answered
            return _failed(error, request.path)
        return self._run(route, request)

    async def _run(self, route: _Route, request: Request) -> Response:
        calls = self._calls
        if calls is None:
            return _loading()
        if self._passthrough and route.joins:
            return await _passed(calls, request)

        async def act() -> Any:
            return await route.method(calls, bodies.document(request))

        return await _answered(act, request.path)

    async def _health(self, request: Request) -> Response:
        calls = self._calls
        return _loading() if calls is None else await _answered(calls.health_status, request.path)

    def _describe(self, _: Request) -> Response:
        return _loading() if self._metadata is None else self._metadata


def _with_json(method: Callable[[Calls, Codec, Any], Awaitable[Any]]) -> _Method:
    return lambda calls, document: method(calls, _JSON, document)


async def _feedback(calls: Calls, document: Any) -> Any:
    feedback = protojson.parse(document, prediction_pb2.Feedback(), "Invalid request data type")
    return json_format.MessageToDict(await calls.feedback(feedback))


async def _answered(act: Callable[[], Awaitable[Any]], path: str) -> Response:
    """An endpoint's answer, or the right error."""
    try:
        document = await act()
        return document_response(document)
    except Exception as error:  # noqa: BLE001 - a user's code may raise anything
        return _failed(error, path)


@cache
def _openapi() -> bytes:
    return orjson.dumps(openapi.made())


def _document(_: Request) -> Response:
    return Response(200, _openapi(), common=cors.ANYBODY)


def _failed(error: BaseException, path: str) -> Response:
    if isinstance(error, MicroserviceError):
        _LOG.info("request refused", extra={"path": path, "status": error.status, "info": error.info})
        return error.response()
    # Its text is the `info`, as in v1.17.1; the traceback goes to the log alone.
    _LOG.error("request failed", extra={"path": path}, exc_info=error)
    return failure(500, INTERNAL, str(error) or reason(error))


async def _passed(calls: Calls, request: Request) -> Response:
    """An answer of bytes or text is the body. Source: v1.17.1's Python package."""
    try:
        answer = await calls.passed(request.body)
        if isinstance(answer, (bytes, str)):
            body = answer.encode() if isinstance(answer, str) else answer
            return Response(200, body, common=cors.ANYBODY)
        return document_response(answer)
    except Exception as error:  # noqa: BLE001 - a user's code may raise anything
        return _failed(error, request.path)


def document_response(document: Any) -> Response:
    """A document as an answer. Raises TypeError where it has no JSON form."""
    return Response(_status(document), jsontext.dumps(document), common=cors.ANYBODY)


def _status(document: Any) -> int:
    """A raw method may set the HTTP status by `status.code`."""
    status = document.get("status") if isinstance(document, dict) else None
    code = status.get("code") if isinstance(status, dict) else None
    return code if isinstance(code, int) and 200 <= code <= 599 else 200


def _loading() -> Response:
    return failure(503, NOT_READY, LOADING)


def _other(request: Request, methods: frozenset[str]) -> Response:
    if request.method == "OPTIONS":
        return cors.options(request, methods)
    allowed = (("Allow", ", ".join(sorted({*methods, "OPTIONS"}))),)
    refused = failure(405, "MICROSERVICE_BAD_METHOD", f"{request.path} does not serve the method {request.method}.")
    return Response(405, refused.body, headers=allowed, common=cors.ANYBODY)
