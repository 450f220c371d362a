"""The program `partsums`: digests of many parts at once.

MD5 is made step by step, so one of them cannot be faster than a core; those of a file's parts can be made side by side,
in registers that hold several numbers. The CRCs of S3's additional checksums have instructions of their own, which the
program uses, too. An image without it (one's own, with our code) makes MD5 one after the other, and no CRC.
"""

import contextlib
import json
import queue
import shutil
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

PROGRAM = "partsums"
LANES = 16
"""Parts whose MD5 the program makes at once."""

Answer = Callable[[int, bytes | None], None]


def program() -> str | None:
    """Return where the program is, None in an image without it."""
    return shutil.which(PROGRAM)


class Lanes:
    """The program while it runs. Answers come from another thread, by the request's number; None for a failure."""

    def __init__(self, program: str, answer: Answer) -> None:
        self._answer = answer
        self._process = subprocess.Popen(
            [program],
            # Its buffers are small: without a limit Go's collector lets garbage grow beside them.
            env={"GOMEMLIMIT": "16MiB"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._lock = threading.Lock()
        self._count = 0
        self._waiting: set[int] | None = set()
        # Requests wait here and not in a pipe: nobody who asks may be held up by who answers.
        self._requests: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._send, self._receive)]
        for thread in self._threads:
            thread.start()

    def ask(self, path: Path, offset: int, length: int, algorithm: str) -> int | None:
        """Ask for a part's digest; the request's number, None where the program has ended."""
        with self._lock:
            if self._waiting is None:
                return None
            number = self._count
            self._count += 1
            self._waiting.add(number)
            request = {"path": str(path), "offset": offset, "length": length, "algorithm": algorithm}
            self._requests.put(json.dumps(request))
        return number

    def close(self) -> None:
        """End the program, whatever it does."""
        self._process.kill()
        self._requests.put(None)
        for thread in self._threads:
            thread.join()
        self._process.wait()

    def _send(self) -> None:
        stream = self._process.stdin
        # An error says that it has ended, which _receive tells.
        with contextlib.suppress(OSError):
            while stream and (request := self._requests.get()) is not None:
                stream.write(f"{request}\n")
                stream.flush()
        with contextlib.suppress(OSError):
            if stream:
                stream.close()

    def _receive(self) -> None:
        for line in self._process.stdout or ():
            number, _, digest = line.strip().partition(" ")
            with self._lock:
                if self._waiting is None or not number.isdigit() or int(number) not in self._waiting:
                    break
                self._waiting.remove(int(number))
            try:
                self._answer(int(number), bytes.fromhex(digest))
            except ValueError:
                self._answer(int(number), None)
        with self._lock:
            left, self._waiting = self._waiting or set(), None
        for each in left:
            self._answer(each, None)
