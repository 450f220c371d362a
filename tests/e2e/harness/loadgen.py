"""The load generator: a program of its own, so that a test that waits for the cluster does not hold up a request.

    python -m tests.e2e.harness.loadgen --url URL --rate 110 --records FILE

`http://HOST:PORT/PATH` is asked over REST, `grpc://HOST:PORT` over gRPC (rpcgen.py).

Open loop: request i is due at a moment that the earlier answers do not change, so a server that hangs is asked on, as
by users who do not know of each other. Each request has a row of its own and is sent once; what is not exactly the
model's answer is a failure. It ends, after the answers still awaited, when its standard input does.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, TextIO
from urllib.parse import urlsplit

from . import iris, prediction, wire

TIMEOUT = "timeout"
STATUS = "status"
BODY = "body"
KINDS = (wire.REFUSED, wire.BROKEN, TIMEOUT, STATUS, BODY)
"""Of failures: no connection; one that ended too early; no answer in time; an answer of another status than 200 (over
gRPC: than OK, a connection's failure included); one of 200 with anything but the model's answer to this very row."""

# A gateway closes idle connections after a minute or so. Who uses one that is as old as that sends into a closing door.
KEEP_SECONDS = 5.0
_SHOWN = 300
_INPUT = 0
_TURN_SECONDS = 0.0001


class Record(NamedTuple):
    """One request: when it was sent (on `time.monotonic`'s clock, which all processes share), and what came of it."""

    number: int
    sent: float
    seconds: float
    fresh: bool
    answered_by: str
    """The units in the answer's requestPath, joined by "+"; empty for a failure."""
    kind: str
    """One of KINDS for a failure, else empty."""
    text: str
    """What was wrong; empty where nothing was."""


Write = Callable[[Record], None]


class WrongAnswerError(Exception):
    """An answer of 200 that is not the model's."""


def units_of(body: bytes, number: int) -> str:
    """The units that gave this answer to row `number`. Raises WrongAnswerError where it is not exactly the model's."""
    try:
        answer: Any = json.loads(body)
    except ValueError as error:
        raise WrongAnswerError(f"no prediction ({type(error).__name__}: {error})") from error
    return units_in(answer, number)


def units_in(answer: Any, number: int) -> str:
    """The same of an answer's document."""
    expected = iris.probabilities(iris.row(number))
    try:
        names, rows = answer["data"]["names"], answer["data"]["ndarray"]
        path = answer["meta"]["requestPath"]
        found = [float(value) for value in rows[0]]
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise WrongAnswerError(f"no prediction ({type(error).__name__}: {error})") from error
    if len(rows) != 1 or len(found) != len(expected) or names != prediction.NAMES:
        raise WrongAnswerError("a prediction of another shape")
    off = max(abs(one - other) for one, other in zip(found, expected, strict=True))
    if not off <= prediction.TOLERANCE:
        raise WrongAnswerError(f"off by {off:.3g}, expected {expected}")
    if not (isinstance(path, dict) and path):
        raise WrongAnswerError("requestPath names no unit")
    return "+".join(sorted(path))


class OpenLoop(ABC):
    """Requests at their own pace.

    Args:
        fresh_every: Each so many-th request gets a new connection; the others use kept ones.
        timeout: Seconds for a request, its connection included.
        write: Gets each record, in the order in which requests end.
    """

    def __init__(self, *, fresh_every: int, timeout: float, write: Write) -> None:
        self._fresh_every = fresh_every
        self._timeout = timeout
        self._write = write

    @abstractmethod
    async def ask(self, number: int) -> None:
        """One request, and its record."""

    @abstractmethod
    async def close(self) -> None:
        """End what is kept."""

    async def run(self, rate: float, stop: asyncio.Event) -> None:
        """Send `rate` requests a second until `stop`, then wait for the answers."""
        begin = time.monotonic()
        number = 0
        async with asyncio.TaskGroup() as requests:
            while not stop.is_set():
                requests.create_task(self.ask(number))
                number += 1
                left = begin + number / rate - time.monotonic()
                # Also where it lags behind: the requests under way need their turn.
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), max(left, _TURN_SECONDS))
        await self.close()


class Generator(OpenLoop):
    """Sends requests to one address over HTTP/1.1. `url` is that of the predictions."""

    def __init__(self, url: str, *, fresh_every: int, timeout: float, write: Write) -> None:
        super().__init__(fresh_every=fresh_every, timeout=timeout, write=write)
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._name, self._path = parts.netloc, parts.path
        self._kept: list[wire.Wire] = []

    async def close(self) -> None:
        """Close the kept connections."""
        for kept in self._kept:
            kept.close()

    async def ask(self, number: int) -> None:
        """One request, and its record."""
        fresh = number % self._fresh_every == 0
        body = json.dumps({"data": {"ndarray": [iris.row(number)]}}).encode()
        sent = time.monotonic()
        units, kind, text = "", "", ""
        try:
            async with asyncio.timeout(self._timeout):
                reply = await self._exchange(wire.request(self._name, self._path, body), fresh=fresh)
            if reply.status == 200:
                units = units_of(reply.body, number)
            else:
                kind, text = STATUS, f"{reply.status}: {shown(reply.body)}"
        except TimeoutError:
            kind, text = TIMEOUT, f"no answer within {self._timeout:g} s"
        except wire.NoAnswerError as error:
            kind, text = error.kind, str(error)
        except WrongAnswerError as error:
            kind, text = BODY, f"{error}: {shown(reply.body)}"
        self._write(Record(number, sent, time.monotonic() - sent, fresh, units, kind, text))

    async def _exchange(self, message: bytes, *, fresh: bool) -> wire.Reply:
        connection = None if fresh else self._take()
        if connection is None:
            connection = await wire.dial(self._host, self._port)
        keeps = False
        try:
            reply = await wire.exchange(connection, message)
            keeps = reply.keeps and not fresh
        finally:
            if keeps:
                self._kept.append(connection)
            else:
                connection.close()
        return reply

    def _take(self) -> wire.Wire | None:
        oldest = time.monotonic() - KEEP_SECONDS
        while self._kept:
            connection = self._kept.pop()
            if connection.usable and connection.idle_since > oldest:
                return connection
            connection.close()
        return None


def shown(body: bytes) -> str:
    """The beginning of an answer, on one line."""
    return " ".join(body.decode("utf-8", "replace").split())[:_SHOWN]


async def _main(asked: argparse.Namespace, records: TextIO) -> None:
    def write(record: Record) -> None:
        records.write(f"{json.dumps(record)}\n")
        records.flush()

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def ended() -> None:
        if not os.read(_INPUT, 1):
            loop.remove_reader(_INPUT)
            stop.set()

    loop.add_reader(_INPUT, ended)
    await _generator(asked, write).run(asked.rate, stop)


def _generator(asked: argparse.Namespace, write: Write) -> OpenLoop:
    if asked.url.startswith("grpc://"):
        from .rpcgen import RpcGenerator  # REST needs no gRPC

        target, headers = urlsplit(asked.url).netloc, tuple(tuple(text.split("=", 1)) for text in asked.header)
        return RpcGenerator(target, headers, fresh_every=asked.fresh_every, timeout=asked.timeout, write=write)
    return Generator(asked.url, fresh_every=asked.fresh_every, timeout=asked.timeout, write=write)


def main() -> None:
    """Read the command line and send until the standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--rate", type=float, required=True, help="requests a second")
    parser.add_argument("--records", type=Path, required=True, help="a file that gets one JSON list a request")
    parser.add_argument("--fresh-every", type=int, default=4, help="each so many-th request on a new connection")
    parser.add_argument("--timeout", type=float, default=10.0, help="seconds for a request")
    parser.add_argument("--header", action="append", default=[], help="NAME=VALUE, of each request over gRPC")
    asked = parser.parse_args()
    with asked.records.open("w") as records:
        asyncio.run(_main(asked, records))


if __name__ == "__main__":
    main()
