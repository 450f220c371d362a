"""What the executor's gRPC APIs have in common: the prediction's id, metrics, errors, the walk.

Source: specification 3.
"""

import logging
import time
from collections.abc import Awaitable, Callable, Mapping

from seldon_core.transport.rpc import Metadata, RpcAnswer, RpcError, RpcHandler, RpcRequest, Status
from seldon_core.transport.rpc_client import RpcPool

from . import logged
from .graph import Walk
from .grpc_relay import PUID, RpcRelay, forwarded
from .headers import new_puid
from .logged import LoggedWalk
from .message import GraphError, Message, Nodes, Payloads, RawHeaders
from .metrics import ExecutorMetrics
from .nodes import Node, Step, find
from .proto_payloads import PROTOBUF
from .request_log import RequestLog
from .settings import Settings

_LOG = logging.getLogger(__name__)

Action = Callable[[RpcRequest, str], Awaitable[bytes]]
"""From a call and its puid to the answer's bytes."""


class ExecutorRpc:
    """One protocol over gRPC. `methods` are what the transport serves; protocols fill it."""

    def __init__(
        self,
        root: Node,
        nodes: Nodes,
        payloads: Payloads,
        metrics: ExecutorMetrics,
        settings: Settings,
        *,
        log: RequestLog | None = None,
    ) -> None:
        self._root = root
        self._log = log
        self._nodes = nodes
        self._payloads = payloads
        self._metrics = metrics
        self._settings = settings
        self.methods: Mapping[str, RpcHandler] = {}

    def _predictions(self, kept: RpcPool | None, method: str) -> RpcHandler:
        """The handler of predictions. `kept` has connections to a node whose `method` is all of the graph."""
        long = self._with_puid(self._predict)
        if kept is None:
            return long
        return RpcRelay(self._root, kept, self._payloads, self._metrics, method, otherwise=long).handle

    def _with_puid(self, act: Action) -> RpcHandler:
        """A handler whose answers, and errors, carry the prediction's id: the client's, or a new one."""

        async def handle(request: RpcRequest) -> RpcAnswer:
            puid = request.get(PUID) or new_puid()
            return await self._answered(act, request, puid, ((PUID, puid),))

        return handle

    def _plain(self, act: Action) -> RpcHandler:
        async def handle(request: RpcRequest) -> RpcAnswer:
            return await self._answered(act, request, request.get(PUID) or new_puid(), ())

        return handle

    async def _answered(self, act: Action, request: RpcRequest, puid: str, metadata: Metadata) -> RpcAnswer:
        begun = time.perf_counter()
        status = Status.INTERNAL
        try:
            answer = RpcAnswer(await act(request, puid), metadata)
            status = Status.OK
        except RpcError as error:
            status = error.status
            raise RpcError(error.status, error.text, metadata) from error
        except GraphError as error:
            status = Status.UNKNOWN  # as v1.17.1
            _LOG.warning("graph failed", extra={"puid": puid, "method": request.method, "info": str(error)})
            raise RpcError(Status.UNKNOWN, str(error), metadata) from error
        finally:
            self._metrics.served(request.method, "unary", status.title, time.perf_counter() - begun)
        return answer

    async def _predict(self, request: RpcRequest, puid: str) -> bytes:
        """An answer of the whole graph."""
        walk = self._walk(request, puid)
        answer = await walk.predict(self._root, Message(request.body, PROTOBUF))
        return self._payloads.inject(answer, walk.decisions).body if self._settings.inject_routing else answer.body

    def _walk(self, request: RpcRequest, puid: str) -> Walk:
        headers = onward(request, puid)
        if self._log is None or logged.is_skipped(request.get(logged.SKIP)):
            return Walk(self._nodes, self._payloads, headers)
        return LoggedWalk(self._nodes, self._payloads, headers, self._log, puid)

    async def _ask(self, request: RpcRequest, puid: str, name: str, step: Step, body: bytes) -> bytes:
        """A node's own answer."""
        node = find(self._root, name)
        if node is None or not node.host:
            raise GraphError(f"Failed to find model {name}")
        return (await self._nodes.call(node, step, Message(body, PROTOBUF), onward(request, puid))).body


def onward(request: RpcRequest, puid: str) -> RawHeaders:
    """The request's metadata for nodes."""
    fields = [
        (name.encode("latin-1"), value if isinstance(value, bytes) else value.encode("latin-1"))
        for name, value in forwarded(request.metadata)
    ]
    return (*fields, (PUID.encode(), puid.encode("latin-1")))
