"""grpc.health.v1: what Kubernetes' gRPC probes and load balancers ask. Source: gRPC's health-checking.md."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from typing import Any

import grpc
from grpc import aio
from grpc_health.v1 import health_pb2

from .rpc import RpcError, Status
from .rpc_client import RpcPool

SERVICE = "grpc.health.v1.Health"
_WATCH_SECONDS = 1.0
_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class Health:
    """The health of one server: `ready` is asked for the server as a whole and for each of its services alike."""

    def __init__(self, services: Collection[str], ready: Callable[[], Awaitable[bool]]) -> None:
        self._known = frozenset({"", SERVICE, *services})
        self._ready = ready
        self._closing = asyncio.Event()
        unary = grpc.unary_unary_rpc_method_handler(
            self._check,
            health_pb2.HealthCheckRequest.FromString,
            health_pb2.HealthCheckResponse.SerializeToString,
        )
        stream = grpc.unary_stream_rpc_method_handler(
            self._watch,
            health_pb2.HealthCheckRequest.FromString,
            health_pb2.HealthCheckResponse.SerializeToString,
        )
        self.handlers = grpc.method_handlers_generic_handler(SERVICE, {"Check": unary, "Watch": stream})

    def close(self) -> None:
        """The server ends: say so to all that watch, and let them go."""
        self._closing.set()

    async def _status(self) -> Any:
        return _SERVING if not self._closing.is_set() and await self._ready() else _NOT_SERVING

    async def _check(
        self, request: health_pb2.HealthCheckRequest, context: "aio.ServicerContext[Any, Any]"
    ) -> health_pb2.HealthCheckResponse:
        if request.service not in self._known:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"The service {request.service} is not served here.")
        return health_pb2.HealthCheckResponse(status=await self._status())

    async def _watch(
        self, request: health_pb2.HealthCheckRequest, _: "aio.ServicerContext[Any, Any]"
    ) -> AsyncIterator[health_pb2.HealthCheckResponse]:
        """The status now, and each that follows."""
        last = None
        while True:
            closing = self._closing.is_set()  # read first: what is said below is then its last word
            known = request.service in self._known
            status = await self._status() if known else health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
            if status != last:
                last = status
                yield health_pb2.HealthCheckResponse(status=status)
            if closing:
                return
            try:
                await asyncio.wait_for(self._closing.wait(), _WATCH_SECONDS)
            except TimeoutError:
                continue


async def serving(pool: RpcPool, host: str, port: int, seconds: float) -> bool:
    """Whether a server says that it serves; one that knows no health checks counts as serving. Raises RpcError."""
    try:
        answer = await pool.call(host, port, f"/{SERVICE}/Check", b"", timeout=seconds)
    except RpcError as error:
        if error.status is Status.UNIMPLEMENTED:
            return True
        raise
    return bool(health_pb2.HealthCheckResponse.FromString(answer).status == _SERVING)
