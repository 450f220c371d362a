"""Heads of messages that were read before: a client repeats its own with each request, a server with each answer.

llhttp calls back for each field, which is half of what reading a small message costs. Equal bytes have equal meaning,
so a head that llhttp has read once, with nothing unusual in it, is looked up from then on. It must be whole in one
piece, together with its whole body and nothing else; every other message goes through llhttp.

One field of requests may differ where it is the last: Seldon-Puid, which an orchestrator writes anew into each.
"""

from typing import Generic, TypeVar

import msgspec

from .messages import Headers, Request

_MOST = 512
_REST = 16 * _MOST
_MOST_BYTES = 2048  # of one head: what is kept is bounded, whatever clients send
_END = b"\r\n\r\n"
_LAST = b"\r\nSeldon-Puid: "
T = TypeVar("T")
_UNUSUAL = frozenset({b"expect", b"transfer-encoding", b"upgrade"})


class _Head(msgspec.Struct, frozen=True):
    method: str
    path: str
    query: bytes
    headers: Headers
    body_bytes: int


class _Known(Generic[T]):
    """At most `_MOST` heads. Where each is another (a proxy writes an id into each request) it soon stops trying."""

    def __init__(self) -> None:
        self.heads: dict[bytes, T] = {}
        self.used = 0
        self._rest = 0

    def keep(self, key: bytes, head: T) -> None:
        if self._rest:
            self._rest -= 1
            return
        if len(self.heads) >= _MOST:
            self._rest = 0 if self.used > _MOST else _REST
            self.used = 0
            self.heads.clear()
        self.heads[key] = head


class Heads:
    """The known heads of one server's clients."""

    def __init__(self) -> None:
        self._known = _Known[_Head]()

    def request(self, data: bytes) -> Request | None:
        """The request that `data` is, no more and no less; None where its head is not known."""
        heads = self._known.heads
        if not heads:
            return None
        end = data.find(_END) + 4
        last = data.find(_LAST, 0, end)
        known = heads.get(data[:end] if last < 0 else data[: last + 2])
        if known is None or len(data) - end != known.body_bytes:
            return None
        self._known.used += 1
        headers = known.headers
        if last >= 0:
            value = data[last + len(_LAST) : end - 4]
            if not _is_plain(value):
                return None
            headers = Headers([*headers.raw, (b"Seldon-Puid", value)])
        return Request(known.method, known.path, known.query, headers, data[end:])

    def learn(self, data: bytes, request: Request) -> None:
        """Keep the head of a request that llhttp has read from `data`, where that is all there was."""
        end = _whole(data, request.headers, request.body)
        if not end:
            return
        fields = request.headers.raw
        key, headers = data[:end], request.headers
        last = data.find(_LAST, 0, end)
        if last >= 0:
            if not fields or fields[-1] != (b"Seldon-Puid", data[last + len(_LAST) : end - 4]):
                return
            key, headers = data[: last + 2], Headers(fields[:-1])
        self._known.keep(key, _Head(request.method, request.path, request.query, headers, len(request.body)))


class AnswerHeads:
    """The known heads of servers' answers."""

    def __init__(self) -> None:
        self._known = _Known[tuple[int, Headers, int]]()

    def answer(self, data: bytes) -> tuple[int, Headers, bytes] | None:
        """Status, header fields and body, where `data` is one answer, no more and no less, and its head is known."""
        end = data.find(_END) + 4
        known = self._known.heads.get(data[:end])
        if known is None or len(data) - end != known[2]:
            return None
        self._known.used += 1
        return known[0], known[1], data[end:]

    def learn(self, data: bytes, status: int, headers: Headers, body: bytes) -> None:
        """Keep the head of an answer after which its connection stays, where `data` was all of it."""
        end = _whole(data, headers, body)
        # The length must be told: of other answers it depends on the request, or on the connection's end.
        if end and any(len(name) == 14 and name.lower() == b"content-length" for name, _ in headers.raw):
            self._known.keep(data[:end], (status, headers, len(body)))


def _whole(data: bytes, headers: Headers, body: bytes) -> int:
    """Where a message's head ends; 0 for one that is not to be kept."""
    end = data.find(_END) + 4
    if not 4 <= end <= _MOST_BYTES or len(data) - end != len(body) or not data[:1].isalpha():
        return 0
    return 0 if any(name.lower() in _UNUSUAL for name, _ in headers.raw) else end


def _is_plain(value: bytes) -> bool:
    """Letters, digits and dashes."""
    return value.replace(b"-", b"").isalnum() and len(value) <= 64
