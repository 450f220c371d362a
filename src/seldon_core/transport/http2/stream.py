"""One stream: how far each side of it is, and what waits to be sent on it."""

from collections import deque
from typing import Any

from .fields import Block

STREAM_WINDOW = 1024 * 1024
"""What a peer may send on a stream before it is told that it was taken."""

Queued = tuple[bytes | memoryview, bool, bool]
"""Something to send: a payload, whether it is a header block, and whether the stream ends with it."""


class Stream:
    """What both sides' streams have in common. The connection calls `on_*`."""

    __slots__ = (
        "_connection",
        "id",
        "local_closed",
        "pending",
        "received",
        "remote_closed",
        "share",
        "unacked",
        "window",
        "withheld",
    )

    def __init__(self, connection: Any, number: int, window: int) -> None:
        self._connection = connection
        self.id = number
        self.window = window
        """What the peer lets us send."""
        self.unacked = 0
        """What the peer has sent and was not told that we have taken."""
        self.withheld = False
        """Whether the peer is not told of what we have taken: it has to wait before it sends more."""
        self.share: Any = None
        """What the stream holds of something that others wait for; `release` gives it back."""
        self.received = 0
        self.local_closed = False
        self.remote_closed = False
        self.pending: deque[Queued] | None = None

    def on_fields(self, block: Block, *, end: bool) -> None:
        """Headers or trailers."""
        raise NotImplementedError

    def on_data(self, data: bytes, *, end: bool) -> None:
        """A piece of the body."""
        raise NotImplementedError

    def on_reset(self, code: int, text: str) -> None:
        """The stream is gone: nothing can be sent or received any more."""
        raise NotImplementedError

    def on_lost(self, text: str) -> None:
        """The connection is gone, and the stream with it."""
        raise NotImplementedError

    def release(self) -> None:
        """Give the share back: the stream is closed."""

    def on_sent(self) -> None:
        """Whatever waited to be sent has gone."""
