"""From bytes to whole requests: llhttp's callbacks, and everything that is refused while a request arrives.

The callbacks only collect; nothing is answered from inside the parser. What is complete waits in `exchanges`, in order,
a refusal behind the requests that came before it.
"""

from collections import deque
from typing import Any, NoReturn
from urllib.parse import unquote_to_bytes

import httptools
import msgspec

from .budget import SMALL_BYTES
from .heads import Heads
from .messages import Headers, Limits, Refusal, Request, Response


class Exchange(msgspec.Struct):
    """One thing to answer: a request, or (then `request` is None) the refusal of what could not become one."""

    request: Request | None
    refusal: Response | None
    keep_alive: bool
    old_protocol: bool


class _RefusedError(Exception):
    """Stops the parser from inside a callback; the reader holds the status and the sentence."""


class RequestReader:
    """The reading half of one connection."""

    def __init__(self, limits: Limits, refusal: Refusal, heads: Heads | None = None) -> None:
        self._limits = limits
        self._refusal = refusal
        self._heads = heads or Heads()
        self._parser: Any = httptools.HttpRequestParser(self)
        self._refused: tuple[int, str] | None = None
        self._chunk_bytes = 0
        self.exchanges: deque[Exchange] = deque()
        self.over = False
        """No further request is wanted: the last one said `Connection: close`, or was refused."""
        self._start()

    def _start(self) -> None:
        self.reading = False
        """A request has begun to arrive and is not whole."""
        self.continue_due = False
        """The client waits for `100 Continue` before it sends the body."""
        self.large = 0
        """Bytes that the arriving body may take, where it is a large one."""
        self._head_done = False
        self._head_bytes = 0
        self._upgrade_offered = False
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._body_bytes = 0

    def feed(self, data: bytes) -> None:
        """Read on. Never raises: what is wrong becomes a refusal in `exchanges`."""
        if self.over:
            return
        begins = not self.reading
        if begins and (request := self._heads.request(data)) is not None:
            self.exchanges.append(Exchange(request, None, keep_alive=True, old_protocol=False))
            return
        self._chunk_bytes = len(data)
        waiting = len(self.exchanges)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if not self.over:
                self._ignore_upgrade(data[upgrade.args[0] :])
            return
        except httptools.HttpParserError as error:
            if not self.over:
                self.refuse(*(self._refused or (400, f"The request is not valid HTTP/1.1: {error}.")))
            return
        if begins and not self.reading and len(self.exchanges) == waiting + 1:
            self._learn(data, self.exchanges[-1])
        elif self.reading and not self._head_done:
            self._head_bytes += len(data)
            if self._head_bytes > self._limits.max_header_bytes:
                self.refuse(431, self._header_sentence())

    def _learn(self, data: bytes, exchange: Exchange) -> None:
        if exchange.request is not None and exchange.keep_alive and not exchange.old_protocol:
            self._heads.learn(data, exchange.request)

    def refuse(self, status: int, sentence: str) -> None:
        """Answer `sentence` after everything that came before, and read no further."""
        refusal = self._refusal(status, sentence)
        self.exchanges.append(Exchange(None, refusal, keep_alive=False, old_protocol=False))
        self.over = True
        self.reading = False
        self.large = 0

    def _stop(self, status: int, sentence: str) -> NoReturn:
        self._refused = (status, sentence)
        raise _RefusedError(sentence)

    def _ignore_upgrade(self, rest: bytes) -> None:
        """Serve a request that offers another protocol (Java's client offers h2c on each) as the HTTP/1.1 that it is.

        llhttp stops at the end of such a head, without the body; the head goes to a new parser without the offer.
        """
        lines = [name + b": " + value for name, value in self._headers if name.lower() != b"upgrade"]
        head = b"\r\n".join([self._parser.get_method() + b" " + self._url + b" HTTP/1.1", *lines, b"", b""])
        self._parser = httptools.HttpRequestParser(self)
        self._start()
        self.feed(head + rest)

    # llhttp's callbacks

    def on_message_begin(self) -> None:
        """A request's first byte."""
        self._start()
        self.reading = True

    def on_url(self, url: bytes) -> None:
        """The request target, in as many pieces as the network made of it."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header field."""
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Refuse what the head alone shows to be unacceptable, before a byte of the body is kept."""
        self._head_done = True
        self._check_size()
        hosts = declared = 0
        expects = False
        for name, value in self._headers:
            size = len(name)
            if size == 4 and name.lower() == b"host":
                hosts += 1
            elif size == 14 and name.lower() == b"content-length":
                declared = int(value)
            elif size == 6 and name.lower() == b"expect":
                expects = value.lower() == b"100-continue"
        if hosts != 1 and (hosts or self._parser.get_http_version() != "1.0"):
            self._stop(400, f"The request has {hosts} Host header fields; exactly one is needed.")
        if declared > self._limits.max_body_bytes:
            self._stop(413, self._body_sentence(f"{declared} bytes long"))
        if declared > SMALL_BYTES:
            self.large = declared
        if self._parser.should_upgrade():
            if self._parser.get_method() == b"CONNECT":
                self._stop(405, "The method CONNECT is not served here.")
            self._upgrade_offered = True
        self.continue_due = expects

    def _check_size(self) -> None:
        limits = self._limits
        if len(self._headers) > limits.max_headers:
            self._stop(
                431, f"The request has {len(self._headers)} header fields; at most {limits.max_headers} are read."
            )
        if self._head_bytes + self._chunk_bytes > limits.max_header_bytes:
            # The chunks may hold body too; count exactly, so that the network's slicing decides nothing.
            exact = len(self._url) + sum(len(name) + len(value) + 4 for name, value in self._headers)
            if exact > limits.max_header_bytes:
                self._stop(431, self._header_sentence())

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._body.append(body)
        self._body_bytes += len(body)
        if self._body_bytes > self._limits.max_body_bytes:
            self._stop(413, self._body_sentence("longer"))
        if self._body_bytes > SMALL_BYTES and not self.large:
            self.large = self._limits.max_body_bytes  # sent in chunks: nobody knows its length

    def on_message_complete(self) -> None:
        """A whole request waits for its answer."""
        if self._upgrade_offered:
            return
        parser = self._parser
        path, query = self._target()
        body = self._body
        request = Request(
            parser.get_method().decode("latin-1"),
            path,
            query,
            Headers(self._headers),
            body[0] if len(body) == 1 else b"".join(body),
        )
        keep_alive = parser.should_keep_alive()
        self.exchanges.append(Exchange(request, None, keep_alive, parser.get_http_version() == "1.0"))
        self._body = []  # an idle connection keeps nothing
        self.reading = False
        self.large = 0
        self.continue_due = False
        self.over = not keep_alive

    def _target(self) -> tuple[str, bytes]:
        """Path and query. A target that names its host too, as a proxy's clients send it, loses it (RFC 9112 3.2.2)."""
        url = self._url
        if url[:1] != b"/" and url != b"*":
            try:
                parsed = httptools.parse_url(url)
            except httptools.HttpParserInvalidURLError:
                self._stop(400, "The request target is neither a path nor a URL.")
            path, query = parsed.path or b"/", parsed.query or b""
        else:
            path, _, query = url.partition(b"?")
        if b"%" in path:
            path = unquote_to_bytes(path)
        return path.decode("utf-8", "replace"), query

    def _header_sentence(self) -> str:
        return f"The request's header is larger than {self._limits.max_header_bytes} bytes."

    def _body_sentence(self, size: str) -> str:
        return f"The request's body is {size}; at most {self._limits.max_body_bytes} bytes are accepted."
