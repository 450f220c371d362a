"""grpc.health.v1: what Kubernetes' gRPC probes and load balancers ask. Source: gRPC's health-checking.md."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping

from google.protobuf.message import DecodeError

from seldon_core.proto import health_pb2

from .calls import RpcCalls
from .rpc import RpcAnswer, RpcError, RpcHandler, RpcRequest, Status
from .rpc_streams import StreamHandler

SERVICE = "grpc.health.v1.Health"
_CHECK = f"/{SERVICE}/Check"
_WATCH_SECONDS = 1.0
_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
_SERVICE_UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN


class Health:
    """The health of one server: `ready` is asked for the server as a whole and for each of its services alike."""

    def __init__(self, services: Collection[str], ready: Callable[[], Awaitable[bool]]) -> None:
        self._known = frozenset({"", SERVICE, *services})
        self._ready = ready
        self._closing = asyncio.Event()
        self.methods: Mapping[str, RpcHandler] = {_CHECK: self._check}
        self.streams: Mapping[str, StreamHandler] = {f"/{SERVICE}/Watch": self._watch}

    def close(self) -> None:
        """The server ends: say so to all that watch, and let them go."""
        self._closing.set()

    async def _status(self) -> health_pb2.HealthCheckResponse.ServingStatus:
        return _SERVING if not self._closing.is_set() and await self._ready() else _NOT_SERVING

    async def _check(self, request: RpcRequest) -> RpcAnswer:
        service = _service(request.body)
        if service not in self._known:
            raise RpcError(Status.NOT_FOUND, f"The service {service} is not served here.")
        return RpcAnswer(_answer(await self._status()))

    async def _watch(self, requests: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The status now, and each that follows."""
        service = _service(await anext(requests, b""))
        last = None
        while True:
            closing = self._closing.is_set()  # read first: what is said below is then its last word
            status = await self._status() if service in self._known else _SERVICE_UNKNOWN
            if status != last:
                last = status
                yield _answer(status)
            if closing:
                return
            try:
                await asyncio.wait_for(self._closing.wait(), _WATCH_SECONDS)
            except TimeoutError:
                continue


def _service(body: bytes) -> str:
    try:
        return health_pb2.HealthCheckRequest.FromString(body).service
    except DecodeError as error:
        raise RpcError(Status.INVALID_ARGUMENT, "The request is no HealthCheckRequest.") from error


def _answer(status: health_pb2.HealthCheckResponse.ServingStatus) -> bytes:
    return health_pb2.HealthCheckResponse(status=status).SerializeToString()


async def serving(pool: RpcCalls, host: str, port: int, seconds: float) -> bool:
    """Whether a server says that it serves; one that knows no health checks counts as serving. Raises RpcError."""
    try:
        answer = await pool.call(host, port, _CHECK, b"", timeout=seconds)
    except RpcError as error:
        if error.status is Status.UNIMPLEMENTED:
            return True
        raise
    return health_pb2.HealthCheckResponse.FromString(answer).status == _SERVING
