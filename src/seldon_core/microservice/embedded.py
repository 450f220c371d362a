"""The executor inside the model's server: its own APIs on its own ports, with a call in the place of a connection.

All that the executor answers is its own code. Where it calls a node it is led to the handlers of this process, bytes
to bytes, so that a request is parsed once. Source: design decision 9.
"""

import asyncio
import logging
import shlex
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from seldon_core.executor import settings as executor_settings
from seldon_core.executor.app import Executor
from seldon_core.proto import health_pb2
from seldon_core.transport.calls import Links, fields_of
from seldon_core.transport.client import ClientResponse
from seldon_core.transport.errors import CallTimeoutError
from seldon_core.transport.later import Later
from seldon_core.transport.messages import Handler, Headers, Request, Response
from seldon_core.transport.rpc import Metadata, RpcAnswer, RpcError, RpcHandler, RpcRequest, Status
from seldon_core.transport.rpc_health import SERVICE as HEALTH

from .errors import StartError, refusal

_LOG = logging.getLogger(__name__)
ARGUMENTS = "SELDON_EXECUTOR_ARGS"
"""The variable with the executor's command line. Without it there is no executor in this process."""
# What these say to the server, it has been told already; the executor reads their values otherwise.
_OF_THE_SERVER = frozenset({"SELDON_DEBUG", "SELDON_LOG_LEVEL"})
_CRASH = "The server failed to answer this request; its log says why."
_RPC_CRASH = "The server failed to answer this call; its log says why."


def variables(environment: Mapping[str, str]) -> dict[str, str]:
    """What an executor in this process is told; nothing where there is to be none."""
    if not environment.get(ARGUMENTS):
        return {}
    return {name: value for name, value in environment.items() if name not in _OF_THE_SERVER}


def executor(told: Mapping[str, str], links: Links, annotations_file: Path) -> Executor:
    """An executor whose only node is this process. Raises StartError."""
    try:
        settings = executor_settings.parse(shlex.split(told[ARGUMENTS]), told)
        return Executor(settings, annotations_file=annotations_file, links=links)
    except ValueError as error:  # what cannot be split, and what parsing and the executor itself refuse
        raise StartError(f"{ARGUMENTS}, ENGINE_PREDICTOR: {error}") from error


def ports(told: Mapping[str, str]) -> tuple[int, ...]:
    """Where an executor in this process will listen. Raises StartError."""
    if not told:
        return ()
    try:
        settings = executor_settings.parse(shlex.split(told[ARGUMENTS]), told)
    except ValueError as error:
        raise StartError(f"{ARGUMENTS}: {error}") from error
    return settings.http_port, settings.grpc_port


def links(handler: Handler, methods: Mapping[str, RpcHandler], ready: Callable[[], Awaitable[bool]]) -> Links:
    """The way to this process's own handlers."""

    async def check(_: RpcRequest) -> RpcAnswer:
        status = health_pb2.HealthCheckResponse.SERVING if await ready() else health_pb2.HealthCheckResponse.NOT_SERVING
        return RpcAnswer(health_pb2.HealthCheckResponse(status=status).SerializeToString())

    return LocalHttp(handler), LocalRpc({**methods, f"/{HEALTH}/Check": check})


class LocalHttp:
    """Calls of this process's HTTP handler."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    async def request(
        self,
        host: str,  # noqa: ARG002 - the node is here
        port: int,  # noqa: ARG002 - as above
        method: str,
        path: str,
        *,
        headers: Sequence[tuple[bytes, bytes]] = (),
        body: bytes = b"",
        timeout: float | None = None,  # noqa: ASYNC109 - as the pool has it
        repeatable: bool = True,  # noqa: ARG002 - there is no connection to lose
    ) -> ClientResponse:
        """One request. Raises CallTimeoutError."""
        answer = self.handle(Request(method, path, b"", Headers(headers), body))
        if not isinstance(answer, Response):
            try:
                async with asyncio.timeout(timeout):
                    answer = await answer
            except TimeoutError as error:
                raise CallTimeoutError(
                    "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
                ) from error
        return ClientResponse(answer.status, fields_of(answer), answer.body)

    def handle(self, request: Request) -> Response | Awaitable[Response]:
        """The answer of this process's handler, whose failures are answers, too."""
        try:
            answer = self._handler(request)
        except Exception:  # noqa: BLE001 - as a connection has it: this request alone fails
            return _crashed(request)
        return answer if isinstance(answer, Response | Later) else _contained(answer, request)

    async def close(self) -> None:
        """Nothing is open."""


async def _contained(answer: Awaitable[Response], request: Request) -> Response:
    try:
        return await answer
    except Exception:  # noqa: BLE001 - as above
        return _crashed(request)


def _crashed(request: Request) -> Response:
    _LOG.exception("handler failed", extra={"server": "microservice", "path": request.path})
    return refusal(500, _CRASH)


class LocalRpc:
    """Calls of this process's gRPC methods."""

    def __init__(self, methods: Mapping[str, RpcHandler]) -> None:
        self._methods = methods

    async def call(
        self,
        host: str,  # noqa: ARG002 - the node is here
        port: int,  # noqa: ARG002 - as above
        method: str,
        body: bytes,
        *,
        metadata: Metadata = (),
        timeout: float | None = None,  # noqa: ASYNC109 - as the pool has it
    ) -> bytes:
        """One call. Raises RpcError."""
        handler = self._methods.get(method)
        if handler is None:
            raise RpcError(Status.UNIMPLEMENTED, "Method not found!")
        request = RpcRequest(method, metadata, body)
        if timeout is None:
            return await self._answer(handler, request)
        try:
            async with asyncio.timeout(timeout):
                return await self._answer(handler, request)
        except TimeoutError as error:
            raise RpcError(Status.DEADLINE_EXCEEDED, "context deadline exceeded") from error

    @staticmethod
    async def _answer(handler: RpcHandler, request: RpcRequest) -> bytes:
        try:
            return (await handler(request)).body
        except RpcError:
            raise
        except Exception as error:
            _LOG.exception("handler failed", extra={"server": "microservice", "method": request.method})
            raise RpcError(Status.INTERNAL, _RPC_CRASH) from error

    async def close(self) -> None:
        """Nothing is open."""
