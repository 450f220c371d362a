"""Which calls are made, with which rows, and in which thread."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from seldon_core.microservice import batching
from seldon_core.microservice.batching import Batcher

pytestmark = pytest.mark.asyncio


class Model:
    """Doubles rows; remembers how many came in each call, and in which thread."""

    def __init__(self) -> None:
        self.calls: list[int] = []
        self.threads: list[threading.Thread] = []

    def __call__(self, rows: Any, _names: list[str]) -> Any:
        self.calls.append(len(rows))
        self.threads.append(threading.current_thread())
        if (rows < 0).any():
            raise ValueError("no negative numbers")
        return rows * 2

    @property
    def here(self) -> list[bool]:
        return [thread is threading.current_thread() for thread in self.threads]


def rows(count: int, value: float = 1) -> Any:
    return np.full((count, 2), value)


async def test_requests_of_one_turn_are_one_call() -> None:
    model = Model()
    with ThreadPoolExecutor(1) as pool:
        batcher = Batcher(model, pool, quick_rows=100)
        answers = await asyncio.gather(*(batcher.submit(rows(n, n), []) for n in (1, 2, 3)))
    assert model.calls == [6]
    assert model.here == [True]
    assert [(len(a), a[0, 0]) for a in answers] == [(1, 2), (2, 4), (3, 6)]


async def test_without_a_promise_calls_are_made_in_a_thread() -> None:
    model = Model()
    with ThreadPoolExecutor(1) as pool:
        await Batcher(model, pool).submit(rows(1), [])
    assert model.here == [False]


async def test_more_rows_than_are_quick_go_to_a_thread() -> None:
    model = Model()
    with ThreadPoolExecutor(1) as pool:
        batcher = Batcher(model, pool, quick_rows=4)
        await asyncio.gather(*(batcher.submit(rows(n), []) for n in (5, 3, 1, 2)))
    assert model.calls == [5, 4, 2]
    assert model.here == [False, True, True]


async def test_a_bad_row_costs_its_own_request_only() -> None:
    model = Model()
    with ThreadPoolExecutor(1) as pool:
        batcher = Batcher(model, pool, quick_rows=100)
        good, bad = await asyncio.gather(
            batcher.submit(rows(1), []), batcher.submit(rows(1, -1), []), return_exceptions=True
        )
    assert good[0, 0] == 2
    assert isinstance(bad, ValueError)
    assert model.calls == [2, 1, 1]


async def test_other_columns_names_and_kinds_are_calls_of_their_own() -> None:
    model = Model()
    with ThreadPoolExecutor(1) as pool:
        batcher = Batcher(model, pool, quick_rows=100)
        await asyncio.gather(
            batcher.submit(rows(1), []),
            batcher.submit(rows(1), ["a", "b"]),
            batcher.submit(np.ones((1, 3)), []),
            batcher.submit(np.ones((1, 3), dtype=int), []),
        )
    assert model.calls == [1, 1, 1, 1]


async def test_what_nobody_waits_for_is_not_computed() -> None:
    model = Model()
    with ThreadPoolExecutor(1) as pool:
        batcher = Batcher(model, pool, quick_rows=100)
        gone, wanted = batcher.submit(rows(7), []), batcher.submit(rows(1), [])
        gone.cancel()
        await wanted
    assert model.calls == [1]


class Broken:
    """Fails when it is told."""

    def done(self) -> bool:
        return False

    def set_result(self, _: Any, /) -> None:
        raise RuntimeError("broken")

    def set_exception(self, _: BaseException, /) -> None:
        raise RuntimeError("broken")


async def test_a_receiver_that_fails_harms_nobody_else() -> None:
    model = Model()
    with ThreadPoolExecutor(1) as pool:
        batcher = Batcher(model, pool, quick_rows=100)
        batcher.give(rows(1), [], Broken())
        assert len(await batcher.submit(rows(1), [])) == 1
        assert len(await batcher.submit(rows(2), [])) == 2


async def test_calls_that_turn_out_slow_leave_the_event_loop(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Health checks must not wait for a model that was quick at load alone."""
    clock = iter(range(1000))
    monkeypatch.setattr(batching.time, "perf_counter", lambda: next(clock))  # each call takes a second
    model = Model()
    with ThreadPoolExecutor(1) as pool:
        batcher = Batcher(model, pool, quick_rows=100)
        for _ in range(5):
            await batcher.submit(rows(1), [])
    assert model.here == [True, True, True, False, False]
    assert "threads make them for a while" in caplog.text


async def test_slow_calls_are_tried_here_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that was busy for a moment must not cost speed for ever."""
    monkeypatch.setattr(batching, "_FIRST_PAUSE_SECONDS", 0.01)
    clock = iter(range(1000))
    monkeypatch.setattr(batching.time, "perf_counter", lambda: next(clock))
    model = Model()
    with ThreadPoolExecutor(1) as pool:
        batcher = Batcher(model, pool, quick_rows=100)
        for _ in range(4):
            await batcher.submit(rows(1), [])
        assert model.here == [True, True, True, False]
        async with asyncio.timeout(10):
            while not model.here[-1]:
                await batcher.submit(rows(1), [])


async def test_a_slow_moment_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter([0, 1, 1, 2, 2, 2, 2, 3, 3, 4, 4, 4])
    monkeypatch.setattr(batching.time, "perf_counter", lambda: next(ticks))
    model = Model()
    with ThreadPoolExecutor(1) as pool:
        batcher = Batcher(model, pool, quick_rows=100)
        for _ in range(6):
            await batcher.submit(rows(1), [])
    assert model.here == [True] * 6
