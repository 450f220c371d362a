"""One call for all requests that wait: while a call runs, requests gather; when it ends, they go together.

A lone request waits for nothing. A failure inside a call of several is found by calling each alone, so a bad row costs
its own request only. For components that say so (`batches = True`): their rows do not depend on one another.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

import msgspec
import numpy as np

_LOG = logging.getLogger(__name__)
_MAX_ROWS = 4096  # of one call: bounds how long a request can wait behind others

_Answers = list[Any | BaseException]


class _Waiting(msgspec.Struct):
    features: Any
    names: list[str]
    answer: asyncio.Future[Any]


def fits(features: Any) -> bool:
    """Whether features can be joined with others: rows of numbers."""
    return (
        isinstance(features, np.ndarray) and features.ndim == 2 and features.dtype.kind in "iuf" and len(features) > 0
    )


class Batcher:
    """Calls `predict` in `pool`, one call at a time. For one event loop."""

    def __init__(self, predict: Callable[[Any, list[str]], Any], pool: Executor) -> None:
        self._predict = predict
        self._pool = pool
        self._waiting: deque[_Waiting] = deque()
        self._busy = False

    def submit(self, features: Any, names: list[str]) -> "asyncio.Future[Any]":
        """The rows of the answer that belong to these features."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(features, names, answer))
        if not self._busy:
            self._next()
        return answer

    def _next(self) -> None:
        batch = self._gather()
        if not batch:
            self._busy = False
            return
        self._busy = True
        job = asyncio.get_running_loop().run_in_executor(
            self._pool, self._run, [one.features for one in batch], batch[0].names
        )
        job.add_done_callback(lambda done: self._finish(batch, done))

    def _gather(self) -> list[_Waiting]:
        """The requests at the front that can share a call: same columns, same kind of number, still wanted."""
        batch: list[_Waiting] = []
        rows = 0
        while self._waiting:
            head = self._waiting[0]
            if head.answer.done():  # the client is gone
                self._waiting.popleft()
                continue
            size = len(head.features)
            if batch and (rows + size > _MAX_ROWS or not _alike(head, batch[0])):
                break
            batch.append(self._waiting.popleft())
            rows += size
        return batch

    def _finish(self, batch: list[_Waiting], job: "asyncio.Future[_Answers]") -> None:
        answers: _Answers
        try:
            answers = job.result()
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - the pool is closing; each request is told
            answers = [error] * len(batch)
        for one, answer in zip(batch, answers, strict=True):
            if one.answer.done():
                continue
            if isinstance(answer, BaseException):
                one.answer.set_exception(answer)
            else:
                one.answer.set_result(answer)
        self._next()

    def _run(self, features: list[Any], names: list[str]) -> _Answers:
        """In the pool's thread."""
        if len(features) > 1:
            try:
                return self._together(features, names)
            except Exception as error:  # noqa: BLE001 - whose fault it was comes out below
                _LOG.debug(
                    "joint call failed, calling one by one", extra={"requests": len(features), "error": str(error)}
                )
        return [self._alone(one, names) for one in features]

    def _together(self, features: list[Any], names: list[str]) -> _Answers:
        rows = np.concatenate(features)
        answer = self._predict(rows, names)
        if not isinstance(answer, np.ndarray) or len(answer) != len(rows):
            raise TypeError("one answer a row is needed to divide a joint answer")
        ends = np.cumsum([len(one) for one in features])
        return list(np.split(answer, ends[:-1]))

    def _alone(self, features: Any, names: list[str]) -> Any | BaseException:
        try:
            return self._predict(features, names)
        except Exception as error:  # noqa: BLE001 - carried to the request that it belongs to
            return error


def _alike(one: _Waiting, other: _Waiting) -> bool:
    mine, its = one.features, other.features
    return bool(mine.shape[1] == its.shape[1] and mine.dtype == its.dtype and one.names == other.names)
