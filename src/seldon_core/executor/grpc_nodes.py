"""Calling nodes over gRPC. A node's own status and text are the answer of the whole graph. Source: specification 3."""

import time
from collections.abc import Mapping

from seldon_core.transport.calls import RpcCalls
from seldon_core.transport.rpc import Metadata, RpcError, Status

from .message import GraphError, Message, RawHeaders
from .metrics import ExecutorMetrics
from .nodes import Node, Step
from .proto_payloads import PROTOBUF


class GrpcNodes:
    """Nodes behind gRPC. `timeout` (seconds) bounds each call; None does not. `methods` are those of the protocol."""

    def __init__(
        self, pool: RpcCalls, metrics: ExecutorMetrics, timeout: float | None, methods: Mapping[Step, str]
    ) -> None:
        self._methods = methods
        self._pool = pool
        self._metrics = metrics
        self._timeout = timeout

    def with_methods(self, methods: Mapping[Step, str]) -> "GrpcNodes":
        """The same nodes, asked otherwise."""
        return GrpcNodes(self._pool, self._metrics, self._timeout, methods)

    def named(self, _: str) -> "GrpcNodes":
        """A model's name stands in the message."""
        return self

    async def call(self, node: Node, step: Step, message: Message, headers: RawHeaders) -> Message:
        """One call. Raises RpcError, and GraphError for a step that the protocol does not have."""
        method = self._methods.get(step)
        if method is None:
            raise GraphError(f"The step {step.value} is not part of this protocol over gRPC")
        begun = time.perf_counter()
        try:
            body = await self._pool.call(
                node.host, node.grpc_port, method, message.body, metadata=_metadata(headers), timeout=self._timeout
            )
        except RpcError as error:
            self._metrics.called(node, method, "unary", error.status.title, time.perf_counter() - begun)
            raise
        self._metrics.called(node, method, "unary", Status.OK.title, time.perf_counter() - begun)
        return Message(body, PROTOBUF, answered=True)


def _metadata(headers: RawHeaders) -> Metadata:
    return tuple([(name.decode("latin-1"), _value(name, value)) for name, value in headers])


def _value(name: bytes, value: bytes) -> str | bytes:
    return value if name.endswith(b"-bin") else value.decode("latin-1")
