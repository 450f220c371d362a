"""The gRPC server: methods by their full name, health, reflection, and the orderly end.

server = RpcServer({"/seldon.protos.Seldon/Predict": predict}, ready=ready, name="executor")
await server.start("", 5001)
...
await server.drain(10)
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NoReturn, cast

import grpc
from grpc import aio
from grpc_reflection.v1alpha import reflection

from .rpc import UNLIMITED, RpcAnswer, RpcError, RpcHandler, RpcRequest, Status
from .rpc_health import SERVICE as HEALTH
from .rpc_health import Health

_LOG = logging.getLogger(__name__)
_CODES = {Status(code.value[0]): code for code in grpc.StatusCode}
# After which a connection is ended in order: its client goes on by a new one, and no call is lost. grpcio can close
# connections in no other way without failing calls that are just arriving, so a pod that is to end needs them to have
# gone by themselves: this is below the time between its end being decided and its server closing (8 s for an executor).
_CONNECTION_SECONDS = 4.0
_CRASH = RpcError(Status.INTERNAL, "The server failed to answer this call; its log says why.")

Certificate = tuple[bytes, bytes]
"""Private key and certificate chain, PEM."""


class RpcServer:
    """One listener. Handlers run in the event loop.

    `methods`: from full names to handlers; clients that ask for reflection are told of their services, as far as those
    are among the protobuf definitions that this process has imported. `ready` answers health checks. `max_bytes` bounds
    each message, in both directions; `connection_seconds` how long a client keeps one connection.
    """

    def __init__(
        self,
        methods: Mapping[str, RpcHandler],
        *,
        ready: Callable[[], Awaitable[bool]],
        max_bytes: int = UNLIMITED,
        connection_seconds: float = _CONNECTION_SECONDS,
        name: str,
    ) -> None:
        self._name = name
        self._server: aio.Server | None = None
        self._options = (
            ("grpc.max_receive_message_length", max_bytes),
            ("grpc.max_send_message_length", max_bytes),
            ("grpc.max_connection_age_ms", int(connection_seconds * 1000)),
            ("grpc.so_reuseport", 0),  # a second server on this port is a mistake to be told, not a way to share it
        )
        self._services = tuple(sorted({method.split("/")[1] for method in methods}))
        self._health = Health(self._services, ready)
        self._router = _Router({method: self._behaviour(handler, method) for method, handler in methods.items()})
        self._under_way = 0
        self._quiet = asyncio.Event()
        self._last = 0.0
        self.port = 0
        """The port that is listened on, once it is: the real one where 0 was asked for."""

    async def start(self, host: str, port: int, certificate: Certificate | None = None) -> None:
        """Listen. `host` "" means all addresses. Raises OSError where the port cannot be had."""
        server = aio.server(options=self._options)
        server.add_generic_rpc_handlers((self._router, self._health.handlers))
        reflection.enable_server_reflection((*self._services, HEALTH, reflection.SERVICE_NAME), server)
        address = f"{f'[{host}]' if ':' in host else host or '[::]'}:{port}"
        try:
            self.port = self._bind(server, address, certificate)
        except RuntimeError as error:
            await server.stop(None)
            raise OSError(f"gRPC cannot listen on {address}") from error
        await server.start()
        self._server = server

    @staticmethod
    def _bind(server: aio.Server, address: str, certificate: Certificate | None) -> int:
        if certificate is None:
            return server.add_insecure_port(address)
        return server.add_secure_port(address, grpc.ssl_server_credentials([certificate]))

    def _behaviour(self, handler: RpcHandler, method: str) -> Any:
        """What grpcio calls for one method: bytes to bytes."""

        async def serve(body: bytes, context: "aio.ServicerContext[Any, Any]") -> bytes:
            self._under_way += 1
            try:
                answer = await self._outcome(handler, method, body, context)
                if isinstance(answer, RpcError):
                    await _fail(context, answer)
                if answer.metadata:
                    await context.send_initial_metadata(answer.metadata)
                return answer.body
            finally:
                self._ended()

        return grpc.unary_unary_rpc_method_handler(serve)

    async def _outcome(
        self, handler: RpcHandler, method: str, body: bytes, context: "aio.ServicerContext[Any, Any]"
    ) -> RpcAnswer | RpcError:
        metadata = cast("tuple[tuple[str, str | bytes], ...]", context.invocation_metadata() or ())
        try:
            return await handler(RpcRequest(method, metadata, body))
        except RpcError as error:
            return error
        except Exception:  # noqa: BLE001 - whatever a handler raises costs this call alone
            _LOG.exception("handler failed", extra={"server": self._name, "method": method})
            return _CRASH

    def _ended(self) -> None:
        self._under_way -= 1
        self._last = asyncio.get_running_loop().time()
        if not self._under_way:
            self._quiet.set()

    async def wait_unused(self, seconds: float, quiet_seconds: float = 0.5) -> bool:
        """Serve on until no call has come for `quiet_seconds`, at most for `seconds`. False where some still come.

        gRPC tells nothing of its connections, so that a client is known by its calls alone.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while (now := loop.time()) < deadline:
            waited = now - self._last
            if not self._under_way and (not self._last or waited >= quiet_seconds):
                return True
            self._quiet.clear()
            pause = quiet_seconds - waited if not self._under_way else deadline - now
            try:
                await asyncio.wait_for(self._quiet.wait(), min(pause, deadline - now))
            except TimeoutError:
                continue
        return False

    async def drain(self, deadline_seconds: float) -> None:
        """Accept nothing new, finish what is under way. What is left at the deadline is dropped.

        A call that arrives on an old connection at this very moment fails; see `connection_seconds`.
        """
        self._health.close()
        if self._server is not None:
            await self._server.stop(deadline_seconds)


class _Router(grpc.GenericRpcHandler):
    """The look-up of a method, for each call."""

    def __init__(self, methods: Mapping[str, Any]) -> None:
        self._methods = methods

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        """The behaviour of a method, or None: gRPC answers UNIMPLEMENTED."""
        return self._methods.get(handler_call_details.method)


async def _fail(context: "aio.ServicerContext[Any, Any]", error: RpcError) -> NoReturn:
    if error.metadata:
        await context.send_initial_metadata(error.metadata)
    await context.abort(_CODES[error.status], error.text)
