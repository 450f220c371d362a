"""How gRPC puts calls into HTTP/2: messages, metadata, timeouts, statuses. Source: gRPC's PROTOCOL-HTTP2.md."""

import base64
import binascii
import re
import zlib
from collections.abc import Iterable
from urllib.parse import unquote_to_bytes

from .http2.fields import Field, literal
from .http2.stream import Queued
from .rpc import Metadata, RpcError, Status

PREFIX_BYTES = 5
"""Before each message: whether it is compressed, and its size."""
ACCEPTED = "identity, deflate, gzip"
_COPIED_BYTES = 16 * 1024 - PREFIX_BYTES
_WINDOW_BITS = {"gzip": 31, "deflate": 15}
_OWN = frozenset(
    {b"te", b"content-type", b"content-length"}
    | {
        b"grpc-" + name
        for name in (b"timeout", b"encoding", b"accept-encoding", b"message-type", b"status", b"message")
    }
)
"""Fields that are no metadata of a call."""
_UNITS = {"H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}
_TIMEOUT = re.compile(r"(\d{1,8})([HMSmun])", re.ASCII).fullmatch
_METADATA_NAME = re.compile(r"[0-9a-z_.\-]+", re.ASCII).fullmatch
_ESCAPED = re.compile(rb"[^ -$&-~]")


def prefix(size: int) -> bytes:
    """What stands before a message that is not compressed."""
    return b"\x00" + size.to_bytes(4, "big")


def queued(body: bytes, *, end: bool) -> tuple[Queued, ...]:
    """A message to be sent piece by piece; a large one is not copied."""
    if len(body) <= _COPIED_BYTES:
        return ((prefix(len(body)) + body, False, end),)
    return (
        (prefix(len(body)) + body[:_COPIED_BYTES], False, False),
        (memoryview(body)[_COPIED_BYTES:], False, end),
    )


def too_large(direction: str, size: int, limit: int) -> RpcError:
    """The error of a message beyond the limit, in gRPC's words."""
    return RpcError(Status.RESOURCE_EXHAUSTED, f"{direction} message larger than max ({size} vs. {limit})")


def plain(message: bytes, compressed: int, encoding: str, limit: int) -> bytes:
    """A message as it was before it was compressed, if it was. Raises RpcError."""
    if not compressed:
        return message
    bits = _WINDOW_BITS.get(encoding)
    if compressed != 1 or bits is None:
        raise RpcError(Status.INTERNAL, "A message is marked as compressed, and no encoding is named.")
    unpacking = zlib.decompressobj(bits)
    try:
        data = unpacking.decompress(message, limit + 1)
    except zlib.error as error:
        raise RpcError(Status.INTERNAL, f"A message cannot be decompressed: {error}") from error
    if len(data) > limit:
        raise RpcError(Status.RESOURCE_EXHAUSTED, f"Received message larger than max ({limit}) when decompressed")
    if not unpacking.eof:
        raise RpcError(Status.INTERNAL, "A compressed message is cut short.")
    return data


def known_encoding(encoding: str) -> bool:
    """Whether messages so encoded can be read."""
    return encoding == "identity" or encoding in _WINDOW_BITS


def seconds(timeout: str) -> float | None:
    """What grpc-timeout says; None where it says nothing."""
    found = _TIMEOUT(timeout)
    return int(found[1]) * _UNITS[found[2]] if found else None


def timeout_text(timeout: float) -> str:
    """The value of grpc-timeout for so many seconds, with eight digits at most."""
    micros = max(1, round(timeout * 1e6))
    if micros < 100_000_000:
        return f"{micros}u"
    return f"{-(-micros // 1000)}m" if micros < 100_000_000_000 else f"{min(-(-micros // 1_000_000), 99_999_999)}S"


def metadata(fields: Iterable[Field]) -> Metadata:
    """A call's metadata from its headers. Raises RpcError."""
    found: list[tuple[str, str | bytes]] = []
    for name, value in fields:
        if name in _OWN:
            continue
        text = name.decode("ascii")
        if text.endswith("-bin"):
            found.extend((text, _binary(text, part)) for part in value.split(b","))
        else:
            found.append((text, value.decode("latin-1")))
    return tuple(found)


def _binary(name: str, value: bytes) -> bytes:
    try:
        return base64.b64decode(value + b"=" * (-len(value) % 4), validate=True)
    except binascii.Error as error:
        raise RpcError(Status.INTERNAL, f"The metadata {name} is no base64.") from error


def block(fields: Metadata) -> bytes:
    """Metadata as a header block. Raises ValueError where a name or a value has no place in one."""
    parts = []
    for name, value in fields:
        if not _METADATA_NAME(name):
            raise ValueError(f"{name!r} is no name of metadata")
        if isinstance(value, str):
            value = value.encode("latin-1")  # noqa: PLW2901 - the one form for both kinds
        elif name.endswith("-bin"):
            value = base64.b64encode(value).rstrip(b"=")  # noqa: PLW2901 - as above
        parts.append(literal(name.encode(), value.strip(b" \t")))
    return b"".join(parts)


def escaped(text: str) -> bytes:
    """A status' text as grpc-message has it."""
    return _ESCAPED.sub(lambda found: b"%%%02X" % found[0][0], text.encode())


def unescaped(text: bytes) -> str:
    """A status' text from grpc-message. Whatever is malformed stays as it is."""
    return unquote_to_bytes(text).decode("utf-8", "replace")
