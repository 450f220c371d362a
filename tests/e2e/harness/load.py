"""Users who go on asking while something changes: the generator's process, the changes' times, and what was lost.

    with Load(url, folder) as load:
        with load.during("a container is renamed"):
            workspace.apply(...)
            workspace.wait_settled(...)
    load.assert_nothing_lost()

Each change has the margins of the suite's promise: requests run from 5 s before it to 5 s after it has settled. One
change's time after may be the next one's time before.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from . import loadgen
from .loadgen import Record
from .waiting import HopelessError, wait_for

# The promise: from so long before a change to so long after it, at least so many requests a second.
MARGIN_SECONDS = 5.0
PROMISED_RATE = 100.0
RATE = 110.0
_START_SECONDS = 15.0
_SHOWN_FAILURES = 12


@dataclass(frozen=True)
class Change:
    """What happened under load, on `time.monotonic`'s clock: its margins are not in it."""

    name: str
    begin: float
    end: float

    def requests(self, records: Iterable[Record]) -> list[Record]:
        """Those of the change and its margins."""
        first, last = self.begin - MARGIN_SECONDS, self.end + MARGIN_SECONDS
        return [record for record in records if first <= record.sent <= last]

    def rate(self, records: Iterable[Record]) -> float:
        """Requests sent a second, margins included."""
        return len(self.requests(records)) / (self.end - self.begin + 2 * MARGIN_SECONDS)


class Load:
    """A generator's process while its `with` block runs. Entering returns once it has got an answer, good or bad.

    Args:
        url: Of the predictions; `grpc://HOST:PORT` for gRPC.
        folder: For the records.
        rate: Requests a second.
        headers: Of each request over gRPC.
    """

    def __init__(self, url: str, folder: Path, *, rate: float = RATE, headers: Mapping[str, str] | None = None) -> None:
        self._file = folder / "load.jsonl"
        self._errors = folder / "load.err"
        told = [word for name, value in (headers or {}).items() for word in ("--header", f"{name}={value}")]
        self._command = ("--url", url, "--rate", f"{rate:g}", "--records", str(self._file), *told)
        self._process: subprocess.Popen[bytes] | None = None
        self._lines: IO[str] | None = None
        self._rest = ""
        self._quiet_since = 0.0
        self.records: list[Record] = []
        """What has ended, in that order."""
        self.changes: list[Change] = []

    def __enter__(self) -> Self:
        self._file.touch()
        self._lines = self._file.open()
        with self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                (sys.executable, "-m", loadgen.__name__, *self._command), stdin=subprocess.PIPE, stderr=errors
            )
        self.answered_since(0.0, what="the load's first answer")
        self._quiet_since = min(record.sent for record in self.records)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        process = self._process
        if process is not None and process.stdin is not None:
            process.stdin.close()
            try:
                process.wait(_START_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._read()
        if self._lines is not None:
            self._lines.close()

    @contextmanager
    def during(self, name: str) -> Iterator[None]:
        """The block is a change: it begins when requests have run for the margin, and is followed by one."""
        with during(name, self):
            yield

    def before_change(self) -> None:
        """Wait until requests have run for the margin, since the last change or the beginning."""
        self.answered_since(self._quiet_since + MARGIN_SECONDS, what="the load before the change")

    def changed(self, change: Change) -> None:
        """Take a change down: from its end on it is quiet."""
        self._quiet_since = change.end
        self.changes.append(change)

    def after_change(self) -> None:
        """Wait until requests have run for the margin since the last change."""
        self.answered_since(self._quiet_since + MARGIN_SECONDS, what="the load after the change")

    def answered_since(self, moment: float, *, what: str) -> None:
        """Wait until a request has ended that was sent at or after a moment, which may be to come.

        Raises HopelessError where the generator has ended.
        """

        def seen() -> None:
            self._read()
            code = self._process.poll() if self._process is not None else 0
            if code is not None:
                raise HopelessError(f"the load generator ended with status {code}: {self._errors.read_text().strip()}")
            assert self.records, "no request has ended yet"
            assert any(record.sent >= moment for record in reversed(self.records)), "no request since then has ended"

        wait_for(seen, what=what, seconds=max(0.0, moment - time.monotonic()) + _START_SECONDS)

    def until(self, count: int) -> None:
        """Wait until `count` more requests have ended."""
        begin = len(self.records)

        def enough() -> None:
            self._read()
            assert len(self.records) >= begin + count, f"{len(self.records) - begin} of {count} requests have ended"

        wait_for(enough, what=f"{count} requests", seconds=2 * count / PROMISED_RATE + _START_SECONDS)

    def assert_nothing_lost(self) -> None:
        """Every request of the whole run got the model's answer, and each change had the promised number of them.

        Raises AssertionError with the failures by kind and change, the first of them in full.
        """
        lost = [record for record in self.records if record.kind]
        assert not lost, f"{describe(self.records, self.changes)}\n{_failures(lost, self.changes)}"
        slow = [change.name for change in self.changes if change.rate(self.records) < PROMISED_RATE]
        assert not slow, f"fewer than {PROMISED_RATE:g} requests a second: {describe(self.records, self.changes)}"

    def _read(self) -> None:
        if self._lines is None or self._lines.closed:
            return
        *whole, self._rest = (self._rest + self._lines.read()).split("\n")
        self.records.extend(Record(*json.loads(line)) for line in whole)


@contextmanager
def during(name: str, *loads: Load) -> Iterator[None]:
    """The block is one change under several loads: of REST and of gRPC, say."""
    for load in loads:
        load.before_change()
    begin = time.monotonic()
    try:
        yield
    finally:
        change = Change(name, begin, time.monotonic())
        for load in loads:
            load.changed(change)
    for load in loads:
        load.after_change()


def describe(records: Sequence[Record], changes: Sequence[Change]) -> str:
    """One line in all, and one a change: requests, rate, the slowest answer and failures by kind."""
    lines = [_line("in all", records)]
    for change in changes:
        took, rate = change.end - change.begin, change.rate(records)
        lines.append(f"  {_line(change.name, change.requests(records))}, {rate:.0f}/s; the change took {took:.1f} s")
    return "\n".join(lines)


def _line(name: str, records: Sequence[Record]) -> str:
    kinds = Counter(record.kind for record in records if record.kind)
    failed = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common()) or "0"
    slowest = max((record.seconds for record in records), default=0.0)
    fresh = sum(record.fresh for record in records)
    return f"{name}: {len(records)} requests ({fresh} on new connections), failed: {failed}, slowest {slowest:.2f} s"


def _failures(lost: Sequence[Record], changes: Sequence[Change]) -> str:
    lines = [_failure(record, changes) for record in sorted(lost, key=lambda each: each.sent)[:_SHOWN_FAILURES]]
    more = len(lost) - len(lines)
    return "\n".join([*lines, *([f"  and {more} more"] if more else [])])


def _failure(record: Record, changes: Sequence[Change]) -> str:
    """A failure, with its time after the beginning of the last change before it."""
    before = [change for change in changes if change.begin <= record.sent]
    when = f"{record.sent - before[-1].begin:+.2f} s, {before[-1].name}" if before else "before the first change"
    where = "new connection" if record.fresh else "kept connection"
    return f"  {when}: {record.kind} ({where}, after {record.seconds:.2f} s): {record.text}"
