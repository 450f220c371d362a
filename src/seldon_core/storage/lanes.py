"""The program `md5parts`: MD5 of many parts at once, in the registers of a core that hold several numbers.

MD5 is made step by step, so one of them cannot be faster than a core; those of a file's parts can be made side by side.
An image without the program (one's own, with our code) hashes them one after the other.
"""

import contextlib
import json
import queue
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

PROGRAM = "md5parts"
LANES = 16
"""Parts that the program hashes at once."""

Answer = Callable[[int, bytes | None], None]


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

    def ask(self, path: Path, offset: int, length: int) -> int | None:
        """Ask for a part's MD5; the request's number, None where the program has ended."""
        with self._lock:
            if self._waiting is None:
                return None
            number = self._count
            self._count += 1
            self._waiting.add(number)
            self._requests.put(json.dumps({"path": str(path), "offset": offset, "length": length}))
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
