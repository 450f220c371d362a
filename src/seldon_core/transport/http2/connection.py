"""What both ends of a connection do alike: reading frames, the order among them, headers and data, and the end."""

import asyncio
from typing import cast

from . import frames
from .control import Control
from .fields import Block, FieldReader
from .frames import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    HEAD,
    HEAD_BYTES,
    HEADERS,
    PADDED,
    PRIORITIZED,
    Code,
    PeerError,
    StreamError,
)
from .stream import STREAM_WINDOW, Stream

CONNECTION_WINDOW = 8 * 1024 * 1024
"""What a peer may send on all streams together before it is told that it was taken."""
FRAME_BYTES = 64 * 1024
"""The largest frame that is read."""
MAX_STREAMS = 1024
_BLOCK_BYTES = 64 * 1024
"""The largest header block, as it is on the wire."""
_LINGER_SECONDS = 1.0


class Connection(Control, asyncio.Protocol):
    """One connection. Subclasses open streams."""

    greeting = b""
    """What this side says first."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._socket: asyncio.Transport | None = None
        self._fields = FieldReader()
        self._rest = b""
        self._over = False
        self.end_reason = ""
        """Why the connection is closed, once it is."""
        self._unacked = 0
        self._block_of = 0
        self._block_flags = 0
        self._block = b""

    # asyncio's callbacks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say hello."""
        # uvloop's own does not inherit from it
        self.transport = self._socket = cast("asyncio.Transport", transport)
        self.write(self.greeting)

    def connection_lost(self, exc: Exception | None) -> None:
        """End every stream."""
        self.transport = self._socket = None
        self._over = True
        text = "connection reset by peer" if isinstance(exc, ConnectionResetError) else "the connection was closed"
        self.end_reason = self.end_reason or text
        self._end_streams(text)

    def eof_received(self) -> bool:
        """The peer sends nothing more: asyncio closes the connection, and whatever was under way is given up."""
        return False

    def pause_writing(self) -> None:
        """The peer does not read."""
        self.paused = True

    def resume_writing(self) -> None:
        """The peer reads again."""
        self.paused = False
        self.pump()

    def data_received(self, data: bytes) -> None:
        """Take every frame that is whole."""
        if self._over:
            return
        self.hold()
        try:
            self._take(self._rest + data if self._rest else data)
        except PeerError as fault:
            self.fail(fault.code, fault.text)
        self.flush()

    # reading

    def _take(self, data: bytes) -> None:
        at = self._opening(data)
        if at < 0:
            self._rest = data
            return
        size = len(data)
        while size - at >= HEAD_BYTES:
            high, low, kind, flags, stream = HEAD.unpack_from(data, at)
            end = at + HEAD_BYTES + (high << 8 | low)
            if end > size:
                if end - at > FRAME_BYTES + HEAD_BYTES:
                    raise PeerError(Code.FRAME_SIZE_ERROR, "a frame is larger than was allowed")
                break
            payload = data[at + HEAD_BYTES : end]
            at = end
            stream &= 0x7FFFFFFF
            try:
                if kind == HEADERS and self._settled and not self._block_of:
                    self._on_headers(flags, stream, payload)
                elif kind == DATA and self._settled and not self._block_of:
                    self._on_data(flags, stream, payload)
                else:
                    self._on_other(kind, flags, stream, payload)
            except StreamError as fault:
                self.reset(fault.stream, fault.code, fault.text)
            if self._over:
                return
        self._rest = data[at:] if at < size else b""

    def _opening(self, data: bytes) -> int:  # noqa: ARG002 - a server looks for the client's preface
        """Where frames begin; below 0 where that is not known yet."""
        return 0

    def _on_other(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if not self._settled and (kind != frames.SETTINGS or flags & ACK):
            raise PeerError(Code.PROTOCOL_ERROR, "the first frame is no SETTINGS")
        if len(payload) > FRAME_BYTES:
            raise PeerError(Code.FRAME_SIZE_ERROR, "a frame is larger than was allowed")
        if self._block_of and (kind != CONTINUATION or stream != self._block_of):
            raise PeerError(Code.PROTOCOL_ERROR, "a header block is interrupted")
        handle = self._others.get(kind)
        if handle is not None:
            handle(flags, stream, payload)
        else:
            self._idle()

    def _on_headers(self, flags: int, stream: int, payload: bytes) -> None:
        if not stream or len(payload) > FRAME_BYTES:
            self._refuse_size_or_stream(stream)
        if flags & (PADDED | PRIORITIZED):
            payload = _unpadded(flags, payload)
            if flags & PRIORITIZED:
                if len(payload) < 5:
                    raise PeerError(Code.FRAME_SIZE_ERROR, "a HEADERS frame is too short")
                depends = int.from_bytes(payload[:4], "big") & 0x7FFFFFFF
                payload = payload[5:]
                if depends == stream:
                    raise PeerError(Code.PROTOCOL_ERROR, "a stream depends on itself")
        if flags & END_HEADERS:
            self._on_block(stream, self._fields.read(payload), end=bool(flags & END_STREAM))
        else:
            self._block_of, self._block_flags, self._block = stream, flags, payload

    def _on_continuation(self, flags: int, stream: int, payload: bytes) -> None:
        if not self._block_of:
            raise PeerError(Code.PROTOCOL_ERROR, "a CONTINUATION continues nothing")
        self._idle()
        self._block += payload
        if len(self._block) > _BLOCK_BYTES:
            raise PeerError(Code.ENHANCE_YOUR_CALM, f"the headers are larger than {_BLOCK_BYTES} bytes")
        if flags & END_HEADERS:
            block, self._block, self._block_of = self._block, b"", 0
            self._on_block(stream, self._fields.read(block), end=bool(self._block_flags & END_STREAM))

    def _on_block(self, number: int, block: Block, *, end: bool) -> None:
        stream = self.streams.get(number)
        if stream is None:
            self._on_unknown(number, block, end=end)
            return
        if stream.remote_closed:
            raise StreamError(number, Code.STREAM_CLOSED, "headers after the stream's end")
        if end:
            stream.remote_closed = True
        stream.on_fields(block, end=end)
        if end:
            self.remote_ended(stream)

    def _on_unknown(self, number: int, block: Block, *, end: bool) -> None:
        """Headers of a stream that is not open."""
        raise NotImplementedError

    def _on_data(self, flags: int, number: int, payload: bytes) -> None:
        size = len(payload)
        if not number or size > FRAME_BYTES:
            self._refuse_size_or_stream(number)
        self._unacked += size
        if self._unacked >= CONNECTION_WINDOW // 2:
            self.write(frames.window_update(0, self._unacked))
            self._unacked = 0
        data = _unpadded(flags, payload) if flags & PADDED else payload
        end = bool(flags & END_STREAM)
        stream = self.streams.get(number)
        if stream is None or stream.remote_closed:
            self._on_late_data(number, open_here=stream is not None)
            return
        if not data and not end:
            self._idle()
        if end:
            stream.remote_closed = True
        else:
            stream.unacked += size
            if stream.unacked > STREAM_WINDOW:
                raise StreamError(number, Code.FLOW_CONTROL_ERROR, "more was sent than was allowed")
        stream.on_data(data, end=end)
        if end:
            self.remote_ended(stream)
        elif stream.unacked >= STREAM_WINDOW // 2:
            self.credit(stream)

    def credit(self, stream: Stream) -> None:
        """Tell the peer that what it sent on a stream was taken."""
        if not (stream.remote_closed or stream.withheld) and stream.unacked >= STREAM_WINDOW // 2:
            self.write(frames.window_update(stream.id, stream.unacked))
            stream.unacked = 0

    def _on_late_data(self, number: int, *, open_here: bool) -> None:
        self._idle()
        if open_here:
            raise StreamError(number, Code.STREAM_CLOSED, "data after the stream's end")
        if self.is_idle(number):
            raise PeerError(Code.PROTOCOL_ERROR, "data on a stream that is not open")
        if number not in self._resets:
            raise StreamError(number, Code.STREAM_CLOSED, "data on a stream that is closed")

    def _refuse_size_or_stream(self, number: int) -> None:
        if not number:
            raise PeerError(Code.PROTOCOL_ERROR, "a frame of a stream has no stream")
        raise PeerError(Code.FRAME_SIZE_ERROR, "a frame is larger than was allowed")

    # ending

    def remote_ended(self, stream: Stream) -> None:
        """The peer's last frame of a stream has come."""
        if stream.local_closed:
            self.forget(stream)

    def fail(self, code: Code, text: str) -> None:
        """End the connection, and say why."""
        if self._over:
            return
        self.write(frames.goaway(self.last_peer_stream, code, text))
        self.end_reason = text
        self._end_streams(text)
        self.end()

    @property
    def last_peer_stream(self) -> int:
        """The highest number of a stream that the peer has opened."""
        return 0

    def end(self) -> None:
        """Close, but so that the peer can read what was said last: a socket with something unread would be reset."""
        self._over = True
        self.flush()
        self.transport = None  # nothing is said after that
        socket = self._socket
        if socket is None or socket.is_closing():
            return
        if socket.can_write_eof():
            socket.write_eof()
            self._loop.call_later(_LINGER_SECONDS, self.abort)
        else:
            socket.close()

    def abort(self) -> None:
        """Close at once."""
        if self._socket is not None:
            self._socket.abort()


def _unpadded(flags: int, payload: bytes) -> bytes:
    if not flags & PADDED:
        return payload
    if not payload or payload[0] >= len(payload):
        raise PeerError(Code.PROTOCOL_ERROR, "a frame is padded beyond its size")
    return payload[1 : len(payload) - payload[0]]
