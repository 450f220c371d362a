"""The memory that large bodies of one server may take together: who comes too late waits, unread, in the network.

Without it a limit on each body bounds nothing: 16 clients with 10 MB each were 550 MB in an executor whose container
has 512. Bodies up to `SMALL_BYTES` are never counted, so that ordinary requests neither pay for it nor wait behind
large ones.
"""

import asyncio
from collections import deque
from collections.abc import Callable

SMALL_BYTES = 1024 * 1024
TOTAL_BYTES = 64 * 1024 * 1024
"""What large bodies of one server may take together, where nothing else is said."""
_OVERTAKE_SECONDS = 1.0
_HARD = 4  # times the budget, which even overtaking does not go beyond


class Ticket:
    """One body's share. `granted` is called once, where the share was not to be had at once.

    `moved` counts bytes of the body, or of its answer, that came or went.
    """

    __slots__ = ("granted", "held", "moved", "size")

    def __init__(self, size: int, granted: Callable[[], None]) -> None:
        self.size = size
        self.granted = granted
        self.held = False
        self.moved = 0


class BodyBudget:
    """Shares of `total` bytes, in the order in which they are asked for. For one event loop.

    A body larger than all of it gets its share when nothing else is held. Those who hold shares and do not move (a
    client that sends by the byte, a model that hangs) are overtaken: one waiting body a second goes on all the same.
    While `SMALL_BYTES` of theirs move in a second nobody is: a starved machine is slow, and needs its memory.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._holders: set[Ticket] = set()
        self._waiting: deque[Ticket] = deque()
        self._last = 0.0

    def ask(self, size: int, granted: Callable[[], None]) -> Ticket:
        """A share for a body. Where it is not `held` already, reading has to wait for `granted`."""
        ticket = Ticket(size, granted)
        if not self._waiting and self._fits(size):
            self._hold(ticket)
        else:
            self._waiting.append(ticket)
        return ticket

    def give_back(self, ticket: Ticket) -> None:
        """The body is answered, or its client is gone."""
        if ticket.held:
            ticket.held = False
            self._holders.remove(ticket)
        elif ticket in self._waiting:
            self._waiting.remove(ticket)
        while self._waiting and self._fits(self._waiting[0].size):
            self._grant()

    def tick(self, now: float) -> None:
        """Once a second: let one overtake."""
        moved = 0
        for ticket in self._holders:
            moved += ticket.moved
            ticket.moved = 0
        if not self._waiting or moved >= SMALL_BYTES:
            return
        size = self._waiting[0].size
        if now - self._last >= _OVERTAKE_SECONDS and self._held + size <= _HARD * self._total:
            self._grant()

    @property
    def _held(self) -> int:
        """Bytes of all shares: few at a time, since small bodies have none."""
        return sum(ticket.size for ticket in self._holders)

    def _fits(self, size: int) -> bool:
        return not self._held or self._held + size <= self._total

    def _grant(self) -> None:
        ticket = self._waiting.popleft()
        self._hold(ticket)
        ticket.granted()

    def _hold(self, ticket: Ticket) -> None:
        ticket.held = True
        self._holders.add(ticket)
        self._last = asyncio.get_running_loop().time()
