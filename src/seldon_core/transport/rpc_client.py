"""Calling other servers over gRPC: kept connections to each, messages as bytes.

pool = RpcPool()
answer = await pool.call("localhost", 9500, "/seldon.protos.Model/Predict", message, timeout=5.0)
"""

from itertools import cycle
from typing import Any

import grpc
from grpc import aio

from .rpc import UNLIMITED, Metadata, RpcError, Status

_SPREAD = 10
"""Connections to a server that is not in this pod: each may end at another pod of its Service. As v1.17.1."""
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
_CONNECT_MS = 5000
_FIRST_BACKOFF_MS = 50
_LAST_BACKOFF_MS = 1000  # gRPC's own 2 minutes would keep a node away for as long after it is back

_Call = Any  # grpc.aio's multi-callable of bytes to bytes; its stub is generic over messages


class RpcPool:
    """Connections to any number of servers. For one event loop. `max_bytes` bounds each answer."""

    def __init__(self, *, max_bytes: int = UNLIMITED) -> None:
        self._options = (
            ("grpc.max_receive_message_length", max_bytes),
            ("grpc.max_send_message_length", -1),
            ("grpc.initial_reconnect_backoff_ms", _FIRST_BACKOFF_MS),
            ("grpc.min_reconnect_backoff_ms", _CONNECT_MS),  # whatever its name says: the time to connect in
            ("grpc.max_reconnect_backoff_ms", _LAST_BACKOFF_MS),
            ("grpc.use_local_subchannel_pool", 1),  # else channels to one address share one connection
            ("grpc.enable_http_proxy", 0),  # nodes are in the cluster, whatever the pod's proxy variables say
        )
        self._channels: dict[tuple[str, int], list[aio.Channel]] = {}
        self._calls: dict[tuple[str, int, str], cycle[_Call]] = {}

    async def call(
        self,
        host: str,
        port: int,
        method: str,
        body: bytes,
        *,
        metadata: Metadata = (),
        timeout: float | None = None,  # noqa: ASYNC109 - gRPC tells the server, too
    ) -> bytes:
        """One call and its whole answer. `timeout` (seconds) bounds it; None waits for ever. Raises RpcError."""
        calls = self._calls.get((host, port, method))
        if calls is None:
            channels = self._channels_to(host, port)
            calls = self._calls[host, port, method] = cycle([one.unary_unary(method) for one in channels])
        try:
            answer: bytes = await next(calls)(body, metadata=metadata, timeout=timeout)
        except aio.AioRpcError as error:
            raise _error(error) from error
        except aio.UsageError as error:  # the pool was closed meanwhile
            raise RpcError(Status.UNAVAILABLE, "the connection is closed") from error
        return answer

    def _channels_to(self, host: str, port: int) -> list[aio.Channel]:
        channels = self._channels.get((host, port))
        if channels is None:
            target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            number = 1 if host in _LOCAL else _SPREAD
            channels = [aio.insecure_channel(target, options=self._options) for _ in range(number)]
            self._channels[host, port] = channels
        return channels

    async def close(self) -> None:
        """Close every connection. Calls under way fail."""
        for channels in self._channels.values():
            for channel in channels:
                await channel.close()
        self._channels.clear()
        self._calls.clear()


def _error(error: aio.AioRpcError) -> RpcError:
    code = error.code()
    text = error.details() or ""
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        text = "context deadline exceeded"  # as Go says it: what clients of v1.17.1 know
    return RpcError(Status(code.value[0]), text)
