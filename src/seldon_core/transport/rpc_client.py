"""Calling other servers over gRPC: kept connections to each, messages as bytes.

pool = RpcPool()
answer = await pool.call("localhost", 9500, "/seldon.protos.Model/Predict", message, timeout=5.0)
"""

import asyncio
import socket
from itertools import cycle

from . import rpc_wire
from .dialing import dial
from .errors import ConnectError
from .http2.client_side import ClientConnection
from .http2.fields import Field
from .rpc import UNLIMITED, Metadata, RpcError, Status
from .rpc_channel import ClientCall, NotProcessedError, Receiver

_SPREAD = 10
"""Connections to a server that is not in this pod: each may end at another pod of its Service. As v1.17.1."""
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
_CONNECT_SECONDS = 5.0
_PAUSE_SECONDS = 0.05  # after a connection that failed: calls must not dial a server that is gone as fast as they come
_ATTEMPTS = 5  # of a call that servers say they did nothing for
_UNACKNOWLEDGED_MS = 20_000  # for which a server may not acknowledge what was sent before it counts as gone
_TOO_LATE = "context deadline exceeded"
_START = b"\x83\x86"  # :method POST, :scheme http
_COMMON: tuple[Field, ...] = (
    (b"content-type", b"application/grpc"),
    (b"te", b"trailers"),
    (b"user-agent", b"seldon-core-operator"),
    (b"grpc-accept-encoding", rpc_wire.ACCEPTED.encode()),
)


class RpcPool:
    """Connections to any number of servers. For one event loop. `max_bytes` bounds each answer."""

    def __init__(self, *, max_bytes: int = UNLIMITED) -> None:
        self._max_bytes = max_bytes
        self._targets: dict[tuple[str, int], cycle[_Slot]] = {}
        self._slots: list[_Slot] = []
        self._fields: dict[tuple[str, int, str], tuple[Field, ...]] = {}
        self._timeouts: dict[float, bytes] = {}
        self._closed = False

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
        """One call and its whole answer. `timeout` (seconds) bounds it; None waits for ever. Raises RpcError.

        A call that a server did nothing for, and says so, is made again: by a new connection where it goes away.
        """
        slots = self._targets.get((host, port)) or self._target(host, port)
        fields = self._fields.get((host, port, method)) or self._prepare(host, port, method)
        more = rpc_wire.block(metadata) if metadata else b""
        if timeout is None:
            return await self._attempts(slots, fields, body, more)
        more += self._timeouts.get(timeout) or self._timeout(timeout)
        try:
            async with asyncio.timeout(timeout):
                return await self._attempts(slots, fields, body, more)
        except TimeoutError as error:
            raise RpcError(Status.DEADLINE_EXCEEDED, _TOO_LATE) from error

    def begin(
        self, host: str, port: int, method: str, body: bytes, *, more: bytes, receiver: Receiver
    ) -> ClientCall | None:
        """The same without a coroutine, once, on a connection that is there; `more` is metadata as header fields.

        None where there is no such connection, or it takes no further call now: nothing is sent then.
        """
        slots = self._targets.get((host, port))
        if slots is None:
            return None
        connection = next(slots).connection
        if connection is None or connection.full or not connection.usable:
            return None
        fields = self._fields.get((host, port, method)) or self._prepare(host, port, method)
        call = ClientCall(connection, self._max_bytes, receiver)
        connection.add(call)
        call.send(connection.writer.block(_START, fields) + more, body)
        return call

    @staticmethod
    def as_told(error: RpcError) -> RpcError:
        """A node's error as whoever asks here is told: what took too long in Go's words, as v1.17.1 says it."""
        if error.status is Status.DEADLINE_EXCEEDED:
            return RpcError(error.status, _TOO_LATE)
        return error

    async def _attempts(self, slots: "cycle[_Slot]", fields: tuple[Field, ...], body: bytes, more: bytes) -> bytes:
        text = ""
        for _ in range(_ATTEMPTS):
            if self._closed:
                raise RpcError(Status.UNAVAILABLE, "the connection is closed")
            slot = next(slots)
            connection = slot.connection
            if connection is None or not connection.usable:
                connection = await slot.dialled()
            while connection.full and connection.usable:
                await slot.room()
            if not connection.usable:  # gone since
                text = connection.end_reason
                continue
            answer: asyncio.Future[bytes] = slot.loop.create_future()
            call = ClientCall(connection, self._max_bytes, answer)
            connection.add(call)
            call.send(connection.writer.block(_START, fields) + more, body)
            try:
                return await answer
            except NotProcessedError as error:
                text = str(error)
            except RpcError as error:
                raise self.as_told(error) from None
            except asyncio.CancelledError:
                connection.cancel(call)
                raise
        raise RpcError(Status.UNAVAILABLE, text or "the server refuses calls")

    def _target(self, host: str, port: int) -> "cycle[_Slot]":
        slots = [_Slot(host, port) for _ in range(1 if host in _LOCAL else _SPREAD)]
        self._slots.extend(slots)
        turns = self._targets[host, port] = cycle(slots)
        return turns

    def _prepare(self, host: str, port: int, method: str) -> tuple[Field, ...]:
        authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        fields = ((b":path", method.encode("ascii")), (b":authority", authority.encode("ascii")), *_COMMON)
        self._fields[host, port, method] = fields
        return fields

    def _timeout(self, seconds: float) -> bytes:
        text = rpc_wire.block((("grpc-timeout", rpc_wire.timeout_text(seconds)),))
        if len(self._timeouts) < 100:
            self._timeouts[seconds] = text
        return text

    async def close(self) -> None:
        """Close every connection. Calls under way fail."""
        self._closed = True
        for slot in self._slots:
            slot.close()
        await asyncio.sleep(0)  # lets the closed sockets leave the loop


class _Slot:
    """One of the connections to a server, made when a call needs it, and again when it is gone."""

    def __init__(self, host: str, port: int) -> None:
        self.loop = asyncio.get_running_loop()
        self.connection: ClientConnection | None = None
        self._host = host
        self._port = port
        self._dialing: asyncio.Task[ClientConnection] | None = None
        self._waiting: set[asyncio.Future[None]] = set()
        self._failed = -_PAUSE_SECONDS
        self._failure = ""
        self._old: set[ClientConnection] = set()

    async def room(self) -> None:
        """Until the connection may take a call, or is gone."""
        changed = self.loop.create_future()
        self._waiting.add(changed)
        try:
            await changed
        finally:
            self._waiting.discard(changed)

    async def dialled(self) -> ClientConnection:
        """A new connection. Raises RpcError."""
        if self._dialing is None:
            if self.loop.time() - self._failed < _PAUSE_SECONDS:
                raise RpcError(Status.UNAVAILABLE, self._failure)
            self._dialing = self.loop.create_task(self._dial())
        try:
            return await asyncio.shield(self._dialing)
        except ConnectError as error:
            raise RpcError(Status.UNAVAILABLE, self._failure) from error

    async def _dial(self) -> ClientConnection:
        if self.connection is not None:
            self._old.add(self.connection)  # its last calls may be under way
        self._old = {one for one in self._old if one.streams}
        try:
            made = await dial(self._host, self._port, self._make, seconds=_CONNECT_SECONDS)
        except ConnectError as error:
            self._failed = self.loop.time()
            self._failure = f'connection error: desc = "transport: Error while dialing: {error}"'
            raise
        finally:
            self._dialing = None
        self.connection = made
        return made

    def _make(self) -> ClientConnection:
        return _Connection(self.loop, self._changed)

    def _changed(self) -> None:
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)

    def close(self) -> None:
        """Close it; calls under way fail."""
        if self._dialing is not None:
            self._dialing.cancel()
        for connection in (*self._old, self.connection):
            if connection is not None:
                connection.close()
        self._changed()


class _Connection(ClientConnection):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A server whose host is gone sends no end: have the kernel tell, so that calls do not hang."""
        sock = transport.get_extra_info("socket")
        if sock is not None and sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNACKNOWLEDGED_MS)
        super().connection_made(transport)
