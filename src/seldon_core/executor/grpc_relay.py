"""Predictions of a sidecar over gRPC without a coroutine: one node, asked on a connection that is kept to it.

As relay.py has it for REST. Where no connection is kept, or the node says that it did nothing for the call, the request
takes the long way, which makes a connection.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from functools import lru_cache

from seldon_core.transport.http2.fields import literal
from seldon_core.transport.rpc import Metadata, RpcAnswer, RpcError, RpcRequest, Status
from seldon_core.transport.rpc_channel import ClientCall, NotProcessedError
from seldon_core.transport.rpc_client import RpcPool
from seldon_core.transport.rpc_later import RpcLater
from seldon_core.transport.rpc_wire import block

from .headers import new_puid
from .message import GraphError, Message, Payloads
from .metrics import ExecutorMetrics
from .nodes import Node
from .proto_payloads import PROTOBUF

_LOG = logging.getLogger(__name__)
PUID = "seldon-puid"
_PUID = PUID.encode()
# Of this hop alone: gRPC writes its own for the next one.
_NOT_FORWARDED = frozenset({"connection", "content-type", "host", "te", "user-agent", PUID})
_OF_THE_HOP = "grpc-"

Long = Callable[[RpcRequest], Awaitable[RpcAnswer]]
"""How a call is answered otherwise."""


def forwarded(metadata: Metadata) -> Metadata:
    """A call's metadata for nodes, without the puid."""
    return tuple(
        [field for field in metadata if field[0] not in _NOT_FORWARDED and not field[0].startswith(_OF_THE_HOP)]
    )


@lru_cache(maxsize=64)
def _forwarded_block(metadata: Metadata) -> bytes:
    """The same as header fields. Clients repeat theirs."""
    return block(forwarded(metadata))


class RpcRelay:
    """Answers predictions. `method` is the node's."""

    def __init__(
        self, root: Node, pool: RpcPool, payloads: Payloads, metrics: ExecutorMetrics, method: str, *, otherwise: Long
    ) -> None:
        self.root = root
        self.method = method
        self.metrics = metrics
        self.pool = pool
        self.otherwise = otherwise
        self._payloads = payloads

    def handle(self, request: RpcRequest) -> Awaitable[RpcAnswer]:
        """A handler of the transport's."""
        root = self.root
        puid = request.get(PUID)
        if puid is None:
            puid, more = new_puid(), _forwarded_block(request.metadata)
        else:
            more = block(forwarded(request.metadata))  # each call has another
        way = _Relayed(self, request, puid)
        try:
            body = self._payloads.chain(Message(request.body, PROTOBUF), root.name).body
        except GraphError:
            return self.otherwise(request)
        more += literal(_PUID, puid.encode("latin-1"))
        way.call = self.pool.begin(root.host, root.grpc_port, self.method, body, more=more, receiver=way)
        return self.otherwise(request) if way.call is None else way


class _Relayed(RpcLater):
    """One call on its way, the receiver of the node's answer."""

    __slots__ = ("_again", "_begun", "_method", "_puid", "_relay", "_request", "call")

    def __init__(self, relay: RpcRelay, request: RpcRequest, puid: str) -> None:
        super().__init__()
        self._relay = relay
        self._method = request.method
        self._request: RpcRequest | None = request
        self._puid = puid
        self._begun = time.perf_counter()
        self._again: asyncio.Future[RpcAnswer] | None = None
        self.call: ClientCall | None = None

    def set_result(self, result: bytes, /) -> None:
        """The node has answered."""
        self._end(Status.OK)
        self.settle(RpcAnswer(result, ((PUID, self._puid),)))

    def set_exception(self, exception: Exception, /) -> None:
        """It has not: what it did nothing for is asked once more, the long way."""
        request, self.call = self._request, None
        if isinstance(exception, NotProcessedError) and request is not None:
            self._again = again = asyncio.ensure_future(self._relay.otherwise(request))
            again.add_done_callback(self._asked_again)
        elif isinstance(exception, RpcError):
            error = self._relay.pool.as_told(exception)
            self._end(error.status)
            self.settle(RpcError(error.status, error.text, ((PUID, self._puid),)))
        else:
            _LOG.error("call failed", exc_info=exception)
            self.settle(RpcError(Status.INTERNAL, "The call to the node failed; the orchestrator's log says why."))

    def _asked_again(self, again: "asyncio.Future[RpcAnswer]") -> None:
        if again.cancelled():
            return
        error = again.exception()
        if error is None:
            self.settle(again.result())
        elif isinstance(error, RpcError):
            self.settle(error)
        else:
            self.set_exception(error if isinstance(error, Exception) else RuntimeError(str(error)))

    def _end(self, status: Status) -> None:
        """Count the call, and give up what it holds: it and the node's call would keep each other, and the body."""
        relay, seconds = self._relay, time.perf_counter() - self._begun
        relay.metrics.called(relay.root, relay.method, "unary", status.title, seconds)
        relay.metrics.served(self._method, "unary", status.title, seconds)
        self._request = self.call = None

    def cancel(self) -> None:
        """Nobody waits any more: neither does the node have to answer."""
        if self.done():
            return
        super().cancel()
        if self._again is not None:
            self._again.cancel()
        elif self.call is not None:
            self.call.cancel()
            self._request = self.call = None
            seconds = time.perf_counter() - self._begun
            self._relay.metrics.served(self._method, "unary", Status.INTERNAL.title, seconds)
