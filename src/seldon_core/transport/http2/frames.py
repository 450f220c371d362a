"""Frames and error codes of HTTP/2. Source: RFC 9113, 4, 6 and 7."""

from enum import IntEnum
from struct import Struct

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITIZED = 0x1, 0x1, 0x4, 0x8, 0x20

HEAD = Struct(">HBBBI")
"""A frame's head: upper and lower part of its length, kind, flags, stream."""
HEAD_BYTES = 9

HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE, MAX_HEADER_LIST_SIZE = (
    range(1, 7)
)

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
FIRST_WINDOW = 65_535
"""Octets that may be sent before the peer allows more or less."""
FIRST_FRAME_BYTES = 16_384
"""The largest payload of a frame before the peer allows more."""
LARGEST_FRAME_BYTES = 2**24 - 1
LARGEST_WINDOW = 2**31 - 1
LARGEST_STREAM = 2**31 - 1


class Code(IntEnum):
    """Why a stream or a connection ends."""

    NO_ERROR = 0
    PROTOCOL_ERROR = 1
    INTERNAL_ERROR = 2
    FLOW_CONTROL_ERROR = 3
    SETTINGS_TIMEOUT = 4
    STREAM_CLOSED = 5
    FRAME_SIZE_ERROR = 6
    REFUSED_STREAM = 7
    CANCEL = 8
    COMPRESSION_ERROR = 9
    CONNECT_ERROR = 10
    ENHANCE_YOUR_CALM = 11
    INADEQUATE_SECURITY = 12
    HTTP_1_1_REQUIRED = 13


class PeerError(Exception):
    """The peer broke a rule in a way that ends the connection."""

    def __init__(self, code: Code, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class StreamError(Exception):
    """The peer broke a rule in a way that ends one stream."""

    def __init__(self, stream: int, code: Code, text: str) -> None:
        super().__init__(text)
        self.stream = stream
        self.code = code
        self.text = text


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """A whole frame."""
    size = len(payload)
    return HEAD.pack(size >> 8, size & 0xFF, kind, flags, stream) + payload


def frame_head(size: int, kind: int, flags: int, stream: int) -> bytes:
    """What stands before a payload of `size` bytes."""
    return HEAD.pack(size >> 8, size & 0xFF, kind, flags, stream)


def settings(**values: int) -> bytes:
    """A SETTINGS frame: `settings(initial_window_size=1)`."""
    entries = [globals()[name.upper()].to_bytes(2, "big") + value.to_bytes(4, "big") for name, value in values.items()]
    return frame(SETTINGS, 0, 0, b"".join(entries))


def window_update(stream: int, octets: int) -> bytes:
    """More may be sent, on a stream or (0) on the connection."""
    return frame(WINDOW_UPDATE, 0, stream, octets.to_bytes(4, "big"))


def goaway(last: int, code: int, text: str = "") -> bytes:
    """No stream above `last` is or will be processed."""
    return frame(GOAWAY, 0, 0, last.to_bytes(4, "big") + int(code).to_bytes(4, "big") + text.encode()[:200])


def reset(stream: int, code: int) -> bytes:
    """A stream ends here."""
    return frame(RST_STREAM, 0, stream, int(code).to_bytes(4, "big"))


def header_frames(stream: int, block: bytes, largest: int, *, end: bool) -> bytes:
    """A header block: one frame, or several where it is larger than the peer's frames may be."""
    flags = END_STREAM if end else 0
    if len(block) <= largest:
        return frame(HEADERS, flags | END_HEADERS, stream, block)
    parts = [block[at : at + largest] for at in range(0, len(block), largest)]
    kinds = [HEADERS] + [CONTINUATION] * (len(parts) - 1)
    flagged = [flags] + [0] * (len(parts) - 2) + [END_HEADERS]
    return b"".join(map(frame, kinds, flagged, [stream] * len(parts), parts))
