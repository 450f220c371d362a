"""The Open Inference Protocol (v2) over REST: paths, statuses, error shape. Source: its inference_rest.md.

`live` and `ready` are answered 200 or 503; errors are `{"error": "..."}`.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from seldon_core import __version__
from seldon_core.transport.later import Later
from seldon_core.transport.messages import Request, Response

from . import jsontext
from .batching import Joined
from .component import reason
from .errors import LOADING, MicroserviceError
from .infer_calls import InferCalls
from .infer_json import Asked, AskedTogether

_LOG = logging.getLogger(__name__)
PREFIX = "/v2"
NAME = "seldon-core"
EXTENSIONS = ("binary_tensor_data",)
_READS = frozenset({"GET", "HEAD"})
_WRITES = frozenset({"POST"})


class _Joined(Joined[Response]):
    __slots__ = ("_asked", "_calls", "_model", "_path")

    def __init__(self, calls: InferCalls, asked: Asked, later: Later, model: str, path: str) -> None:
        super().__init__(later)
        self._asked = asked
        self._calls = calls
        self._model = model
        self._path = path

    def answer(self, rows: Any) -> Response:
        calls, asked = self._calls, self._asked
        return asked.answer(calls.joined(asked.infer, rows), self._model, calls.version)

    def failed(self, error: BaseException) -> Response:
        return _failed(error, self._path)


class InferApi:
    """Answers requests whose path begins with /v2. `ready` says whether the component is well."""

    def __init__(self, ready: Callable[[], Awaitable[bool]]) -> None:
        self._ready = ready
        self._calls: InferCalls | None = None

    def serve(self, calls: InferCalls) -> None:
        """The component is loaded: answer from now on."""
        self._calls = calls

    def handle(self, request: Request) -> Response | Awaitable[Response]:
        """Any request below /v2."""
        words = request.path.removeprefix(PREFIX).strip("/").split("/")
        calls = self._calls
        if calls is not None and calls.batches and request.method in _WRITES and words[-1] == "infer":
            try:
                later = self._join(calls, request, words)
            except Exception as error:  # noqa: BLE001 - as in _alone
                return _failed(error, request.path)
            if later is not None:
                return later
        return self._alone(request, words)

    def _join(self, calls: InferCalls, request: Request, words: list[str]) -> Later | None:
        """The promise of an inference that is answered with others; None for one that has to be answered alone."""
        match words:
            case ["models", model, *rest] if model and _without_version(rest) == ["infer"]:
                calls.check(model)
                asked, later = Asked(request), Later()
                joined = calls.join(asked.infer, _Joined(calls, asked, later, model, request.path))
                return later if joined else None
        return None

    async def _alone(self, request: Request, words: list[str]) -> Response:
        try:
            return await self._answer(request, words)
        except Exception as error:  # noqa: BLE001 - a user's code may raise anything
            return _failed(error, request.path)

    async def _answer(self, request: Request, words: list[str]) -> Response:
        match words:
            case [""]:
                return _read(request, {"name": NAME, "version": __version__, "extensions": EXTENSIONS})
            case ["health", "live"]:
                return _read(request, {"live": True})
            case ["health", "ready"]:
                return await self._readiness(request, {})
            case ["models", model, *rest] if model:
                return await self._model(request, model, _without_version(rest))
        raise MicroserviceError(f"The path {request.path} is not served.", 404)

    async def _model(self, request: Request, model: str, rest: list[str]) -> Response:
        calls = self._calls
        if calls is not None:
            calls.check(model)
        match rest:
            case ["ready"]:
                return await self._readiness(request, {"name": model})
            case ["infer" | "route" | "aggregate" as step]:
                if request.method not in _WRITES:
                    return _not_allowed(request, "POST")
                if calls is None:
                    return _failure(503, LOADING)
                if step == "route":
                    return Response(200, jsontext.dumps([await calls.route(Asked(request).infer)]))
                asked = Asked(request) if step == "infer" else AskedTogether(request)
                return asked.answer(await calls.infer(asked.infer), model, calls.version)
            case []:
                return _failure(503, LOADING) if calls is None else _read(request, _described(model, calls))
        raise MicroserviceError(f"The path {request.path} is not served.", 404)

    async def _readiness(self, request: Request, document: dict[str, Any]) -> Response:
        ready = await self._ready()
        return _read(request, {**document, "ready": ready}, 200 if ready else 503)


def _without_version(words: list[str]) -> list[str]:
    """The path behind `/versions/<version>`: a server has one model, of one version."""
    return words[2:] if len(words) > 1 and words[0] == "versions" else words


def _described(model: str, calls: InferCalls) -> dict[str, Any]:
    fields = ("versions", "platform", "inputs", "outputs")
    return {"name": model} | {field: calls.metadata[field] for field in fields}


def _read(request: Request, document: dict[str, Any], status: int = 200) -> Response:
    if request.method not in _READS:
        return _not_allowed(request, "GET")
    return Response(status, jsontext.dumps(document))


def _not_allowed(request: Request, allowed: str) -> Response:
    if request.method == "OPTIONS":
        return Response(200, b"", "", (("Allow", f"{allowed}, OPTIONS"),))
    refused = _failure(405, f"{request.path} does not serve the method {request.method}.")
    return Response(405, refused.body, headers=(("Allow", f"{allowed}, OPTIONS"),))


def _failed(error: BaseException, path: str) -> Response:
    if isinstance(error, MicroserviceError):
        _LOG.info("request refused", extra={"path": path, "status": error.status, "info": error.info})
        return _failure(error.status, error.info)
    _LOG.error("request failed", extra={"path": path}, exc_info=error)
    return _failure(500, str(error) or reason(error))


def _failure(status: int, text: str) -> Response:
    return Response(status, jsontext.dumps({"error": text}))
