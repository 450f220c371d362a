"""One call for all requests that wait: those of one turn of the event loop, and those that gather while a call runs.

A lone request waits for nothing but the end of the turn that read it. A failure inside a call of several is found by
calling each alone, so a bad row costs its own request only. For components that say so (`batches = True`): their rows
do not depend on one another.

A call that a component has measured to be quick (`quick_rows`) is made in the event loop: handing it to a thread costs
more than the call, twice over where both wait for the interpreter's lock. What turns out slow goes to the threads for
a while, and for longer each time: a machine that was busy for a moment must not cost speed for ever.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, Generic, Protocol, TypeVar

import msgspec
import numpy as np

from seldon_core.transport.later import Promise

_LOG = logging.getLogger(__name__)
T = TypeVar("T")
_MAX_ROWS = 4096  # of one call: bounds how long a request can wait behind others
_SLOW_SECONDS = 0.001  # of a quick call: ten times what was promised
_SLOW_CALLS = 3  # in a row: one alone may be a moment in which the machine gave this process no processor

_FIRST_PAUSE_SECONDS = 10.0
_LONGEST_PAUSE_SECONDS = 600.0

_Answers = list[Any | BaseException]


class Receiver(Protocol):
    """Who waits for rows: a future, or something cheaper with these of its methods."""

    def done(self) -> bool:
        """Whether nobody waits any more."""
        ...  # pragma: no cover

    def set_result(self, result: Any, /) -> None:
        """The rows of the answer."""
        ...  # pragma: no cover

    def set_exception(self, exception: BaseException, /) -> None:
        """Why there are none."""
        ...  # pragma: no cover


class Joined(Generic[T]):
    """Who waits for the rows of one prediction: makes them the answer that was promised.

    One for each request, so with attributes in the place of closures: these cost a tenth of a small request.
    """

    __slots__ = ("_promise", "done")

    def __init__(self, promise: Promise[T]) -> None:
        self._promise = promise
        self.done = promise.done

    def answer(self, rows: Any) -> T:
        """The answer from the rows."""
        raise NotImplementedError

    def failed(self, error: BaseException) -> T:
        """The answer where there is none."""
        raise NotImplementedError

    def set_result(self, result: Any, /) -> None:
        """The rows are there."""
        try:
            answer = self.answer(result)
        except Exception as error:  # noqa: BLE001 - a user's class may have given anything
            answer = self.failed(error)
        self._promise.settle(answer)

    def set_exception(self, exception: BaseException, /) -> None:
        """There are none."""
        self._promise.settle(self.failed(exception))


class _Waiting(msgspec.Struct):
    features: Any
    names: list[str]
    receiver: Receiver


def fits(features: Any) -> bool:
    """Whether features can be joined with others: rows of numbers."""
    return (
        isinstance(features, np.ndarray) and features.ndim == 2 and features.dtype.kind in "iuf" and len(features) > 0
    )


class Batcher:
    """Calls `predict`, one call at a time: of at most `quick_rows` rows here, of more in `pool`. For one event loop."""

    def __init__(self, predict: Callable[[Any, list[str]], Any], pool: Executor, quick_rows: int = 0) -> None:
        self._predict = predict
        self._pool = pool
        self._quick_rows = quick_rows
        self._promised_rows = quick_rows
        self._pause = _FIRST_PAUSE_SECONDS
        self._slow_calls = 0
        self._waiting: deque[_Waiting] = deque()
        self._busy = False

    def submit(self, features: Any, names: list[str]) -> "asyncio.Future[Any]":
        """The rows of the answer that belong to these features."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.give(features, names, answer)
        return answer

    def give(self, features: Any, names: list[str], receiver: Receiver) -> None:
        """The same for one who is told."""
        self._waiting.append(_Waiting(features, names, receiver))
        if not self._busy:
            self._busy = True
            asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        """Make the next call, at once where it is quick."""
        batch = self._gather()
        if not batch:
            self._busy = False
            return
        loop = asyncio.get_running_loop()
        features = [one.features for one in batch]
        if sum(map(len, features)) > self._quick_rows:
            job = loop.run_in_executor(self._pool, self._run, features, batch[0].names)
            job.add_done_callback(lambda done: self._finish(batch, done))
            return
        begun = time.perf_counter()
        answers = self._run(features, batch[0].names)
        self._judge(time.perf_counter() - begun)
        _hand_out(batch, answers)
        if self._waiting:
            loop.call_soon(self._next)  # other events have their turn between two calls
        else:
            self._busy = False

    def _judge(self, seconds: float) -> None:
        """Make no call in the event loop for a while once three in a row took long: health checks must not wait."""
        self._slow_calls = self._slow_calls + 1 if seconds > _SLOW_SECONDS else 0
        if self._slow_calls == _SLOW_CALLS:
            self._quick_rows = self._slow_calls = 0
            _LOG.warning(
                "calls take longer than measured at load, threads make them for a while", extra={"seconds": self._pause}
            )
            asyncio.get_running_loop().call_later(self._pause, self._resume)
            self._pause = min(2 * self._pause, _LONGEST_PAUSE_SECONDS)

    def _resume(self) -> None:
        self._quick_rows = self._promised_rows

    def _gather(self) -> list[_Waiting]:
        """The requests at the front that can share a call: same columns, same kind of number, still wanted."""
        batch: list[_Waiting] = []
        waiting = self._waiting
        most = self._quick_rows or _MAX_ROWS
        rows = 0
        while waiting:
            head = waiting[0]
            if head.receiver.done():  # the client is gone
                waiting.popleft()
                continue
            size = len(head.features)
            if batch and (rows + size > most or not _alike(head, batch[0])):
                break
            batch.append(waiting.popleft())
            rows += size
        return batch

    def _finish(self, batch: list[_Waiting], job: "asyncio.Future[_Answers]") -> None:
        try:
            answers = job.result()
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - the pool is closing; each request is told
            answers = [error] * len(batch)
        _hand_out(batch, answers)
        self._next()

    def _run(self, features: list[Any], names: list[str]) -> _Answers:
        """In the pool's thread, or in the event loop where it is quick."""
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
        answers: _Answers = []
        begin = 0
        for one in features:
            end = begin + len(one)
            answers.append(answer[begin:end])
            begin = end
        return answers

    def _alone(self, features: Any, names: list[str]) -> Any | BaseException:
        try:
            return self._predict(features, names)
        except Exception as error:  # noqa: BLE001 - carried to the request that it belongs to
            return error


def _hand_out(batch: list[_Waiting], answers: _Answers) -> None:
    for one, answer in zip(batch, answers, strict=True):
        if one.receiver.done():
            continue
        try:
            if isinstance(answer, BaseException):
                one.receiver.set_exception(answer)
            else:
                one.receiver.set_result(answer)
        except Exception:  # noqa: BLE001 - one that fails must not keep the others from their answers
            _LOG.exception("an answer could not be handed out")


def _alike(one: _Waiting, other: _Waiting) -> bool:
    mine, its = one.features, other.features
    return bool(mine.shape[1] == its.shape[1] and mine.dtype == its.dtype and one.names == other.names)
