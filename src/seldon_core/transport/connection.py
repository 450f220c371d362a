"""One connection, the server's side: what was read is answered in order, at the pace at which the client reads."""

import asyncio
import logging
from typing import cast

from .budget import BodyBudget, Ticket
from .heads import Heads
from .later import Later
from .messages import Handler, Limits, Refusal, Response
from .reader import Exchange, RequestReader
from .wire import has_body, response_head

_LOG = logging.getLogger(__name__)
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_JOIN_BELOW = 64 * 1024  # bytes: copying a small body behind its head is cheaper than a second write


class Shared:
    """What all connections of one server read: its handler, limits, clock, and whether it is closing."""

    def __init__(self, handler: Handler, limits: Limits, refusal: Refusal, name: str) -> None:
        self.handler = handler
        self.limits = limits
        self.refusal = refusal
        self.name = name
        self.date = ""
        self.heads = Heads()
        self.budget = BodyBudget(limits.large_bodies_bytes)
        self.closing = False
        self.connections: set[Connection] = set()
        self.empty = asyncio.Event()

    def crash(self) -> Response:
        """The answer where a handler failed without one: no inner text leaves the process."""
        return self.refusal(500, "The server failed to answer this request; its log says why.")


class Connection(asyncio.Protocol):
    """The writing half of one connection, and its clock."""

    def __init__(self, shared: Shared, loop: asyncio.AbstractEventLoop) -> None:
        self._shared = shared
        self._limits = shared.limits
        self._loop = loop
        self._reader = RequestReader(shared.limits, shared.refusal, shared.heads)
        self._waiting = self._reader.exchanges
        self._transport: asyncio.Transport | None = None
        self._active: asyncio.Future[Response] | Later | None = None
        self._exchange: Exchange | None = None
        self._write_paused = False
        self._unread = 0
        self._read_paused = False
        self._ticket: Ticket | None = None
        self._half_closed = False
        self._lingering = False
        self._deadline = 0.0

    # asyncio's callbacks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the clock for the first request."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own does not inherit from it
        self._shared.connections.add(self)
        self._allow(self._limits.request_seconds)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Drop what nobody waits for any more, so that a vanished client costs nothing further."""
        self._transport = None
        self._waiting.clear()
        self._release()
        if self._active is not None:
            self._active.cancel()
        self._shared.connections.discard(self)
        if not self._shared.connections:
            self._shared.empty.set()

    def data_received(self, data: bytes) -> None:
        """Read, then answer whatever became whole."""
        reader = self._reader
        if reader.over:
            return
        if reader.reading:
            self._deadline += len(data) / self._limits.slowest_bytes_per_second
            if self._ticket is not None:
                self._ticket.moved += len(data)
        else:
            self._allow(self._limits.request_seconds)
        reader.feed(data)
        self._advance()

    def eof_received(self) -> bool:
        """A client may close its half after its request and still read the answer."""
        self._half_closed = True
        self._allow(self._limits.half_closed_seconds)
        busy = self._active is not None or bool(self._waiting)
        over_tls = self._transport is not None and self._transport.get_extra_info("ssl_object") is not None
        return busy and not over_tls  # asyncio cannot keep half a TLS connection

    def pause_writing(self) -> None:
        """The client does not read: start no further request of its own until it does."""
        self._write_paused = True
        self._unread = self._transport.get_write_buffer_size() if self._transport is not None else 0
        self._allow(self._limits.write_stall_seconds)

    def resume_writing(self) -> None:
        """The client reads again."""
        self._write_paused = False
        self._allow(self._limits.request_seconds)
        self._advance()

    # answering

    def _advance(self) -> None:
        """Answer what waits, for as long as answers come at once and the client reads them."""
        waiting = self._waiting
        while waiting and self._active is None and not self._write_paused and self._transport is not None:
            exchange = waiting.popleft()
            result = self._answer(exchange)
            if result is not None:
                self._send(exchange, result)
        if self._transport is None or self._lingering:
            return
        if self._active is None and not waiting and not self._write_paused:
            self._rest(self._transport)
        self._throttle(self._transport, len(waiting))

    def _answer(self, exchange: Exchange) -> Response | None:
        """The answer, or None where it will come later."""
        if exchange.request is None:
            return exchange.refusal
        try:
            result = self._shared.handler(exchange.request)
        except Exception:  # noqa: BLE001 - whatever a handler raises costs this request alone; _crashed logs it
            return self._crashed(exchange)
        if isinstance(result, Response):
            return result
        self._exchange = exchange
        if isinstance(result, Later):
            self._active = result
            result.then(self._settled)
            return None
        self._active = future = asyncio.ensure_future(result)
        future.add_done_callback(self._answered)
        return None

    def _settled(self, answer: Response) -> None:
        """A promise is kept."""
        exchange, self._active, self._exchange = self._exchange, None, None
        if exchange is None or self._transport is None:
            return
        self._allow(self._limits.request_seconds)  # as below
        self._send(exchange, answer)
        self._advance()

    def _answered(self, future: "asyncio.Future[Response]") -> None:
        exchange, self._active, self._exchange = self._exchange, None, None
        if exchange is None or self._transport is None:
            if not future.cancelled():
                future.exception()  # seen: the client is gone, nobody is left to tell
            return
        try:
            answer = future.result()
        except (Exception, asyncio.CancelledError):  # noqa: BLE001 - as in _answer
            answer = self._crashed(exchange)
        self._allow(self._limits.request_seconds)  # a request that was arriving meanwhile could not be read
        self._send(exchange, answer)
        self._advance()

    def _crashed(self, exchange: Exchange) -> Response:
        path = exchange.request.path if exchange.request is not None else ""
        _LOG.exception("handler failed", extra={"server": self._shared.name, "path": path})
        return self._shared.crash()

    def _send(self, exchange: Exchange, response: Response) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        last = not exchange.keep_alive or (self._shared.closing and not self._waiting and not self._reader.reading)
        connection = "Connection: keep-alive\r\n" if exchange.old_protocol else ""
        if last:
            connection = "Connection: close\r\n"
        try:
            head = response_head(response, date=self._shared.date, connection=connection)
        except ValueError:
            response = self._crashed(exchange)
            head = response_head(response, date=self._shared.date, connection=connection)
        if not has_body(response) or (exchange.request is not None and exchange.request.method == "HEAD"):
            transport.write(head)
        elif len(response.body) < _JOIN_BELOW:
            transport.write(head + response.body)
        else:
            transport.writelines((head, response.body))
        if exchange.request is None:
            self._linger(transport)
        elif last:
            self._reader.over = True
            transport.close()

    # between answers

    def _rest(self, transport: asyncio.Transport) -> None:
        """Nothing waits for an answer."""
        if self._ticket is not None and not self._reader.large:
            self._release()
        if self._half_closed:
            transport.close()
        elif not self._reader.reading:
            self._allow(self._limits.keep_alive_seconds)
        elif self._reader.continue_due and not self._awaits_share(0):
            # Only now: before the answers to earlier requests the client would take it for one of them.
            self._reader.continue_due = False
            transport.write(_CONTINUE)

    def _throttle(self, transport: asyncio.Transport, waiting: int) -> None:
        """Read no further while too many requests of this client wait, or while a large body has no place yet."""
        if transport.is_closing():
            return
        full = waiting >= self._limits.max_pipelined or (self._reader.large > 0 and self._awaits_share(waiting))
        if full and not self._read_paused:
            transport.pause_reading()
        elif self._read_paused and not full:
            transport.resume_reading()
        self._read_paused = full

    def _awaits_share(self, waiting: int) -> bool:
        """Whether a large body that arrives has to wait: for the answers before it, or for memory."""
        size = self._reader.large
        if not size:
            return False
        if self._active is not None or waiting:
            return True
        if self._ticket is None:
            self._ticket = self._shared.budget.ask(size, self._share_granted)
        return not self._ticket.held

    def _share_granted(self) -> None:
        self._allow(self._limits.request_seconds)
        self._advance()

    def _release(self) -> None:
        ticket, self._ticket = self._ticket, None
        if ticket is not None:
            self._shared.budget.give_back(ticket)

    def _linger(self, transport: asyncio.Transport) -> None:
        """Close our half and read the client's away: closing at once would make the kernel drop the refusal unread."""
        self._lingering = True
        self._release()
        self._allow(self._limits.linger_seconds)
        if not transport.can_write_eof() or self._half_closed:
            transport.close()
            return
        transport.write_eof()
        if self._read_paused:
            transport.resume_reading()

    # the server's clock

    def _allow(self, seconds: float) -> None:
        self._deadline = self._loop.time() + seconds

    def check(self, now: float) -> None:
        """End what takes too long: an idle connection, a request that does not arrive, an answer that nobody reads."""
        if self._transport is None or now < self._deadline:
            return
        if self._write_paused and not self._lingering and self._is_read(self._transport):
            self._allow(self._limits.write_stall_seconds)
        elif self._lingering or self._write_paused or self._half_closed:
            self._transport.abort()
        elif self._active is not None or self._waiting:
            return
        elif self._ticket is not None and not self._ticket.held:
            self._reader.refuse(503, "Too many large requests are being answered; try again later.")
            self._advance()
        elif self._reader.reading:
            self._reader.refuse(408, f"The request did not arrive within {self._limits.request_seconds:g} seconds.")
            self._advance()
        else:
            self._transport.close()

    def _is_read(self, transport: asyncio.Transport) -> bool:
        """Whether a slow client has read on since the last look, at no less than the slowest rate."""
        before, self._unread = self._unread, transport.get_write_buffer_size()
        return before - self._unread >= self._limits.slowest_bytes_per_second * self._limits.write_stall_seconds

    def close_if_idle(self) -> None:
        """Close a connection on which nothing is under way."""
        if self._transport is not None and self._active is None and not self._waiting and not self._reader.reading:
            self._transport.close()

    def abort(self) -> None:
        """Drop the connection now."""
        if self._transport is not None:
            self._transport.abort()
