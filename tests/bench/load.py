"""What the load generators of REST and gRPC share: a closed loop, each connection with one request in flight.

Nothing is parsed while the clock runs but what tells where an answer ends: answers are kept, and checked afterwards
(check.py). So every answer is checked, and the generator stays much faster than what it measures.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

HOST = "127.0.0.1"
STRAGGLERS_SECONDS = 15.0
"""For requests that are in flight when the measured time is over."""
RETRY_SECONDS = 0.05
"""Before the next request, where a connection was refused or broke: no busy loop against a server that died."""


class Load:
    """The state that the connections of one measurement share. Times in seconds."""

    def __init__(self, requests: Sequence[bytes], port: int, first: int = 0) -> None:
        """`requests` are asked round and round from number `first` on, so that the next measurement takes others."""
        self.requests = requests
        self.port = port
        self.order = itertools.cycle(range(len(requests)))
        for _ in range(first % len(requests)):
            next(self.order)
        self.stopped = False
        self.connections = 0
        self.quiet = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self.reset()

    def reset(self) -> None:
        """Forget what came so far: the warm-up is over."""
        self.indices: list[int] = []
        self.answers: list[bytes] = []
        self.seconds: list[float] = []
        self.failures: Counter[str] = Counter()

    def fail(self, reason: str) -> None:
        """A request without an answer that could be checked."""
        self.failures[reason] += 1

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run it beside the rest, and keep hold of it until it is done."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def leave(self) -> None:
        """A connection has nothing more to do."""
        self.connections -= 1
        if self.connections == 0:
            self.quiet.set()


class Client(Protocol):
    """One connection of a generator."""

    def ask(self) -> None:
        """Send the next request, by a new connection where there is none; or leave, where the load has stopped."""


@dataclass(frozen=True)
class Measured:
    """What came within the measured time, one entry a request in each of the three sequences."""

    wall: float
    """How long was measured, seconds."""
    busy: float
    """The generator's own CPU time in it, seconds."""
    indices: Sequence[int]
    answers: Sequence[bytes]
    seconds: Sequence[float]
    failures: Counter[str] = field(default_factory=Counter)


class LoopFaultError(Exception):
    """What the event loop complains of without an exception."""


async def run(
    load: Load,
    client: Callable[[Load], Client],
    *,
    connections: int,
    warm_up: float,
    seconds: float,
    begin: Callable[[], None] = lambda: None,
    end: Callable[[], None] = lambda: None,
) -> Measured:
    """Ask by so many connections at once. `begin` and `end` are called at the ends of the measured time."""
    load.connections = connections
    loop = asyncio.get_running_loop()
    faults: list[BaseException] = []
    loop.set_exception_handler(
        lambda _loop, context: faults.append(context.get("exception") or LoopFaultError(context["message"]))
    )
    # The collector would walk over all that is kept, again and again, in the middle of a measurement.
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        for _ in range(connections):
            client(load).ask()
        await asyncio.sleep(warm_up)
        load.reset()
        begin()
        started, started_busy = time.perf_counter(), time.process_time()
        await asyncio.sleep(seconds)
        measured = Measured(
            time.perf_counter() - started,
            time.process_time() - started_busy,
            load.indices,
            load.answers,
            load.seconds,
            load.failures,
        )
        end()
        load.stopped = True
        load.reset()
        if not measured.answers and not measured.failures:
            measured.failures["no answer within the measured time"] += connections
        try:
            await asyncio.wait_for(load.quiet.wait(), STRAGGLERS_SECONDS)
        except TimeoutError:
            measured.failures[f"no answer within {STRAGGLERS_SECONDS:.0f} s"] += load.connections
    finally:
        gc.enable()
        gc.unfreeze()
        loop.set_exception_handler(None)
    if faults:  # of the generator itself: they must not look like those of a server
        raise faults[0]
    return measured
