"""The sending half of a connection: flow control, frames of the size that the peer takes, turns among streams.

Each write to a socket is a system call, which costs as much as a small call's own work. What is said while input is
read, and what is said in one turn of the event loop while several streams are open, goes out together.
"""

import asyncio
from collections import deque
from typing import Protocol

from .frames import (
    DATA,
    END_STREAM,
    FIRST_FRAME_BYTES,
    FIRST_WINDOW,
    LARGEST_WINDOW,
    Code,
    PeerError,
    StreamError,
    frame_head,
    header_frames,
)
from .stream import Queued, Stream


class _Transport(Protocol):
    def write(self, data: bytes) -> None: ...
    def is_closing(self) -> bool: ...


class Sending:
    """What a connection sends. `sent` is told of each stream whose last frame has gone."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.streams: dict[int, Stream] = {}
        self.window = FIRST_WINDOW
        """What the peer lets us send on all streams together."""
        self.stream_window = FIRST_WINDOW
        """What it lets us send on a new stream."""
        self.frame_bytes = FIRST_FRAME_BYTES
        self.paused = False
        self.transport: _Transport | None = None
        self._waiting: dict[int, Stream] = {}
        self._held: list[bytes] | None = None

    def write(self, data: bytes) -> None:
        """Whole frames, as they are: now, or with what is held back."""
        if self._held is not None:
            self._held.append(data)
            return
        transport = self.transport
        if transport is not None and not transport.is_closing():
            transport.write(data)

    def write_together(self, data: bytes) -> None:
        """Whole frames: now where theirs is the only stream, otherwise with those of the loop's same turn."""
        if self._held is not None:
            self._held.append(data)
        elif len(self.streams) > 1:
            self._held = [data]
            self._loop.call_soon(self.flush)
        else:
            self.write(data)

    def hold(self) -> None:
        """Hold back what is written until `flush`."""
        if self._held is None:
            self._held = []

    def flush(self) -> None:
        """Write what was held back."""
        held, self._held = self._held, None
        if held:
            self.write(held[0] if len(held) == 1 else b"".join(held))

    def queue(self, stream: Stream, *items: Queued) -> None:
        """Send in this order, as fast as the peer allows."""
        if stream.pending is None:
            stream.pending = deque()
        stream.pending.extend(items)
        self._waiting[stream.id] = stream
        self.pump()

    def drop(self, stream: Stream) -> None:
        """Nothing more goes out on this stream."""
        self._waiting.pop(stream.id, None)
        stream.pending = None

    def pump(self) -> None:
        """Send what may be sent, a frame of each stream in turn."""
        progress = True
        while progress and self._waiting and not self.paused:
            progress = False
            for stream in list(self._waiting.values()):
                progress = self._step(stream) or progress
                if self.paused:
                    return

    def _step(self, stream: Stream) -> bool:
        """One frame, or one header block. False where nothing may be sent now."""
        pending = stream.pending
        if not pending:
            self._waiting.pop(stream.id, None)
            return False
        payload, is_block, end = pending[0]
        if is_block:
            pending.popleft()
            self._write_now(header_frames(stream.id, bytes(payload), self.frame_bytes, end=end))
        else:
            size = len(payload)
            fits = min(size, self.window, stream.window, self.frame_bytes)
            if fits <= 0 < size:
                return False
            self.window -= fits
            stream.window -= fits
            if stream.share is not None:
                stream.share.moved += fits
            if fits < size:
                pending[0] = (memoryview(payload)[fits:], False, end)
                payload, end = payload[:fits], False
            else:
                pending.popleft()
            head = frame_head(fits, DATA, END_STREAM if end else 0, stream.id)
            self._write_now(b"".join((head, payload)))
        if end:
            self.drop(stream)
            self.ended(stream)
        elif not pending:
            self._waiting.pop(stream.id, None)
            stream.on_sent()
        return True

    def _write_now(self, data: bytes) -> None:
        """So that the transport can say when it has enough."""
        self.flush()
        self.write(data)

    def ended(self, stream: Stream) -> None:
        """The last frame of a stream has gone."""
        raise NotImplementedError

    def widen(self, stream: Stream | None, octets: int, number: int) -> None:
        """The peer allows more: on a stream, or on the connection where it is number 0."""
        if not number:
            if octets == 0:
                raise PeerError(Code.PROTOCOL_ERROR, "a window is widened by nothing")
            self.window += octets
            if self.window > LARGEST_WINDOW:
                raise PeerError(Code.FLOW_CONTROL_ERROR, "the connection's window is too wide")
        elif octets == 0:
            raise StreamError(number, Code.PROTOCOL_ERROR, "a window is widened by nothing")
        elif stream is not None:
            stream.window += octets
            if stream.window > LARGEST_WINDOW:
                raise StreamError(number, Code.FLOW_CONTROL_ERROR, "a stream's window is too wide")
        if self._waiting:
            self.pump()
