"""One call, the server's side: a request's bytes become a message, an answer becomes frames."""

import asyncio
from typing import Any, Protocol

from .budget import SMALL_BYTES, BodyBudget
from .http2 import messages
from .http2.fields import Block, indexed_name, literal
from .http2.frames import DATA, END_HEADERS, END_STREAM, HEADERS, Code, StreamError, frame_head
from .http2.messages import MalformedError
from .http2.stream import Stream
from .rpc import Metadata, RpcAnswer, RpcError, RpcHandler, RpcRequest, Status
from .rpc_head import CallHead
from .rpc_incoming import Incoming
from .rpc_wire import ACCEPTED, PREFIX_BYTES, block, escaped, plain, queued, too_large

CONTENT_TYPE = indexed_name(31, b"application/grpc")
_HEAD = b"\x88" + CONTENT_TYPE + literal(b"grpc-accept-encoding", ACCEPTED.encode())
_TRAILERS = literal(b"grpc-status", b"0")
# All of a frame's head but its size and its stream.
_HEAD_START = frame_head(len(_HEAD), HEADERS, END_HEADERS, 0)[:5]
_TRAILERS_START = frame_head(len(_TRAILERS), HEADERS, END_HEADERS | END_STREAM, 0)[:5]
_DATA_KIND = bytes((DATA, 0))
_TEXTS = {405: b"gRPC calls are POST requests.\n", 415: b"The content type of gRPC calls is application/grpc.\n"}
_REFUSED_BYTES = 64 * 1024  # read of what is no call, so that its client has sent all of it when the answer comes
_EXPIRED = RpcError(Status.DEADLINE_EXCEEDED, "Deadline Exceeded")
_UNKNOWN = RpcError(Status.UNIMPLEMENTED, "Method not found!")  # grpcio's own text
CUT = RpcError(Status.INTERNAL, "The call ended within a message, or without one.")
_SILENT_TICKS = 30
_SILENT = RpcError(Status.CANCELLED, f"Nothing of the request came for {_SILENT_TICKS} s.")
_NO_ROOM = RpcError(Status.UNAVAILABLE, "Too many large requests are being answered; try again later.")
_SEVERAL = RpcError(Status.INTERNAL, "The call has several messages, and its method takes one.")


class Cancellable(Protocol):
    """A task, or a promise."""

    def cancel(self) -> Any:
        """Nobody waits any more."""


class Host(Protocol):
    """What a call needs of its server."""

    max_bytes: int
    budget: BodyBudget
    loop: asyncio.AbstractEventLoop
    last_answer: float

    def serve(self, call: "UnaryCall", request: RpcRequest) -> None:
        """Have a call answered."""


class Call(Stream):
    """A stream that carries a call: its headers, its end. As it is, it serves those that cannot be served."""

    __slots__ = ("_begun", "_said", "_timer", "head", "host", "task")

    def __init__(self, connection: Any, number: int, window: int, host: Host, head: CallHead) -> None:
        super().__init__(connection, number, window)
        self.host = host
        self.head = head
        self._begun = False
        self._said = False
        """Whether the answer's end is said, or queued to be."""
        self._timer: asyncio.TimerHandle | None = None
        self.task: Cancellable | None = None

    # the request

    def on_fields(self, block: Block, *, end: bool) -> None:
        """The call's headers, or trailers, which clients of gRPC do not send: they are read past."""
        if self._begun:
            try:
                messages.trailers(block.fields)
            except MalformedError as error:
                raise StreamError(self.id, Code.PROTOCOL_ERROR, str(error)) from error
            if not end:
                raise StreamError(self.id, Code.PROTOCOL_ERROR, "trailers that end nothing")
            self.on_data(b"", end=True)
            return
        self._begun = True
        head = self.head
        if head.malformed:
            raise StreamError(self.id, Code.PROTOCOL_ERROR, head.malformed)
        if head.timeout is not None:
            self._timer = self.host.loop.call_later(head.timeout, self._expire)
        if head.error is not None:
            self.fail(head.error)
        elif not head.refusal:
            self.begin()
        if end:
            self.on_data(b"", end=True)

    def begin(self) -> None:
        """The headers are there and right."""
        self.fail(_UNKNOWN)

    def on_data(self, data: bytes, *, end: bool) -> None:
        """A piece of the request."""
        length = self.head.length
        self.received += len(data)
        if length is not None and (self.received > length or (end and self.received != length)):
            raise StreamError(self.id, Code.PROTOCOL_ERROR, "the body is not as long as Content-Length says")
        if self.local_closed:
            return
        if self._said:
            return
        if not self.head.refusal:
            self.take(data, end=end)
        elif end or self.received > _REFUSED_BYTES:
            self._refuse(self.head.refusal)

    def take(self, data: bytes, *, end: bool) -> None:
        """A piece of the request, which is still to be answered."""

    # the answer

    def answer(self, answer: RpcAnswer) -> None:
        """The call's only message, and OK."""
        self._stop_clock()
        if self.local_closed or self._said:
            return  # the client is gone, or has its answer
        body = answer.body
        size = len(body)
        if size > self.host.max_bytes:
            self.fail(too_large("Sent", size, self.host.max_bytes))
            return
        self._said = True
        size += PREFIX_BYTES
        connection = self._connection
        if answer.metadata or connection.table_update:
            head = _HEAD + block(answer.metadata)
            head_start = frame_head(len(head), HEADERS, END_HEADERS, 0)[:5]
            if connection.table_update or len(head) > connection.frame_bytes:
                self._send_slowly(head, body)
                return
        else:
            head, head_start = _HEAD, _HEAD_START
        if size > self.window or size > connection.window or size > connection.frame_bytes or connection.paused:
            self._send_slowly(head, body)
            return
        connection.window -= size
        number = self.id.to_bytes(4, "big")
        connection.write_together(
            b"".join(
                (
                    head_start,
                    number,
                    head,
                    size.to_bytes(3, "big"),
                    _DATA_KIND,
                    number,
                    b"\x00",
                    (size - PREFIX_BYTES).to_bytes(4, "big"),
                    body,
                    _TRAILERS_START,
                    number,
                    _TRAILERS,
                )
            )
        )
        connection.ended(self)

    def _send_slowly(self, head: bytes, body: bytes) -> None:
        head = self._connection.take_table_update() + head
        self._connection.queue(self, (head, True, False), *queued(body, end=False), (_TRAILERS, True, True))

    def send_head(self, metadata: Metadata = ()) -> None:
        """Headers, before any message."""
        head = self._connection.take_table_update() + _HEAD + block(metadata)
        self._connection.queue(self, (head, True, False))

    def send_message(self, body: bytes) -> None:
        """One of several messages. Raises RpcError."""
        if len(body) > self.host.max_bytes:
            raise too_large("Sent", len(body), self.host.max_bytes)
        self._connection.queue(self, *queued(body, end=False))

    def send_end(self) -> None:
        """All is well, and over."""
        self._stop_clock()
        self._said = True
        self._connection.queue(self, (_TRAILERS, True, True))

    def fail(self, error: RpcError, *, headers_sent: bool = False) -> None:
        """End the call with a status that is not OK."""
        self._stop_clock()
        if self.local_closed or self._said:
            return
        self._said = True
        trailers = literal(b"grpc-status", b"%d" % error.status) + literal(b"grpc-message", escaped(error.text))
        first = b"" if headers_sent else self._connection.take_table_update() + b"\x88" + CONTENT_TYPE
        if error.metadata and first:
            self._connection.queue(self, (first + block(error.metadata), True, False), (trailers, True, True))
        else:
            self._connection.queue(self, (first + trailers, True, True))

    def _refuse(self, status: int) -> None:
        """To what is no call of gRPC, an answer that any client of HTTP understands."""
        self._said = True
        text = _TEXTS[status]
        head = self._connection.take_table_update() + indexed_name(8, b"%d" % status)
        head += indexed_name(31, b"text/plain") + indexed_name(28, b"%d" % len(text))
        self._connection.queue(self, (head, True, False), (text, False, True))

    # the end

    def _expire(self) -> None:
        self._timer = None
        if self.task is not None:
            self.task.cancel()
        self.fail(_EXPIRED, headers_sent=self.headers_sent)

    @property
    def headers_sent(self) -> bool:
        """Whether the answer has begun."""
        return False

    def _stop_clock(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def on_reset(self, code: int, text: str) -> None:  # noqa: ARG002 - nobody is left to be told
        """The client has given up: so does its handler."""
        self.on_lost(text)

    def on_lost(self, text: str) -> None:  # noqa: ARG002 - as above
        """The client is gone: so does its handler."""
        self._stop_clock()
        if self.task is not None:
            self.task.cancel()


class UnaryCall(Call):
    """A call of one message, answered by one."""

    __slots__ = ("_idle_ticks", "_incoming_parts", "_seen", "handler")

    def __init__(
        self, connection: Any, number: int, window: int, host: Host, head: CallHead, *, handler: RpcHandler
    ) -> None:
        super().__init__(connection, number, window, host, head)
        self.handler = handler
        self._incoming_parts: Incoming | None = None
        self._seen = 0
        self._idle_ticks = 0

    def tick(self) -> None:
        """Once a second: give up a message that stopped coming, or that found no room."""
        if self.remote_closed:
            return
        self._idle_ticks = self._idle_ticks + 1 if self.received == self._seen else 0
        self._seen = self.received
        if self._idle_ticks >= _SILENT_TICKS:
            self._incoming.drop()
            self.fail(_NO_ROOM if self.withheld else _SILENT)

    def begin(self) -> None:
        """Its message is to come."""

    def finish(self, outcome: RpcAnswer | RpcError) -> None:
        """Its handler has ended."""
        self.host.last_answer = self.host.loop.time()
        if isinstance(outcome, RpcError):
            self.fail(outcome)
        else:
            self.answer(outcome)

    def take(self, data: bytes, *, end: bool) -> None:
        """A piece of the message, mostly all of it."""
        if end and self._incoming_parts is None and len(data) >= PREFIX_BYTES:
            size = len(data) - PREFIX_BYTES
            if int.from_bytes(data[1:PREFIX_BYTES], "big") == size <= self.host.max_bytes:
                self._dispatch(data[0], data[PREFIX_BYTES:])
                return
        self._gather(data)
        if self.local_closed:
            return
        incoming = self._incoming
        if incoming.excessive:
            self.fail(_SEVERAL)
        elif end and incoming.complete:
            self._dispatch(incoming.compressed, incoming.take())
        elif end:
            self.fail(CUT)

    @property
    def _incoming(self) -> Incoming:
        """The pieces of a message that does not come in one: made for the first."""
        if self._incoming_parts is None:
            self._incoming_parts = Incoming()
        return self._incoming_parts

    def _gather(self, data: bytes) -> None:
        """Keep a part. The message's size is judged once it is known, and room for a large message asked for."""
        incoming = self._incoming
        if self.share is not None:
            self.share.moved += len(data)
        if not incoming.add(data):
            return
        size = incoming.size
        if size > self.host.max_bytes:
            incoming.drop()
            self.fail(too_large("Received", size, self.host.max_bytes))
        elif size > SMALL_BYTES:
            self.share = ticket = self.host.budget.ask(size, self._go_on)
            self.withheld = not ticket.held
            if ticket.held:
                incoming.prepare()

    def _go_on(self) -> None:
        """There is room for the message: have its client send on."""
        self.withheld = False
        self._idle_ticks = 0
        self._incoming.prepare()
        self._connection.credit(self)

    def release(self) -> None:
        """Both the message and its answer are gone."""
        ticket, self.share = self.share, None
        self.host.budget.give_back(ticket)

    def _dispatch(self, compressed: int, body: bytes) -> None:
        head = self.head
        if compressed:
            try:
                body = plain(body, compressed, head.encoding, self.host.max_bytes)
            except RpcError as error:
                self.fail(error)
                return
        self.host.serve(self, RpcRequest(head.method, head.metadata, body))
