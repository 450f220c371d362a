"""Writing HTTP/1.1: the bytes of an answer's head."""

from functools import lru_cache
from http import HTTPStatus

from .messages import Response

_STATUS_LINES = {s.value: f"HTTP/1.1 {s.value} {s.phrase}\r\n" for s in HTTPStatus}
_BODILESS = frozenset({204, 304})


def status_line(status: int) -> str:
    """The first line of an answer, also for statuses that no RFC names."""
    return _STATUS_LINES.get(status) or f"HTTP/1.1 {status} Unknown\r\n"


def _field(name: str, value: str) -> str:
    """One header line.

    Raises ValueError where a line break would let a value write header fields of its own.
    """
    line = f"{name}: {value}"
    if "\n" in line or "\r" in line or "\0" in line:
        raise ValueError(f"header field {name!r} holds a line break or a zero byte")
    return f"{line}\r\n"


@lru_cache(maxsize=512)
def _common(status: int, content_type: str, common: tuple[tuple[str, str], ...]) -> str:
    """What many answers begin with. Raises ValueError as _field does."""
    fields = "".join([_field(name, value) for name, value in common])
    return status_line(status) + fields + (_field("Content-Type", content_type) if content_type else "")


def response_head(response: Response, *, date: str, connection: str) -> bytes:
    """Everything of an answer before its body. `connection` is a whole header line or empty."""
    status = response.status
    head = _common(status, response.content_type, response.common)
    if response.headers:
        head += "".join([_field(name, value) for name, value in response.headers])
    length = "" if status in _BODILESS else f"Content-Length: {len(response.body)}\r\n"
    return f"{head}{length}{date}{connection}\r\n".encode("latin-1", "replace")


def has_body(response: Response) -> bool:
    """Whether this status may carry a body at all (RFC 9110 15.3.5, 15.4.5)."""
    return response.status not in _BODILESS
