"""The microservice's REST API: paths, methods, statuses and error shapes. Source: specification 4."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from google.protobuf import json_format

from seldon_core.proto import prediction_pb2
from seldon_core.transport.messages import Request, Response

from . import bodies, jsontext, protojson
from .calls import Calls
from .component import reason
from .errors import INTERNAL, LOADING, NOT_FOUND, NOT_READY, MicroserviceError, failure
from .infer_api import PREFIX
from .json_codec import JsonCodec
from .payload import Codec

_LOG = logging.getLogger(__name__)
_CORS = (("Access-Control-Allow-Origin", "*"),)
_BOTH = frozenset({"GET", "HEAD", "POST"})
_READS = frozenset({"GET", "HEAD"})
_WRITES = frozenset({"POST"})

_JSON = JsonCodec()

_Method = Callable[[Calls, Any], Awaitable[Any]]
"""From a request's document to that of its answer."""


class _Route(msgspec.Struct, frozen=True):
    methods: frozenset[str]
    method: _Method


class MicroserviceApi:
    """Answers requests: 503 until `serve` gives it a loaded component. `handle` is a transport handler.

    `v2` answers those of the Open Inference Protocol.
    """

    def __init__(self, v2: Callable[[Request], Awaitable[Response]]) -> None:
        self._v2 = v2
        self._calls: Calls | None = None
        self._metadata: Response | None = None
        predict = _with_json(Calls.predict)
        self._routes = {
            "/predict": _Route(_BOTH, predict),
            "/transform-input": _Route(_BOTH, _with_json(Calls.transform_input)),
            "/transform-output": _Route(_BOTH, _with_json(Calls.transform_output)),
            "/route": _Route(_BOTH, _with_json(Calls.route)),
            "/aggregate": _Route(_BOTH, _with_json(Calls.aggregate)),
            "/send-feedback": _Route(_BOTH, _feedback),
        }
        for version in ("v0.1", "v1.0"):
            self._routes[f"/api/{version}/predictions"] = _Route(_WRITES, predict)
            self._routes[f"/api/{version}/feedback"] = _Route(_WRITES, _feedback)
        self._reads: dict[str, Callable[[Request], Response | Awaitable[Response]]] = {
            "/health/ping": lambda _: Response(200, b"pong", "text/html; charset=utf-8", _CORS),
            "/health/status": self._health,
            "/api/v1.0/health/status": self._health,
            "/metadata": self._describe,
            "/api/v1.0/metadata": self._describe,
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
                return self._run(route, request)
            return _other(request, route.methods)
        read = self._reads.get(request.path)
        if read is not None:
            return read(request) if request.method in _READS else _other(request, _READS)
        if request.path == PREFIX or request.path.startswith(f"{PREFIX}/"):
            return self._v2(request)
        return failure(404, NOT_FOUND, f"The path {request.path} is not served; predictions are at /predict.")

    async def _run(self, route: _Route, request: Request) -> Response:
        calls = self._calls
        if calls is None:
            return _loading()

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
    except MicroserviceError as error:
        _LOG.info("request refused", extra={"path": path, "status": error.status, "info": error.info})
        return error.response()
    except Exception as error:  # noqa: BLE001 - a user's code may raise anything
        # Its text is the `info`, as in v1.17.1; the traceback goes to the log alone.
        _LOG.exception("request failed", extra={"path": path})
        return failure(500, INTERNAL, str(error) or reason(error))


def document_response(document: Any) -> Response:
    """A document as an answer. Raises TypeError where it has no JSON form."""
    return Response(_status(document), jsontext.dumps(document), headers=_CORS)


def _status(document: Any) -> int:
    """A raw method may set the HTTP status by `status.code`."""
    status = document.get("status") if isinstance(document, dict) else None
    code = status.get("code") if isinstance(status, dict) else None
    return code if isinstance(code, int) and 200 <= code <= 599 else 200


def _loading() -> Response:
    return failure(503, NOT_READY, LOADING)


def _other(request: Request, methods: frozenset[str]) -> Response:
    allowed = (("Allow", ", ".join(sorted({*methods, "OPTIONS"}))),)
    if request.method == "OPTIONS":
        return Response(200, b"", "", (*_CORS, *allowed))
    refused = failure(405, "MICROSERVICE_BAD_METHOD", f"{request.path} does not serve the method {request.method}.")
    return Response(405, refused.body, headers=allowed)
