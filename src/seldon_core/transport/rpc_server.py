"""The gRPC server: methods by their full name, health, reflection, and the orderly end.

server = RpcServer({"/seldon.protos.Seldon/Predict": predict}, ready=ready, name="executor")
await server.start("", 5001)
...
await server.drain(10)
"""

import asyncio
import inspect
import logging
import ssl
from collections.abc import Awaitable, Callable, Coroutine, Mapping

from .budget import TOTAL_BYTES, BodyBudget
from .http2.fields import Block
from .http2.server_side import ServerConnection
from .http2.stream import Stream
from .listening import BACKLOG, empty_queue, listening
from .rpc import UNLIMITED, RpcAnswer, RpcError, RpcHandler, RpcRequest, Status
from .rpc_calls import Call, UnaryCall
from .rpc_head import head_of
from .rpc_health import SERVICE as HEALTH
from .rpc_health import Health
from .rpc_later import RpcLater
from .rpc_reflection import Reflection
from .rpc_streams import StreamHandler, StreamingCall

_LOG = logging.getLogger(__name__)
_TICK_SECONDS = 1.0
_TLS_HANDSHAKE_SECONDS = 10.0
_LOOK_SECONDS = 0.02
_DOOR_SECONDS = 1.0  # for a client to say that it has read that it must go on elsewhere: some round trips
_CANCELLED = RpcError(Status.CANCELLED, "The server gave up this call.")
_CRASH = RpcError(Status.INTERNAL, "The server failed to answer this call; its log says why.")


class RpcServer:
    """One listener. Handlers run in the event loop.

    `methods`: from full names to handlers; clients that ask for reflection are told of their services, as far as those
    are among the protobuf definitions that this process has imported. `ready` answers health checks. `max_bytes` bounds
    each message, in both directions; `large_bodies_bytes` all large requests that are under way together.
    """

    def __init__(
        self,
        methods: Mapping[str, RpcHandler],
        *,
        ready: Callable[[], Awaitable[bool]],
        max_bytes: int = UNLIMITED,
        large_bodies_bytes: int = TOTAL_BYTES,
        name: str,
    ) -> None:
        self.max_bytes = max_bytes
        self.budget = BodyBudget(large_bodies_bytes)
        self.loop: asyncio.AbstractEventLoop
        self._name = name
        services = tuple(sorted({method.split("/")[1] for method in methods}))
        self._health = Health(services, ready)
        self._methods: Mapping[str, RpcHandler] = {**methods, **self._health.methods}
        self._coroutines = frozenset(
            name for name, handler in self._methods.items() if inspect.iscoroutinefunction(handler)
        )
        self._streams: Mapping[str, StreamHandler] = {
            **self._health.streams,
            **Reflection((*services, HEALTH)).streams,
        }
        self._server: asyncio.Server | None = None
        self._ticker: asyncio.TimerHandle | None = None
        self._connections: set[_Client] = set()
        self._empty = asyncio.Event()
        self.last_answer = float("-inf")
        """When a call of one message was answered last, on the loop's clock."""
        self.port = 0
        """The port that is listened on, once it is: the real one where 0 was asked for."""

    async def start(self, host: str, port: int, certificate: ssl.SSLContext | None = None) -> None:
        """Listen. `host` "" means all addresses. Raises OSError where the port cannot be had."""
        self.loop = asyncio.get_running_loop()
        if certificate is not None:
            certificate.set_alpn_protocols(["h2"])
        try:
            sock = listening(host, port)
        except OSError as error:
            raise OSError(error.errno, f"gRPC cannot listen on port {port}: {error.strerror or error}") from error
        self._server = await self.loop.create_server(
            lambda: _Client(self),
            sock=sock,
            ssl=certificate,
            backlog=BACKLOG,
            ssl_handshake_timeout=_TLS_HANDSHAKE_SECONDS if certificate is not None else None,
        )
        self.port = sock.getsockname()[1]
        self._tick()

    def _tick(self) -> None:
        now = self.loop.time()
        for client in list(self._connections):
            client.check(now)
        self.budget.tick(now)
        self._ticker = self.loop.call_later(_TICK_SECONDS, self._tick)

    # what connections and calls ask

    def joined(self, client: "_Client") -> None:
        """A client has connected."""
        self._connections.add(client)

    def left(self, client: "_Client") -> None:
        """A client's connection is closed."""
        self._connections.discard(client)
        if not self._connections:
            self._empty.set()

    def call(self, client: "_Client", number: int, window: int, block: Block) -> Stream:
        """The call that a client begins with these headers."""
        head = head_of(block)
        handler = self._methods.get(head.method)
        if handler is not None:
            return UnaryCall(client, number, window, self, head, handler=handler)
        stream = self._streams.get(head.method)
        if stream is not None:
            return StreamingCall(client, number, window, self, head, handler=stream)
        return Call(client, number, window, self, head)

    def serve(self, call: UnaryCall, request: RpcRequest) -> None:
        """Have a call answered: by a task, unless its handler promises to call back."""
        if request.method in self._coroutines:
            call.task = self.loop.create_task(self._serve(call, request))
            return
        try:
            coming = call.handler(request)
        except Exception as error:  # noqa: BLE001 - whatever a handler raises costs this call alone
            call.finish(self._failure(error, request.method))
            return
        if isinstance(coming, RpcLater):
            call.task = coming
            coming.then(call.finish)
            return
        call.task = task = self.loop.create_task(self._serve(call, request, coming))
        if isinstance(coming, Coroutine):
            task.add_done_callback(lambda _: coming.close())  # a task that is cancelled at once never began it

    async def _serve(self, call: UnaryCall, request: RpcRequest, coming: Awaitable[RpcAnswer] | None = None) -> None:
        outcome: RpcAnswer | RpcError
        try:
            outcome = await (call.handler(request) if coming is None else coming)
        except asyncio.CancelledError:
            call.fail(_CANCELLED)  # for a client that still waits: its handler was cancelled from elsewhere
            raise
        except Exception as error:  # noqa: BLE001 - as above
            outcome = self._failure(error, request.method)
        call.finish(outcome)

    def serve_stream(self, call: StreamingCall) -> None:
        """Have a call of several messages answered."""
        call.task = self.loop.create_task(self._serve_stream(call))

    async def _serve_stream(self, call: StreamingCall) -> None:
        try:
            async for message in call.handler(call.requests()):
                await call.send(message)
            call.close()
        except Exception as error:  # noqa: BLE001 - as above
            call.fail(self._failure(error, call.head.method), headers_sent=call.headers_sent)

    def _failure(self, error: Exception, method: str) -> RpcError:
        """What the client is told: no inner text leaves the process."""
        if isinstance(error, RpcError):
            return error
        _LOG.error("handler failed", exc_info=error, extra={"server": self._name, "method": method})
        return _CRASH

    # the orderly end

    async def wait_unused(self, seconds: float, quiet_seconds: float = 0.5) -> bool:
        """Serve on until no client is connected, or no call has come for `quiet_seconds`; at most for `seconds`.

        False where some still come.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while (now := loop.time()) < deadline:
            calls = [client.unary for client in self._connections if client.streams]
            if not self._connections or (not any(calls) and now - self.last_answer >= quiet_seconds):
                return True
            await self._wait_empty(min(_LOOK_SECONDS, deadline - now))
        return False

    async def drain(self, deadline_seconds: float) -> None:
        """Accept nothing new, ask clients to go on elsewhere, finish what is under way.

        No call is lost by it: a client is told twice, first that it should open no more calls here, and once it has
        read that, which call was the last to be served. What is left at the deadline is dropped.
        """
        self._health.close()
        if self._server is None:
            return
        loop = asyncio.get_running_loop()
        begun = loop.time()
        await empty_queue(self._server)
        self._server.close()
        told = False
        while self._connections and (left := begun + deadline_seconds - loop.time()) > 0:
            late = loop.time() - begun > _DOOR_SECONDS
            for client in list(self._connections):
                client.last_call()  # again and again: a connection may just have been accepted
                if late:
                    client.close_door()
            told = True
            await self._wait_empty(min(left, _TICK_SECONDS / 20))
        for client in list(self._connections):
            client.abort()
        if not told:
            await asyncio.sleep(0)  # lets the closed sockets leave the loop
        if self._ticker is not None:
            self._ticker.cancel()
            self._ticker = None

    async def _wait_empty(self, seconds: float) -> None:
        self._empty.clear()
        if not self._connections:
            return
        try:
            await asyncio.wait_for(self._empty.wait(), seconds)
        except TimeoutError:
            return


class _Client(ServerConnection):
    """One connection to the server."""

    def __init__(self, server: RpcServer) -> None:
        super().__init__(server.loop)
        self._server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Known to the server from now on."""
        super().connection_made(transport)
        self._server.joined(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Gone."""
        super().connection_lost(exc)
        self._server.left(self)

    def check(self, now: float) -> None:
        """Once a second."""
        super().check(now)
        for stream in list(self.streams.values()):
            if isinstance(stream, UnaryCall):
                stream.tick()

    @property
    def unary(self) -> bool:
        """Whether a call of one message is under way: those of several may last as long as their client."""
        return any(isinstance(stream, UnaryCall) for stream in self.streams.values())

    def make_stream(self, number: int, window: int, block: Block) -> Stream:
        """A call."""
        return self._server.call(self, number, window, block)
