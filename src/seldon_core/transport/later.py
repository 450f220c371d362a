"""An answer that comes by a callback: for handlers whose answer needs no coroutine, and so no task to run one.

A task, its coroutines and the turns of the event loop between them are a third of what a small request costs.
"""

import asyncio
from collections.abc import Callable, Generator
from typing import Any, Generic, TypeVar

from .messages import Response

T = TypeVar("T")


class Promise(Generic[T]):
    """Of one answer, which is given once by `settle`. For one event loop; may be awaited, too."""

    __slots__ = ("_answer", "_dropped", "_receive")

    def __init__(self) -> None:
        self._answer: T | None = None
        self._receive: Callable[[T], None] | None = None
        self._dropped = False

    def settle(self, answer: T) -> None:
        """Give the answer; it is received before this returns."""
        self._answer = answer
        # Kept no longer: who receives often holds the promise, and such a ring would be left to the garbage collector.
        receive, self._receive = self._receive, None
        if receive is not None and not self._dropped:
            receive(answer)

    def then(self, receive: Callable[[T], None]) -> None:
        """Have the answer given to `receive`, at once where it is there. One receiver."""
        if self._answer is None:
            self._receive = receive
        elif not self._dropped:
            receive(self._answer)

    def cancel(self) -> None:
        """Nobody waits any more."""
        self._dropped = True
        self._receive = None

    def done(self) -> bool:
        """Whether the answer is given, or nobody waits for it."""
        return self._dropped or self._answer is not None

    def __await__(self) -> Generator[Any, Any, T]:
        """The answer. A cancelled wait cancels the promise."""
        if self._answer is not None:
            return self._answer
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        def receive(answer: T) -> None:
            if not future.done():
                future.set_result(answer)

        self.then(receive)
        try:
            return (yield from future)
        except asyncio.CancelledError:
            self.cancel()
            raise


class Later(Promise[Response]):
    """Of an answer to a request."""

    __slots__ = ()
