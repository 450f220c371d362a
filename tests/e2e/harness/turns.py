"""Whose turn it is on the chart's release, where several workers run the suite: there is one release for all of them.

Who needs the release as it is works beside others; who changes it, or measures what others would disturb, is alone. The
means are locks of files in a folder of the run's: they end with the process that holds them, however it ends, and
where one process runs all tests nobody waits.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO

SHARED, ALONE = "beside others", "alone"


class TurnError(RuntimeError):
    """A turn was asked for that the one that is held does not allow."""


class Turns:
    """The turns of one worker. `folder` is the same for all workers of a run; what they tell each other lies there."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._held = ""
        self._member = self._open("members")
        fcntl.flock(self._member, fcntl.LOCK_SH)

    @property
    def alone_now(self) -> bool:
        """Whether nobody else has a turn."""
        return self._held == ALONE

    @contextmanager
    def shared(self, ready: Callable[[], bool], prepare: Callable[[], None]) -> Iterator[None]:
        """A turn beside others who found the release `ready`; where it is not, `prepare` is called, alone, first.

        A turn inside of one (a test's inside of its module's) is part of that. Raises TurnError where the release is
        not ready then: others may work on it.
        """
        if self._held:
            if not ready():
                raise TurnError("the tests of a module with `shared_workspace` need one release_profile, the module's.")
            yield
            return
        with self._open("turn") as turn:
            with self._gate():
                fcntl.flock(turn, fcntl.LOCK_SH)
                if not ready():
                    # Lets go of the lock for a moment; the gate keeps everybody away.
                    fcntl.flock(turn, fcntl.LOCK_EX)
                    with self._holding(ALONE):
                        prepare()
                    fcntl.flock(turn, fcntl.LOCK_SH)
            with self._holding(SHARED):
                yield

    @contextmanager
    def alone(self) -> Iterator[None]:
        """A turn while nobody else has one. Raises TurnError inside of another turn."""
        if self._held:
            raise TurnError("a test that is alone cannot be in a module with `shared_workspace`: give it a module.")
        with self._open("turn") as turn:
            with self._gate():
                fcntl.flock(turn, fcntl.LOCK_EX)
            with self._holding(ALONE):
                yield

    @contextmanager
    def leaving(self) -> Iterator[bool]:
        """The end of this worker; whether it is the last. A worker that comes while the block runs waits for it."""
        with self._member as member:
            try:
                fcntl.flock(member, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                with self.alone():
                    yield True

    @contextmanager
    def one_at_a_time(self, what: str) -> Iterator[None]:
        """A block that one worker is in at a time."""
        with self._open(what) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _gate(self) -> AbstractContextManager[None]:
        """Who waits for a turn holds it, so that turns are taken in the order in which they were asked for."""
        return self.one_at_a_time("gate")

    @contextmanager
    def _holding(self, kind: str) -> Iterator[None]:
        before, self._held = self._held, kind
        try:
            yield
        finally:
            self._held = before

    def _open(self, name: str) -> IO[str]:
        return (self.folder / f"{name}.lock").open("a")
