"""A call of several messages, the server's side: messages come and go while its handler runs."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol

from .rpc import RpcError
from .rpc_calls import CUT, Call, Host
from .rpc_head import CallHead
from .rpc_wire import PREFIX_BYTES, plain, too_large

StreamHandler = Callable[[AsyncIterator[bytes]], AsyncIterator[bytes]]
"""From the messages of a call to those of its answer. May raise RpcError."""


class StreamHost(Host, Protocol):
    """What such a call needs of its server."""

    def serve_stream(self, call: "StreamingCall") -> None:
        """Have a call answered."""


class StreamingCall(Call):
    """Messages that its handler has not taken yet count against what the client may send."""

    __slots__ = ("_answered", "_closed", "_messages", "_rest", "_wake", "handler")

    host: StreamHost

    def __init__(
        self, connection: Any, number: int, window: int, host: StreamHost, head: CallHead, *, handler: StreamHandler
    ) -> None:
        super().__init__(connection, number, window, host, head)
        self.handler = handler
        self._messages: deque[tuple[bytes, int]] = deque()
        self._rest = b""
        self._closed = False
        self._answered = False
        self._wake: asyncio.Future[None] | None = None

    @property
    def headers_sent(self) -> bool:
        """Whether the answer has begun."""
        return self._answered

    def begin(self) -> None:
        """Its handler may run before the first message is there."""
        self.host.serve_stream(self)

    def take(self, data: bytes, *, end: bool) -> None:
        """Cut messages out of what has come."""
        rest = self._rest + data
        at = 0
        limit = self.host.max_bytes
        while len(rest) - at >= PREFIX_BYTES:
            size = int.from_bytes(rest[at + 1 : at + PREFIX_BYTES], "big")
            if size > limit:
                self._give_up(too_large("Received", size, limit))
                return
            stop = at + PREFIX_BYTES + size
            if stop > len(rest):
                break
            try:
                message = plain(rest[at + PREFIX_BYTES : stop], rest[at], self.head.encoding, limit)
            except RpcError as error:
                self._give_up(error)
                return
            self.unacked -= stop - at  # counts again when the handler has taken it
            self._messages.append((message, stop - at))
            at = stop
        self._rest = rest[at:]
        if end:
            self._closed = True
            if self._rest:
                self._give_up(CUT)
                return
        self._signal()

    def _give_up(self, error: RpcError) -> None:
        if self.task is not None:
            self.task.cancel()
        self.fail(error, headers_sent=self._answered)

    async def requests(self) -> AsyncIterator[bytes]:
        """The messages of the call, one by one."""
        while True:
            while self._messages:
                message, size = self._messages.popleft()
                self.unacked += size
                self._connection.credit(self)
                yield message
            if self._closed:
                return
            await self._signalled()

    async def send(self, body: bytes) -> None:
        """A message of the answer. Waits while the client does not read. Raises RpcError."""
        if not self._answered:
            self._answered = True
            self.send_head()
        self.send_message(body)
        while self.pending and not self.local_closed:
            await self._signalled()

    def close(self) -> None:
        """The handler has ended well."""
        if self.local_closed or self._said:
            return
        if not self._answered:
            self._answered = True
            self.send_head()
        self.send_end()

    def on_sent(self) -> None:
        """The client reads."""
        self._signal()

    def _signal(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    async def _signalled(self) -> None:
        self._wake = self.host.loop.create_future()
        try:
            await self._wake
        finally:
            self._wake = None
