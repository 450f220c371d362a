"""Which lists of fields are a request, an answer or trailers. Source: RFC 9113, 8.2 and 8.3."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from .fields import Field

_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+").fullmatch
_BAD_VALUE = re.compile(rb"[\x00\n\r]|^[ \t]|[ \t]$").search
_OF_A_CONNECTION = frozenset({b"connection", b"proxy-connection", b"keep-alive", b"transfer-encoding", b"upgrade"})
_OF_A_REQUEST = frozenset({b":method", b":scheme", b":path", b":authority"})
_NEEDED = (b":method", b":scheme", b":path")
_OF_AN_ANSWER = frozenset({b":status"})
_SHORT = 128  # bytes of a value that is remembered
_NONE: frozenset[bytes] = frozenset()


class MalformedError(ValueError):
    """Fields that are no message."""


def request(fields: Iterable[Field]) -> tuple[Mapping[bytes, bytes], list[Field]]:
    """A request's pseudo-headers and its other fields. Raises MalformedError."""
    pseudo, others = _parted(fields, _OF_A_REQUEST)
    for name in _NEEDED:
        if not pseudo.get(name):
            raise MalformedError(f"the request has no {name.decode()}")
    return pseudo, others


def answer(fields: Iterable[Field]) -> tuple[int, list[Field]]:
    """An answer's status and its fields. Raises MalformedError."""
    pseudo, others = _parted(fields, _OF_AN_ANSWER)
    status = pseudo.get(b":status", b"")
    if len(status) != 3 or not status.isdigit():
        raise MalformedError("the answer has no status")
    return int(status), others


def trailers(fields: Iterable[Field]) -> list[Field]:
    """What follows a body. Raises MalformedError."""
    return _parted(fields, _NONE)[1]


def length(fields: Iterable[Field]) -> int | None:
    """What Content-Length says. Raises MalformedError."""
    found = {value for name, value in fields if name == b"content-length"}
    if not found:
        return None
    value = found.pop()
    if found or not value.isdigit() or len(value) > 18:
        raise MalformedError("the content's length is no number, or several")
    return int(value)


def _parted(fields: Iterable[Field], allowed: frozenset[bytes]) -> tuple[dict[bytes, bytes], list[Field]]:
    pseudo: dict[bytes, bytes] = {}
    others: list[Field] = []
    for name, value in fields:
        if name[:1] == b":":
            if others or name in pseudo or name not in allowed:
                raise MalformedError(f"the pseudo-header {_shown(name)} may not be there")
            pseudo[name] = value
            continue
        if len(value) <= _SHORT:
            _judge_known(name, value)
        else:
            _judge(name, value)
        others.append((name, value))
    return pseudo, others


def _judge(name: bytes, value: bytes) -> None:
    if not _NAME(name) or _BAD_VALUE(value):
        raise MalformedError(f"the header {_shown(name)} is malformed")
    if name in _OF_A_CONNECTION or (name == b"te" and value != b"trailers"):
        raise MalformedError(f"the header {_shown(name)} may not be there")


_judge_known = lru_cache(maxsize=512)(_judge)
"""Most fields of a request are those of the one before."""


def _shown(name: bytes) -> str:
    return repr(name[:40].decode("latin-1"))
