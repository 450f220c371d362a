"""Writing HTTP/1.1: the bytes of an answer's head."""

from functools import lru_cache
from http import HTTPStatus

from .messages import Response

_STATUS_LINES = {s.value: f"HTTP/1.1 {s.value} {s.phrase}\r\n" for s in HTTPStatus}
_BODILESS = frozenset({204, 304})


def status_line(status: int) -> str:
    """The first line of an answer, also for statuses that no RFC names."""
    return _STATUS_LINES.get(status) or f"HTTP/1.1 {status} Unknown\r\n"


@lru_cache(maxsize=512)
def _field(name: str, value: str) -> str:
    """One header line.

    Raises ValueError where a line break would let a value write header fields of its own.
    """
    if any(c in part for part in (name, value) for c in "\r\n\0"):
        raise ValueError(f"header field {name!r} holds a line break or a zero byte")
    return f"{name}: {value}\r\n"


def response_head(response: Response, *, date: str, connection: str) -> bytes:
    """Everything of an answer before its body. `connection` is a whole header line or empty."""
    parts = [status_line(response.status)]
    parts += [_field(name, value) for name, value in response.headers]
    if response.content_type:
        parts.append(_field("Content-Type", response.content_type))
    if response.status not in _BODILESS:
        parts.append(f"Content-Length: {len(response.body)}\r\n")
    parts += (date, connection, "\r\n")
    return "".join(parts).encode("latin-1", "replace")


def has_body(response: Response) -> bool:
    """Whether this status may carry a body at all (RFC 9110 15.3.5, 15.4.5)."""
    return response.status not in _BODILESS
