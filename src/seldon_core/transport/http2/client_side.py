"""The client's end of a connection: streams that we open, and a server that asks us to go on by another."""

import asyncio
from collections.abc import Callable

from . import frames
from .connection import CONNECTION_WINDOW, FRAME_BYTES, Connection
from .fields import MAX_LIST_BYTES, Block
from .frames import Code, PeerError, StreamError
from .stream import STREAM_WINDOW, Stream
from .writer import FieldWriter

_LAST_NUMBER = 2**31 - 3


class ClientConnection(Connection):
    """A connection to a server. `changed` is told when it may take another stream, or none any more."""

    greeting = (
        frames.PREFACE
        + frames.settings(
            enable_push=0,
            initial_window_size=STREAM_WINDOW,
            max_frame_size=FRAME_BYTES,
            max_header_list_size=MAX_LIST_BYTES,
        )
        + frames.window_update(0, CONNECTION_WINDOW - frames.FIRST_WINDOW)
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, changed: Callable[[], None]) -> None:
        super().__init__(loop)
        self.writer = FieldWriter()
        self._next = 1
        self._most = 2**31
        self._leaving = False
        self._changed = changed

    @property
    def usable(self) -> bool:
        """Whether new streams may go by this connection, perhaps after others have ended."""
        socket = self._socket
        return not (self._leaving or self._over or socket is None or socket.is_closing())

    @property
    def full(self) -> bool:
        """Whether the server takes no further stream until another one ends."""
        return len(self.streams) >= self._most

    def add(self, stream: Stream) -> None:
        """Give a stream its number."""
        number = stream.id = self._next
        stream.window = self.stream_window
        self._next = number + 2
        self.streams[number] = stream
        if number >= _LAST_NUMBER:
            self._leaving = True

    def is_idle(self, number: int) -> bool:
        """Whether a stream of this number was never open."""
        return number >= self._next or not number % 2

    def _on_unknown(self, number: int, block: Block, *, end: bool) -> None:  # noqa: ARG002 - whatever they are
        if self.is_idle(number):
            raise PeerError(Code.PROTOCOL_ERROR, "an answer on a stream that is not open")
        if number not in self._resets:
            raise StreamError(number, Code.STREAM_CLOSED, "headers on a stream that is closed")

    def _on_setting(self, name: int, value: int) -> None:
        if name == frames.MAX_CONCURRENT_STREAMS:
            self._most = value
            self._changed()
        else:
            self.writer.on_setting(name, value)
            super()._on_setting(name, value)

    def remote_ended(self, stream: Stream) -> None:
        """The answer is whole: what is still to be sent is of no use to the server."""
        if not stream.local_closed:
            stream.local_closed = True
            self._resets.append(stream.id)
            self.write(frames.reset(stream.id, Code.NO_ERROR))
        self.forget(stream)

    def forget(self, stream: Stream) -> None:
        """A stream is closed on both sides."""
        super().forget(stream)
        if self._leaving and not self.streams:
            self.close()
        elif len(self.streams) == self._most - 1:
            self._changed()

    def cancel(self, stream: Stream) -> None:
        """Nobody waits for the answer any more."""
        if stream.id in self.streams:
            stream.remote_closed = stream.local_closed = True
            self._resets.append(stream.id)
            self.write(frames.reset(stream.id, Code.CANCEL))
            self.forget(stream)

    def on_goaway(self, last: int, code: int, text: str) -> None:
        """Open no more streams; those above `last` were not and will not be processed."""
        self._leaving = True
        for stream in [stream for number, stream in self.streams.items() if number > last]:
            stream.remote_closed = stream.local_closed = True
            self.forget(stream)
            stream.on_reset(Code.REFUSED_STREAM, text or f"the server goes away ({code})")
        self._changed()
        if not self.streams:
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Gone."""
        super().connection_lost(exc)
        self._changed()

    def close(self) -> None:
        """End the connection; calls under way fail."""
        self._over = True
        self._end_streams("the connection is closed")
        self.flush()
        if self._socket is not None:
            self._socket.close()
