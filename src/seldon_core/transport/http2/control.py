"""The frames that carry no call (settings, pings, windows, resets, goodbyes), and a bound on how many are taken."""

import asyncio
from collections import deque
from collections.abc import Callable

from . import frames
from .fields import number as number_form
from .frames import ACK, Code, PeerError, StreamError
from .sending import Sending
from .stream import Stream

_IDLE_WORK = 2000
"""Frames a second that carry nothing (PING, SETTINGS, RST_STREAM, empty ones): a client of gRPC sends a few."""
_TABLE_BYTES = 4096
_REMEMBERED_RESETS = 256


class Control(Sending):
    """What both ends of a connection do with such frames. Faults are raised as PeerError and StreamError."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self.table_update = b""
        self._settled = False
        self._resets: deque[int] = deque(maxlen=_REMEMBERED_RESETS)
        self._idle_work = 0
        self._idle_since = 0.0
        self._others: dict[int, Callable[[int, int, bytes], None]] = {
            frames.PRIORITY: self._on_priority,
            frames.RST_STREAM: self._on_rst_stream,
            frames.SETTINGS: self._on_settings,
            frames.PUSH_PROMISE: self._on_push_promise,
            frames.PING: self._on_ping,
            frames.GOAWAY: self._on_goaway,
            frames.WINDOW_UPDATE: self._on_window_update,
            frames.CONTINUATION: self._on_continuation,
        }

    def _idle(self) -> None:
        """Count a frame that carries nothing: too many of them are an attack."""
        self._idle_work += 1
        if self._idle_work > _IDLE_WORK:
            now = self._loop.time()
            if now - self._idle_since < 1.0:
                raise PeerError(Code.ENHANCE_YOUR_CALM, "too many frames that carry nothing")
            self._idle_since, self._idle_work = now, 0

    def is_idle(self, number: int) -> bool:
        """Whether a stream of this number was never open."""
        raise NotImplementedError

    def _on_priority(self, _: int, number: int, payload: bytes) -> None:
        self._idle()
        if not number:
            raise PeerError(Code.PROTOCOL_ERROR, "a PRIORITY frame has no stream")
        if len(payload) != 5:
            raise StreamError(number, Code.FRAME_SIZE_ERROR, "a PRIORITY frame has not 5 bytes")
        if int.from_bytes(payload[:4], "big") & 0x7FFFFFFF == number:
            raise StreamError(number, Code.PROTOCOL_ERROR, "a stream depends on itself")

    def _on_rst_stream(self, _: int, number: int, payload: bytes) -> None:
        if len(payload) != 4:
            raise PeerError(Code.FRAME_SIZE_ERROR, "a RST_STREAM frame has not 4 bytes")
        if not number or self.is_idle(number):
            raise PeerError(Code.PROTOCOL_ERROR, "a stream that is not open is reset")
        self._idle()
        stream = self.streams.get(number)
        if stream is not None:
            stream.remote_closed = stream.local_closed = True
            self.forget(stream)
            stream.on_reset(int.from_bytes(payload, "big"), "the stream was reset")

    def _on_continuation(self, flags: int, number: int, payload: bytes) -> None:
        raise NotImplementedError

    def _on_settings(self, flags: int, number: int, payload: bytes) -> None:
        if number:
            raise PeerError(Code.PROTOCOL_ERROR, "a SETTINGS frame has a stream")
        if len(payload) % 6 or (flags & ACK and payload):
            raise PeerError(Code.FRAME_SIZE_ERROR, "a SETTINGS frame has a wrong size")
        if flags & ACK:
            return
        self._idle()
        self._settled = True
        for at in range(0, len(payload), 6):
            self._on_setting(
                int.from_bytes(payload[at : at + 2], "big"), int.from_bytes(payload[at + 2 : at + 6], "big")
            )
        self.write(frames.frame(frames.SETTINGS, ACK, 0))
        self.pump()

    def _on_setting(self, name: int, value: int) -> None:
        if name == frames.INITIAL_WINDOW_SIZE:
            if value > frames.LARGEST_WINDOW:
                raise PeerError(Code.FLOW_CONTROL_ERROR, "the initial window is too wide")
            change, self.stream_window = value - self.stream_window, value
            for stream in self.streams.values():
                stream.window += change
                if stream.window > frames.LARGEST_WINDOW:
                    raise PeerError(Code.FLOW_CONTROL_ERROR, "a stream's window is too wide")
        elif name == frames.MAX_FRAME_SIZE:
            if not frames.FIRST_FRAME_BYTES <= value <= frames.LARGEST_FRAME_BYTES:
                raise PeerError(Code.PROTOCOL_ERROR, "the size of frames is out of range")
            self.frame_bytes = value
        elif name == frames.HEADER_TABLE_SIZE:
            if value < _TABLE_BYTES:
                self.table_update = number_form(value, 0x1F, 0x20)
        elif name == frames.ENABLE_PUSH and value > 1:
            raise PeerError(Code.PROTOCOL_ERROR, "push is neither on nor off")

    def take_table_update(self) -> bytes:
        """What the next header block must begin with: nothing, but once after the peer has made its table smaller."""
        update, self.table_update = self.table_update, b""
        return update

    def _on_push_promise(self, _: int, __: int, ___: bytes) -> None:
        raise PeerError(Code.PROTOCOL_ERROR, "a push is promised, which is not wanted")

    def _on_ping(self, flags: int, number: int, payload: bytes) -> None:
        if number:
            raise PeerError(Code.PROTOCOL_ERROR, "a PING frame has a stream")
        if len(payload) != 8:
            raise PeerError(Code.FRAME_SIZE_ERROR, "a PING frame has not 8 bytes")
        if flags & ACK:
            self.on_pong(payload)
            return
        self._idle()
        self.write(frames.frame(frames.PING, ACK, 0, payload))

    def on_pong(self, payload: bytes) -> None:
        """The peer has read everything that went before a PING of ours."""

    def _on_goaway(self, _: int, number: int, payload: bytes) -> None:
        if number:
            raise PeerError(Code.PROTOCOL_ERROR, "a GOAWAY frame has a stream")
        if len(payload) < 8:
            raise PeerError(Code.FRAME_SIZE_ERROR, "a GOAWAY frame is too short")
        self._idle()
        last = int.from_bytes(payload[:4], "big") & 0x7FFFFFFF
        self.on_goaway(last, int.from_bytes(payload[4:8], "big"), payload[8:].decode("utf-8", "replace"))

    def on_goaway(self, last: int, code: int, text: str) -> None:
        """The peer opens no more streams, and processes none above `last`."""

    def _on_window_update(self, _: int, number: int, payload: bytes) -> None:
        if len(payload) != 4:
            raise PeerError(Code.FRAME_SIZE_ERROR, "a WINDOW_UPDATE frame has not 4 bytes")
        stream = self.streams.get(number)
        if stream is None and number:
            self._idle()
            if self.is_idle(number):
                raise PeerError(Code.PROTOCOL_ERROR, "the window of a stream that is not open is widened")
        self.widen(stream, int.from_bytes(payload, "big") & 0x7FFFFFFF, number)

    def ended(self, stream: Stream) -> None:
        """Our last frame of a stream has gone."""
        stream.local_closed = True
        if stream.remote_closed:
            self.forget(stream)

    def forget(self, stream: Stream) -> None:
        """A stream is closed on both sides."""
        if stream.pending is not None:
            self.drop(stream)
        self.streams.pop(stream.id, None)

    def reset(self, number: int, code: int, text: str = "") -> None:
        """End one stream, from our side."""
        self._idle()
        self._resets.append(number)
        self.write(frames.reset(number, code))
        stream = self.streams.get(number)
        if stream is not None:
            stream.remote_closed = stream.local_closed = True
            self.forget(stream)
            stream.on_reset(code, text)

    def _end_streams(self, text: str) -> None:
        for stream in list(self.streams.values()):
            stream.remote_closed = stream.local_closed = True
            self.forget(stream)
            stream.on_lost(text)
