"""The server's end of a connection: streams that clients open, and an end that loses none of them."""

import asyncio

from . import frames
from .connection import CONNECTION_WINDOW, FRAME_BYTES, MAX_STREAMS, Connection
from .fields import MAX_LIST_BYTES, Block
from .frames import PREFACE, Code, PeerError, StreamError
from .stream import STREAM_WINDOW, Stream

_PREFACE_SECONDS = 10.0
_STALL_SECONDS = 30.0
_LAST_CALL = b"draining"


class ServerConnection(Connection):
    """One client. Subclasses make its streams."""

    greeting = frames.settings(
        max_concurrent_streams=MAX_STREAMS,
        initial_window_size=STREAM_WINDOW,
        max_frame_size=FRAME_BYTES,
        max_header_list_size=MAX_LIST_BYTES,
    ) + frames.window_update(0, CONNECTION_WINDOW - frames.FIRST_WINDOW)

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._begun = False
        self._last = 0
        self._told = False
        self._final = False
        self._clock = loop.time()

    @property
    def last_peer_stream(self) -> int:
        """The highest number of a stream that the client has opened."""
        return self._last

    def is_idle(self, number: int) -> bool:
        """Whether a stream of this number was never open."""
        return (number > self._last and not self._final) or not number % 2

    def make_stream(self, number: int, window: int, block: Block) -> Stream:
        """A stream that a client opens with these headers."""
        raise NotImplementedError

    def _opening(self, data: bytes) -> int:
        if self._begun:
            return 0
        if len(data) < len(PREFACE) and PREFACE.startswith(data):
            return -1
        if not data.startswith(PREFACE):
            raise PeerError(Code.PROTOCOL_ERROR, "this port speaks HTTP/2 with prior knowledge")
        self._begun = True
        return len(PREFACE)

    def _on_unknown(self, number: int, block: Block, *, end: bool) -> None:
        if number <= self._last:
            if number in self._resets:
                return  # it was on its way when we reset the stream
            raise PeerError(Code.STREAM_CLOSED, "headers on a stream that is closed")
        if not number % 2:
            raise PeerError(Code.PROTOCOL_ERROR, "a client's streams have odd numbers")
        if self._final:
            return  # the client knows that it was not processed
        self._last = number
        if len(self.streams) >= MAX_STREAMS:
            raise StreamError(number, Code.REFUSED_STREAM, "too many streams")
        stream = self.streams[number] = self.make_stream(number, self.stream_window, block)
        stream.remote_closed = end
        stream.on_fields(block, end=end)
        if end and stream.local_closed:
            self.forget(stream)

    def _on_late_data(self, number: int, *, open_here: bool) -> None:
        if not (self._final and number > self._last):  # else of a stream that the client knows was not processed
            super()._on_late_data(number, open_here=open_here)

    def ended(self, stream: Stream) -> None:
        """Our last frame of a stream has gone: what a client may still be sending on it is of no use."""
        stream.local_closed = True
        if not stream.remote_closed:
            stream.remote_closed = True
            self._resets.append(stream.id)
            self.write(frames.reset(stream.id, Code.NO_ERROR))
        self.forget(stream)

    def forget(self, stream: Stream) -> None:
        """A stream is closed on both sides; after the last one a connection that drains ends."""
        super().forget(stream)
        if stream.share is not None:
            stream.release()
        if self._final and not self.streams and not self._over:
            self.end()

    def pause_writing(self) -> None:
        """The client does not read: read nothing more from it, so that answers cannot pile up."""
        super().pause_writing()
        self._clock = self._loop.time()
        if self._socket is not None:
            self._socket.pause_reading()

    def resume_writing(self) -> None:
        """The client reads again."""
        if self._socket is not None and not self._socket.is_closing():
            self._socket.resume_reading()
        super().resume_writing()

    def check(self, now: float) -> None:
        """Once a second: give up a client that never begins, or does not read."""
        if not self._settled and now - self._clock > _PREFACE_SECONDS:
            self.fail(Code.SETTINGS_TIMEOUT, "the connection was never begun")
        elif self.paused and now - self._clock > _STALL_SECONDS:
            self.abort()

    # the orderly end

    def last_call(self) -> None:
        """Ask the client to go on by another connection. What it sent before it read that is still served."""
        if not self._begun or self._over:
            self.end()
        elif not self._told:
            self._told = True
            self.write(
                frames.goaway(frames.LARGEST_STREAM, Code.NO_ERROR) + frames.frame(frames.PING, 0, 0, _LAST_CALL)
            )

    def on_pong(self, payload: bytes) -> None:
        """The client has read that it must go on elsewhere."""
        if payload == _LAST_CALL and self._told:
            self.close_door()

    def close_door(self) -> None:
        """Take no further streams, say which was the last, and end after the last answer."""
        if self._final or self._over:
            return
        self._final = True
        self.write(frames.goaway(self._last, Code.NO_ERROR))
        if not self.streams:
            self.end()
