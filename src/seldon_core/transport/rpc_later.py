"""A call's answer that comes by a callback: as `later`, for handlers of gRPC."""

import asyncio
from collections.abc import Callable, Generator
from typing import Any

from .rpc import RpcAnswer, RpcError

Outcome = RpcAnswer | RpcError


class RpcLater:
    """A promise of one answer, or of an error. For one event loop; may be awaited, too."""

    __slots__ = ("_dropped", "_outcome", "_receive")

    def __init__(self) -> None:
        self._outcome: Outcome | None = None
        self._receive: Callable[[Outcome], None] | None = None
        self._dropped = False

    def settle(self, outcome: Outcome) -> None:
        """Give the answer; it is received before this returns."""
        self._outcome = outcome
        receive, self._receive = self._receive, None
        if receive is not None:
            receive(outcome)

    def then(self, receive: Callable[[Outcome], None]) -> None:
        """Have the answer given to `receive`, at once where it is there. One receiver."""
        if self._outcome is not None:
            receive(self._outcome)
        elif not self._dropped:
            self._receive = receive

    def cancel(self) -> None:
        """Nobody waits any more."""
        self._dropped = True
        self._receive = None

    def done(self) -> bool:
        """Whether the answer is given, or nobody waits for it."""
        return self._dropped or self._outcome is not None

    def __await__(self) -> Generator[Any, Any, RpcAnswer]:
        """The answer. Raises RpcError. A cancelled wait cancels the promise."""
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self.then(lambda outcome: None if future.done() else future.set_result(outcome))
        try:
            outcome = yield from future
        except asyncio.CancelledError:
            self.cancel()
            raise
        if isinstance(outcome, RpcError):
            raise outcome
        return outcome
