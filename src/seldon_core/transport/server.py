"""The HTTP/1.1 server: listening, the clock of its connections, and the orderly end.

server = HttpServer(handler, name="webhook")
await server.start("0.0.0.0", 4443, ssl=context)
...
await server.drain(10)
"""

import asyncio
import ssl as ssl_module
from email.utils import formatdate

from .connection import Connection, Shared
from .listening import BACKLOG, empty_queue, listening
from .messages import Handler, Headers, Limits, Refusal, Request, Response, plain_refusal

__all__ = ["Handler", "Headers", "HttpServer", "Limits", "Refusal", "Request", "Response", "plain_refusal"]

_TICK_SECONDS = 1.0
_TLS_HANDSHAKE_SECONDS = 10.0


class HttpServer:
    """One listener. Handlers run in the event loop, and a slow one must return an awaitable."""

    def __init__(
        self, handler: Handler, *, limits: Limits | None = None, name: str, refusal: Refusal = plain_refusal
    ) -> None:
        self._shared = Shared(handler, limits or Limits(), refusal, name)
        self._server: asyncio.Server | None = None
        self._tls = False
        self._ticker: asyncio.TimerHandle | None = None

    @property
    def port(self) -> int:
        """The port that is listened on: the real one where 0 was asked for."""
        if self._server is None:
            raise RuntimeError(f"server {self._shared.name} is not started")
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def start(self, host: str, port: int, ssl: ssl_module.SSLContext | None = None) -> None:
        """Listen.

        `host` "" means all addresses, IPv4 and IPv6. Raises OSError where the port cannot be had.
        """
        loop = asyncio.get_running_loop()
        self._tls = ssl is not None
        self._server = await loop.create_server(
            lambda: Connection(self._shared, loop),
            sock=listening(host, port),
            ssl=ssl,
            backlog=BACKLOG,
            ssl_handshake_timeout=_TLS_HANDSHAKE_SECONDS if ssl is not None else None,
        )
        self._tick()

    def _tick(self) -> None:
        """Once a second: the Date field, and connections that take too long. One timer for all keeps requests cheap."""
        loop = asyncio.get_running_loop()
        self._shared.date = f"Date: {formatdate(usegmt=True)}\r\n"
        now = loop.time()
        for connection in list(self._shared.connections):
            connection.check(now)
        self._shared.budget.tick(now)
        self._ticker = loop.call_later(_TICK_SECONDS, self._tick)

    def announce_close(self) -> None:
        """Keep serving, and ask each client with its next answer to close its connection and come back by a new one.

        For the time between a pod's end being decided and every router knowing of it.
        """
        self._shared.closing = True

    async def wait_unused(self, seconds: float) -> bool:
        """Serve on until no client is connected, at most for `seconds`. False where some still are."""
        await self._wait_empty(seconds)
        return not self._shared.connections

    async def drain(self, deadline_seconds: float) -> None:
        """End in order: accept nothing new, finish what is under way, close what is idle.

        What is left at the deadline is dropped.
        """
        loop = asyncio.get_running_loop()
        shared = self._shared
        shared.closing = True
        deadline = loop.time() + deadline_seconds
        if self._server is not None:
            await empty_queue(self._server)
            self._server.close()
        grace = min(shared.limits.idle_grace_seconds, deadline_seconds)
        if self._tls:
            await asyncio.sleep(grace)  # a connection counts only once its handshake, some round trips, is done
        elif shared.connections:
            await self._wait_empty(grace)
        while shared.connections and (left := deadline - loop.time()) > 0:
            for connection in list(shared.connections):
                connection.close_if_idle()
            # Again and again: a connection that was reading or waiting may be idle by now.
            await self._wait_empty(min(left, _TICK_SECONDS / 20))
        for connection in list(shared.connections):
            connection.abort()
        if self._ticker is not None:
            self._ticker.cancel()
            self._ticker = None

    async def _wait_empty(self, seconds: float) -> None:
        self._shared.empty.clear()
        if not self._shared.connections:
            return
        try:
            await asyncio.wait_for(self._shared.empty.wait(), seconds)
        except TimeoutError:
            return
