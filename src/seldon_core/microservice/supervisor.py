"""Worker processes: forked, watched, started again when they die, ended together.

Knows nothing of what a worker does. A worker says over its link that it serves, that it wants to be replaced, or why it
cannot start. The supervisor itself has no event loop and no threads, so that each fork is that of a quiet process.
"""

import logging
import os
import selectors
import signal
import socket
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress

import msgspec

from .errors import StartError

_LOG = logging.getLogger(__name__)
_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT})
_READY, _FULL, _FAILED = b"ready", b"full", b"failed "


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """When a dead worker is started again. Times in seconds."""

    steady_seconds: float = 10.0
    """A worker that lived for less has died early."""
    early_deaths: int = 5
    """After as many in a row the process ends: starting again does not help."""
    first_pause: float = 0.1
    """Before a worker is started again that died early; doubled with each."""
    last_pause: float = 5.0


class Link:
    """A worker's way to its supervisor."""

    def __init__(self, sock: socket.socket, slot: int) -> None:
        self._sock = sock
        self.slot = slot
        """Which of the workers this is, from 0; its successor has the same."""

    def fileno(self) -> int:
        """Readable once the supervisor is gone."""
        return self._sock.fileno()

    def ready(self) -> None:
        """This worker serves."""
        self._say(_READY)

    def full(self) -> None:
        """This worker wants to be replaced; it serves on until its successor does."""
        self._say(_FULL)

    def failed(self, sentence: str) -> None:
        """This worker cannot start, and no other could."""
        self._say(_FAILED + " ".join(sentence.split()).encode())

    def _say(self, words: bytes) -> None:
        try:
            self._sock.sendall(words + b"\n")
        except OSError:
            _LOG.warning("the supervisor is gone", extra={"slot": self.slot})


class _Worker:
    """What the supervisor knows of one."""

    def __init__(self, pid: int, slot: int, sock: socket.socket, replaces: "_Worker | None") -> None:
        self.pid = pid
        self.slot = slot
        self.sock = sock
        self.replaces = replaces
        self.begun = time.monotonic()
        self.heard = b""
        self.leaving = False
        """Its end is wanted, or somebody else is to take its slot."""


class Supervisor:
    """Keeps `count` workers. `work` is what each does; it gives the worker's exit status.

    `beside` runs in one process of its own, until it ends by itself or the workers do.
    """

    def __init__(
        self,
        count: int,
        work: Callable[[Link], int],
        policy: Policy | None = None,
        beside: Callable[[], object] | None = None,
    ) -> None:
        self._count = count
        self._work = work
        self._beside = beside
        self._beside_pid = 0
        self._beside_sock: socket.socket | None = None
        self._policy = policy or Policy()
        self._workers: dict[int, _Worker] = {}
        self._due: list[tuple[float, int, _Worker | None]] = []
        self._early = 0
        self._stopping = False
        self._sentence = ""
        self._selector = selectors.DefaultSelector()
        self._woken, self._wake = socket.socketpair()

    def run(self) -> int:
        """Until a signal, and the end of all workers. Raises StartError where they cannot work."""
        self._listen()
        if self._beside is not None:
            self._fork_beside(self._beside)
        for slot in range(self._count):
            self._fork(slot, None)
        while self._workers or (self._due and not self._stopping):
            self._wait()
            now = time.monotonic()
            due = [] if self._stopping else [one for one in self._due if one[0] <= now]
            for one in due:
                self._due.remove(one)
                self._fork(one[1], one[2])
        if self._beside_pid:
            os.kill(self._beside_pid, signal.SIGTERM)
        if self._sentence:
            raise StartError(self._sentence)
        return 0

    def _listen(self) -> None:
        self._woken.setblocking(False)
        self._wake.setblocking(False)
        signal.set_wakeup_fd(self._wake.fileno())
        for number in (*_SIGNALS, signal.SIGCHLD):
            signal.signal(number, lambda *_: None)  # the number arrives by the socket
        self._selector.register(self._woken, selectors.EVENT_READ)

    def _wait(self) -> None:
        pause = max(0.0, min(one[0] for one in self._due) - time.monotonic()) if self._due else None
        for key, _ in self._selector.select(pause):
            if key.data is not None:
                self._hear(key.data)
                continue
            for number in self._woken.recv(4096):
                if number in _SIGNALS:
                    self._end(number)
        for worker in list(self._workers.values()):
            pid, status = os.waitpid(worker.pid, os.WNOHANG)
            if pid:
                self._hear(worker)
                self._buried(worker, os.waitstatus_to_exitcode(status))
        if self._beside_pid and os.waitpid(self._beside_pid, os.WNOHANG)[0]:
            self._beside_pid = 0
            _LOG.warning("custom_service has ended")

    def _fork_beside(self, service: Callable[[], object]) -> None:
        def work(link: Link) -> int:
            # Daemonic, so that neither keeps the other: the service ends with the supervisor, the watch with both.
            threading.Thread(target=_end_with, args=(link.fileno(),), daemon=True).start()
            service()
            return 0

        # Its end stays open for as long as this process lives.
        self._beside_pid, self._beside_sock = self._forked(work, -1)

    def _fork(self, slot: int, replaces: _Worker | None) -> None:
        pid, ours = self._forked(self._work, slot)
        worker = self._workers[pid] = _Worker(pid, slot, ours, replaces)
        self._selector.register(ours, selectors.EVENT_READ, worker)
        _LOG.info("worker started", extra={"slot": slot, "pid": pid})

    def _forked(self, work: Callable[[Link], int], slot: int) -> tuple[int, socket.socket]:
        """A new process, and our end of its link."""
        ours, its = socket.socketpair()
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        pid = os.fork()
        if pid == 0:
            self._become(work, Link(its, slot), ours)  # never comes back
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        its.close()
        ours.setblocking(False)
        return pid, ours

    def _become(self, work: Callable[[Link], int], link: Link, ours: socket.socket) -> None:
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in (*_SIGNALS, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            self._selector.close()
            for sock in (ours, self._woken, self._wake, *(worker.sock for worker in self._workers.values())):
                sock.close()  # else no worker would see that the supervisor is gone
            if self._beside_sock is not None:
                self._beside_sock.close()
            status = work(link)
        except BaseException:  # noqa: BLE001 - nothing may unwind into the supervisor's own code
            traceback.print_exc()
        finally:
            os._exit(status)

    def _hear(self, worker: _Worker) -> None:
        try:
            data = worker.sock.recv(65536)
        except (BlockingIOError, OSError):
            return
        if not data:
            self._deaf(worker)
            return
        *words, worker.heard = (worker.heard + data).split(b"\n")
        for word in words:
            if word == _READY:
                _LOG.info("worker serves", extra={"slot": worker.slot, "pid": worker.pid})
                if worker.replaces is not None:
                    self._leave(worker.replaces, signal.SIGTERM)
            elif word == _FULL and not worker.leaving:
                worker.leaving = True
                self._due.append((0.0, worker.slot, worker))
            elif word.startswith(_FAILED):
                self._give_up(word.removeprefix(_FAILED).decode(errors="replace"))

    def _deaf(self, worker: _Worker) -> None:
        with suppress(KeyError):
            self._selector.unregister(worker.sock)

    def _leave(self, worker: _Worker, number: int) -> None:
        worker.leaving = True
        if worker.pid in self._workers:
            os.kill(worker.pid, number)

    def _end(self, number: int) -> None:
        self._stopping = True
        for worker in self._workers.values():
            self._leave(worker, number)

    def _give_up(self, sentence: str) -> None:
        self._sentence = self._sentence or sentence
        if not self._stopping:
            self._end(signal.SIGTERM)

    def _buried(self, worker: _Worker, status: int) -> None:
        del self._workers[worker.pid]
        self._deaf(worker)
        worker.sock.close()
        if worker.leaving or self._stopping:
            return
        how = f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
        _LOG.error("worker died", extra={"slot": worker.slot, "pid": worker.pid, "how": how})
        policy = self._policy
        lived = time.monotonic() - worker.begun
        self._early = self._early + 1 if lived < policy.steady_seconds else 0
        if self._early >= policy.early_deaths:
            self._give_up(
                f"Worker processes died {self._early} times in a row, each within {policy.steady_seconds:g} s of its "
                f"start; the last one {how}. See the log for what the model did, and the container's memory limit."
            )
            return
        pause = min(policy.first_pause * 2 ** (self._early - 1), policy.last_pause) if self._early else 0.0
        self._due.append((time.monotonic() + pause, worker.slot, worker.replaces))


def _end_with(link: int) -> None:
    """Wait for the supervisor's end, and end this process then."""
    os.read(link, 1)
    os._exit(1)
