"""The queue's promises, with a clock that the test moves."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from seldon_core.kube.backoff import Backoff
from seldon_core.operator.queue import Queue, ShutDownError

pytestmark = pytest.mark.asyncio


@dataclass
class Clock:
    """Timers that go off when the test says so."""

    now: float = 0.0
    timers: list["Timer"] = field(default_factory=list)

    def call_later(self, seconds: float, call: Callable[[], None]) -> "Timer":
        timer = Timer(self.now + seconds, call)
        self.timers.append(timer)
        return timer

    def advance(self, seconds: float) -> None:
        self.now += seconds
        due = sorted((t for t in self.timers if t.due <= self.now), key=lambda t: t.due)
        self.timers = [t for t in self.timers if t.due > self.now]
        for timer in due:
            if not timer.cancelled:
                timer.call()


@dataclass
class Timer:
    due: float
    call: Callable[[], None]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True

    def when(self) -> float:
        return self.due


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(clock: Clock) -> Queue[str]:
    return Queue(backoff=Backoff(first=1.0, longest=8.0, random=lambda: 0.0), call_later=clock.call_later)


async def test_a_key_added_often_is_taken_once(queue: Queue[str]) -> None:
    for key in "abaab":
        queue.add(key)

    assert [await queue.take(), await queue.take()] == ["a", "b"]
    assert len(queue) == 0


async def test_a_key_added_while_it_is_worked_on_is_taken_once_more_and_not_before(queue: Queue[str]) -> None:
    queue.add("a")
    await queue.take()
    queue.add("a")
    queue.add("a")
    queue.add("b")

    assert await queue.take() == "b"
    assert len(queue) == 0
    queue.done("a")
    assert await queue.take() == "a"
    queue.done("a")
    assert len(queue) == 0


async def test_takers_wait(queue: Queue[str]) -> None:
    takers = [asyncio.create_task(queue.take()) for _ in range(2)]
    await asyncio.sleep(0)
    queue.add("a")
    queue.add("b")

    assert set(await asyncio.gather(*takers)) == {"a", "b"}


async def test_of_several_times_the_earliest_counts(queue: Queue[str], clock: Clock) -> None:
    queue.add_after("a", 10.0)
    queue.add_after("a", 5.0)
    queue.add_after("a", 7.0)
    clock.advance(4.9)
    assert len(queue) == 0
    clock.advance(0.1)
    assert len(queue) == 1
    await queue.take()
    queue.done("a")
    clock.advance(100.0)
    assert len(queue) == 0


async def test_failures_wait_longer_each_time_until_one_succeeds(queue: Queue[str]) -> None:
    assert [queue.retry("a") for _ in range(6)] == [1.0, 2.0, 4.0, 8.0, 8.0, 8.0]
    assert (queue.failures("a"), queue.failures("b")) == (6, 0)
    queue.succeeded("a")
    assert queue.retry("a") == 1.0
    assert queue.retry("b", at_least=3.0) == 3.0


async def test_closing_hands_out_nothing_more(queue: Queue[str], clock: Clock) -> None:
    queue.add("a")
    assert await queue.take() == "a"
    queue.add("b")
    queue.add_after("c", 1.0)
    waiting = asyncio.create_task(_drained(queue))
    queue.close()
    queue.add("d")
    clock.advance(2.0)
    queue.done("a")

    assert await waiting
    assert await _drained(queue)


async def _drained(queue: Queue[str]) -> bool:
    try:
        await queue.take()
    except ShutDownError:
        return True
    return False


async def test_urgent_keys_go_first(clock: Clock) -> None:
    queue: Queue[str] = Queue(urgent=str.isupper, call_later=clock.call_later)
    for key in ("a", "B", "c", "D"):
        queue.add(key)

    assert len(queue) == 4
    assert [await queue.take() for _ in range(4)] == ["B", "D", "a", "c"]


async def test_a_key_that_became_urgent_under_work_goes_first_afterwards(clock: Clock) -> None:
    urgent: set[str] = set()
    queue: Queue[str] = Queue(urgent=urgent.__contains__, call_later=clock.call_later)
    for key in ("a", "b"):
        queue.add(key)
    assert await queue.take() == "a"
    urgent.add("a")
    queue.add("a")
    queue.done("a")

    assert [await queue.take() for _ in range(2)] == ["a", "b"]
