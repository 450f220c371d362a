"""The values between the wire and a handler: requests, answers, headers, and the limits on them."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from .budget import TOTAL_BYTES


class Headers:
    """Header fields in the order and case of the wire, read without regard to case."""

    __slots__ = ("_index", "derived", "raw")

    def __init__(self, raw: Sequence[tuple[bytes, bytes]] = ()) -> None:
        self.raw = raw
        self.derived: dict[Any, Any] = {}
        """What a handler made of these fields alone: requests with the same head share one object (heads.py)."""
        self._index: dict[str, bytes] | None = None

    def get(self, name: str, default: str | None = None) -> str | None:
        """The value of a field; several fields of one name are joined by a comma, as RFC 9110 5.3 allows."""
        index = self._index
        if index is None:
            index = self._index = self._read()
        value = index.get(name.lower())
        return default if value is None else value.decode("latin-1")

    def _read(self) -> dict[str, bytes]:
        index: dict[str, bytes] = {}
        for name, value in self.raw:
            key = name.lower().decode("latin-1")
            index[key] = index[key] + b", " + value if key in index else value
        return index


class Request(msgspec.Struct, frozen=True):
    """One whole request. `path` is percent-decoded and without the query; `query` is as sent."""

    method: str
    path: str
    query: bytes
    headers: Headers
    body: bytes


class Response(msgspec.Struct, frozen=True):
    """One whole answer. An empty `content_type` sends no Content-Type field.

    `common` are further header fields, the same in many answers: they are written out once and kept.
    """

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    common: tuple[tuple[str, str], ...] = ()


Handler = Callable[[Request], Awaitable[Response] | Response]
"""Answers at once where it can (nothing is scheduled then), or returns an awaitable. An exception becomes a 500."""

Refusal = Callable[[int, str], Response]
"""Makes the answer to a request that the transport refuses, in the error shape of the server's protocol."""


def plain_refusal(status: int, sentence: str) -> Response:
    """The refusal of a server without an error shape of its own."""
    return Response(status, sentence.encode() + b"\n", "text/plain; charset=utf-8")


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What one client may ask of a server. Sizes in bytes, times in seconds."""

    max_header_bytes: int = 64 * 1024
    max_headers: int = 100
    max_body_bytes: int = 64 * 1024 * 1024
    """A larger body is answered 413 before it is read."""
    large_bodies_bytes: int = TOTAL_BYTES
    """Of bodies above 1 MB at once, all connections together; others are read when there is room for them."""
    request_seconds: float = 30.0
    """For a request to arrive whole; each `slowest_bytes_per_second` received adds a second."""
    slowest_bytes_per_second: int = 16 * 1024
    keep_alive_seconds: float = 75.0
    """For which an idle connection stays open. Longer than common proxies' idle time (60 s): they close first."""
    write_stall_seconds: float = 30.0
    """For which a client may leave its answer unread before the connection is dropped."""
    half_closed_seconds: float = 60.0
    """For which a client that closed its half is still waited with: it may read the answer, or it may be gone."""
    linger_seconds: float = 5.0
    """For which the rest of a refused request is read away, so that the client can read the refusal."""
    max_pipelined: int = 32
    """Requests of one connection that may wait before its socket is read no further."""
    idle_grace_seconds: float = 0.2
    """For which a draining server still answers on idle connections: a request may be under way on them."""
