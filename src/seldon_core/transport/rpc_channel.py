"""One call, the client's side: a message becomes frames, an answer's frames become a message or an error."""

from typing import Protocol

from .http2 import messages
from .http2.client_side import ClientConnection
from .http2.fields import Block
from .http2.frames import DATA, END_HEADERS, END_STREAM, HEADERS, Code, StreamError
from .http2.messages import MalformedError
from .http2.stream import Stream
from .rpc import RpcError, Status
from .rpc_incoming import Incoming
from .rpc_wire import PREFIX_BYTES, plain, queued, too_large, unescaped

_STATUSES = {
    400: Status.INTERNAL,
    401: Status.UNAUTHENTICATED,
    403: Status.PERMISSION_DENIED,
    404: Status.UNIMPLEMENTED,
    429: Status.UNAVAILABLE,
    502: Status.UNAVAILABLE,
    503: Status.UNAVAILABLE,
    504: Status.UNAVAILABLE,
}
"""What an HTTP status without one of gRPC means. Source: gRPC's http-grpc-status-mapping.md."""
_RESETS: dict[int, Status] = {
    Code.CANCEL: Status.CANCELLED,
    Code.ENHANCE_YOUR_CALM: Status.RESOURCE_EXHAUSTED,
    Code.INADEQUATE_SECURITY: Status.PERMISSION_DENIED,
    Code.REFUSED_STREAM: Status.UNAVAILABLE,
}
_NOT_WHOLE = "The answer is not one whole message."
_KNOWN = frozenset(int(status) for status in Status)
_END_DATA = bytes((DATA, END_STREAM))
_HEADERS_KIND = bytes((HEADERS, END_HEADERS))


class NotProcessedError(Exception):
    """The server says that it did nothing for this call: it may be made again, elsewhere."""


class _Answer:
    """What a header block of an answer says: as its head, as its trailers, or as both."""

    __slots__ = ("encoding", "error", "http", "malformed", "ok", "title")

    def __init__(self, block: Block) -> None:
        self.http = 0
        self.ok = False
        self.error: tuple[Status, str] | None = None
        self.encoding = "identity"
        self.malformed = ""
        self.title = ""
        try:
            self._read(block)
        except MalformedError as error:
            self.malformed = str(error)

    def _read(self, block: Block) -> None:
        if any(name == b":status" for name, _ in block.fields):
            self.http, fields = messages.answer(block.fields)
        else:
            fields = messages.trailers(block.fields)
        named = dict(fields)
        self.encoding = named.get(b"grpc-encoding", b"identity").decode("latin-1")
        self.title = named.get(b"content-type", b"").decode("latin-1")
        status = named.get(b"grpc-status")
        if status == b"0":
            self.ok = True
        elif status is not None:
            number = int(status) if status.isdigit() and len(status) < 4 else int(Status.UNKNOWN)
            known = Status(number) if number in _KNOWN else Status.UNKNOWN
            self.error = (known, unescaped(named.get(b"grpc-message", b"")))


class Receiver(Protocol):
    """Who is told of a call's answer: a future, or what does without one."""

    def done(self) -> bool:
        """Whether nothing more is to be told."""
        ...  # pragma: no cover

    def set_result(self, result: bytes, /) -> None:
        """The answer."""
        ...  # pragma: no cover

    def set_exception(self, exception: Exception, /) -> None:
        """RpcError or NotProcessedError."""
        ...  # pragma: no cover


class ClientCall(Stream):
    """A stream that carries a call; `answer` brings its message, RpcError or NotProcessedError."""

    __slots__ = ("_begun", "_compressed", "_encoding", "_incoming", "_limit", "_whole", "answer")

    def __init__(self, connection: ClientConnection, limit: int, answer: Receiver) -> None:
        super().__init__(connection, 0, 0)
        self.answer = answer
        self._limit = limit
        self._begun = False
        self._encoding = "identity"
        self._compressed = 0
        self._whole: bytes | None = None
        """The message, where it came in one piece."""
        self._incoming: Incoming | None = None

    def send(self, block: bytes, body: bytes) -> None:
        """All of the call."""
        connection = self._connection
        size = len(body) + PREFIX_BYTES
        small = size <= self.window and size <= connection.window and size <= connection.frame_bytes
        if not small or connection.paused or len(block) > connection.frame_bytes:
            connection.queue(self, (block, True, False), *queued(body, end=True))
            return
        connection.window -= size
        self.window -= size
        self.local_closed = True
        number = self.id.to_bytes(4, "big")
        connection.write_together(
            b"".join(
                (
                    len(block).to_bytes(3, "big"),
                    _HEADERS_KIND,
                    number,
                    block,
                    size.to_bytes(3, "big"),
                    _END_DATA,
                    number,
                    b"\x00",
                    (size - PREFIX_BYTES).to_bytes(4, "big"),
                    body,
                )
            )
        )

    def on_fields(self, block: Block, *, end: bool) -> None:
        """The answer's head, its trailers, or both in one."""
        head: _Answer | None = block.meaning
        if head is None:
            head = block.meaning = _Answer(block)
        if head.malformed:
            raise StreamError(self.id, Code.PROTOCOL_ERROR, head.malformed)
        if not self._begun:
            if not head.http or (head.http < 200 and end):
                raise StreamError(self.id, Code.PROTOCOL_ERROR, "an answer begins without a status")
            if head.http < 200:
                return
            self._begun = True
            self._encoding = head.encoding
            if not self._is_grpc(head):
                return
        elif head.http or not end:
            raise StreamError(self.id, Code.PROTOCOL_ERROR, "trailers that are none")
        if end:
            self._finish(head)

    def _is_grpc(self, head: _Answer) -> bool:
        if head.ok or head.error is not None:
            return True
        if head.http == 200 and head.title.startswith("application/grpc"):
            return True
        status = _STATUSES.get(head.http, Status.UNKNOWN)
        self._give_up(status, f"unexpected HTTP status {head.http} and content type {head.title!r} of an answer")
        return False

    def on_data(self, data: bytes, *, end: bool) -> None:
        """A piece of the answer."""
        if not self._begun:
            raise StreamError(self.id, Code.PROTOCOL_ERROR, "an answer begins without headers")
        if data:
            whole = len(data) - PREFIX_BYTES
            if self._whole is None and self._incoming is None and int.from_bytes(data[1:PREFIX_BYTES], "big") == whole:
                self._compressed = data[0]
                self._whole = data[PREFIX_BYTES:]
                self._judge(whole)
            else:
                self._gather(data)
        if end:
            self._set_error(RpcError(Status.INTERNAL, "server closed the stream without sending trailers"))

    def _finish(self, head: _Answer) -> None:
        if head.error is not None:
            self._set_error(RpcError(*head.error))
        elif not head.ok:
            self._set_error(RpcError(Status.UNKNOWN, "The answer has no grpc-status."))
        elif not self.answer.done():
            try:
                self.answer.set_result(self._message())
            except RpcError as error:
                self._set_error(error)

    def _gather(self, data: bytes) -> None:
        incoming = self._incoming
        if incoming is None:
            incoming = self._incoming = Incoming()
            if self._whole is not None:  # something comes behind a whole message
                incoming.add(bytes((self._compressed,)) + len(self._whole).to_bytes(4, "big") + self._whole)
                self._whole = None
        if incoming.add(data):
            if self._judge(incoming.size):
                incoming.prepare()
            else:
                incoming.drop()
        if incoming.excessive:
            incoming.drop()
            self._give_up(Status.INTERNAL, _NOT_WHOLE)

    def _judge(self, size: int) -> bool:
        """Whether a message of this size may come; gives the call up where it may not."""
        if size <= self._limit:
            return True
        error = too_large("Received", size, self._limit)
        self._give_up(error.status, error.text)
        return False

    def _message(self) -> bytes:
        body, compressed, incoming = self._whole, self._compressed, self._incoming
        if incoming is not None and incoming.complete:
            body, compressed = incoming.take(), incoming.compressed
        if body is None:
            raise RpcError(Status.INTERNAL, _NOT_WHOLE)
        return plain(body, compressed, self._encoding, self._limit) if compressed else body

    def _give_up(self, status: Status, text: str) -> None:
        self._set_error(RpcError(status, text))
        self._connection.cancel(self)

    def cancel(self) -> None:
        """Nobody waits for the answer any more."""
        self._connection.cancel(self)

    def on_reset(self, code: int, text: str) -> None:
        """The stream is gone."""
        if code == Code.REFUSED_STREAM and not self._begun:
            self._set_error(NotProcessedError(text))
            return
        self._set_error(RpcError(_RESETS.get(code, Status.INTERNAL), text))

    def on_lost(self, text: str) -> None:
        """The connection is gone."""
        self._set_error(RpcError(Status.UNAVAILABLE, text))

    def _set_error(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)
