"""One connection to another server, the client's side: one request at a time, its answer read whole."""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol, cast

import httptools
import msgspec

from .errors import BadAnswerError, CallError, ConnectionClosedError
from .heads import AnswerHeads
from .messages import Headers


class ClientResponse(msgspec.Struct, frozen=True):
    """One whole answer."""

    status: int
    headers: Headers
    body: bytes


class Receiver(Protocol):
    """Who waits for an answer: a future, or something cheaper with these of its methods."""

    def done(self) -> bool:
        """Whether nobody waits any more."""
        ...  # pragma: no cover

    def set_result(self, result: ClientResponse, /) -> None:
        """The answer."""
        ...  # pragma: no cover

    def set_exception(self, exception: CallError, /) -> None:
        """Why there is none."""
        ...  # pragma: no cover


class ClientConnection(asyncio.Protocol):
    """A pooled connection. `reusable` tells, once an answer is there, whether a further request may follow."""

    def __init__(
        self, max_body_bytes: int, lost: Callable[["ClientConnection"], None], heads: AnswerHeads | None = None
    ) -> None:
        self._max_body_bytes = max_body_bytes
        self._lost = lost
        self._heads = heads or AnswerHeads()
        self._loop = asyncio.get_running_loop()
        self.now = self._loop.time
        """The time of its event loop, in seconds."""
        self._transport: asyncio.Transport | None = None
        self._answer: Receiver | None = None
        self._whole: tuple[Receiver, ClientResponse] | None = None
        self._parser: Any = None
        self._first = b""
        self.reusable = True
        self.idle_since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ready for a request."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own does not inherit from it

    @property
    def open(self) -> bool:
        """Whether a request can be written."""
        return self._transport is not None and not self._transport.is_closing()

    def send(self, head: bytes, body: bytes) -> "asyncio.Future[ClientResponse]":
        """Write a request. The future fails with a CallError."""
        answer: asyncio.Future[ClientResponse] = self._loop.create_future()
        self.ask(head, body, answer)
        return answer

    def ask(self, head: bytes, body: bytes, receiver: Receiver) -> None:
        """The same for one who is told, from inside the event loop's callbacks."""
        assert self._transport is not None  # noqa: S101 - the pool hands out open connections only
        self._answer = receiver
        self._begun = self._head_done = False
        self._parser = None
        if len(body) < 64 * 1024:
            self._transport.write(head + body)
        else:
            self._transport.writelines((head, body))

    def _start(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._framed = False
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._body_bytes = 0

    def close(self) -> None:
        """End the connection at once; an answer under way fails."""
        if self._transport is not None:
            self._transport.abort()

    # asyncio's callbacks

    def data_received(self, data: bytes) -> None:
        """Read the answer on."""
        if self._answer is None:
            self.close()  # nothing was asked: what follows could be taken for the answer to the next request
            return
        if self._parser is None:
            if self._recall(self._answer, data):
                return
            self._start()
            self._first = data
        else:
            self._first = b""
        self._begun = True
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(BadAnswerError(f"malformed HTTP response: {error}"))
        self._hand_over()

    def _recall(self, answer: Receiver, data: bytes) -> bool:
        """Whether this is a whole answer with a known head."""
        known = self._heads.answer(data)
        if known is None or len(known[2]) > self._max_body_bytes:
            return False
        self._answer = None
        if not answer.done():
            answer.set_result(ClientResponse(*known))
        return True

    def eof_received(self) -> None:
        """An answer without a length ends here (RFC 9112 6.3)."""
        if self._answer is not None and self._head_done and not self._framed:
            self.reusable = False
            self._complete()
            self._hand_over()

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail what was under way."""
        self._transport = None
        self.reusable = False
        text = "connection reset by peer" if isinstance(exc, ConnectionResetError) else "EOF"
        if self._answer is not None:
            self._fail(ConnectionClosedError("unexpected EOF" if self._begun else text, begun=self._begun))
        self._lost(self)

    # llhttp's callbacks

    def on_message_begin(self) -> None:
        """A second answer to one question shows that this server cannot be followed."""
        if self._answer is None:
            self.reusable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header field."""
        self._headers.append((name, value))
        if len(name) in (14, 17) and name.lower() in (b"content-length", b"transfer-encoding"):
            self._framed = True

    def on_headers_complete(self) -> None:
        """The status is known."""
        self._head_done = True

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._body.append(body)
        self._body_bytes += len(body)
        if self._body_bytes > self._max_body_bytes:
            self._fail(BadAnswerError(f"response body is larger than {self._max_body_bytes} bytes"))

    def on_message_complete(self) -> None:
        """The answer is whole, unless it was an interim one."""
        if 100 <= self._parser.get_status_code() < 200:
            self._headers, self._head_done, self._framed = [], False, False
            return
        self.reusable = self.reusable and self._parser.should_keep_alive()
        self._complete()

    def _complete(self) -> None:
        answer, self._answer = self._answer, None
        body, self._body = self._body, []  # an idle connection keeps nothing
        data, self._first = self._first, b""
        if answer is not None and not answer.done():
            whole = body[0] if len(body) == 1 else b"".join(body)
            status, headers = self._parser.get_status_code(), Headers(self._headers)
            if self.reusable and data:
                self._heads.learn(data, status, headers, whole)
            self._whole = (answer, ClientResponse(status, headers, whole))

    def _hand_over(self) -> None:
        """Give a whole answer away: not from inside the parser, for its receiver may ask again at once."""
        if self._whole is not None:
            (receiver, answer), self._whole = self._whole, None
            receiver.set_result(answer)

    def _fail(self, error: CallError) -> None:
        self.reusable = False
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_exception(error)
        self.close()
