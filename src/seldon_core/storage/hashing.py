"""Digests of files, and of their parts, while they are still arriving.

A large file comes in pieces over several connections. Each piece that is done is read from memory, where it still is,
and hashed on whatever core is free; reading the whole again afterwards would double the time of a fast download. A file
can be replaced while it is read (rclone starts it anew after an error), so nothing is said of one whose pieces came
twice, and a digest that is not met is made again of the finished file before anybody is told.
"""

import contextlib
import dataclasses
import hashlib
import os
import queue
import threading
from pathlib import Path
from typing import Self

from . import crc, lanes

PIECE = 64 * 1024 * 1024
"""Bytes that rclone fetches over a connection at once."""
_BUFFER = 256 * 1024
_THREADS = 2


@dataclasses.dataclass
class _Stretch:
    """A part of a file with a digest of its own. `at` is how far it is hashed; `taken` that somebody is at it."""

    file: "_File"
    start: int
    end: int
    at: int
    taken: bool = False
    found: bytes = b""
    digest: "hashlib._Hash | None" = None


class _File:
    """A file in stretches of one length, and which of its pieces are there."""

    def __init__(self, path: Path, size: int, length: int, algorithm: str, *, program: bool) -> None:
        self.path = path
        self.size = size
        self.length = length
        self.algorithm = algorithm
        self.here: set[int] = set()
        self.whole = False
        self.stretches = [_Stretch(self, at, min(at + length, size), at) for at in range(0, size, length)]
        self.by_program = program and (algorithm in crc.KINDS or len(self.stretches) > 1)
        self.failed = algorithm in crc.KINDS and not program
        if not self.by_program and not self.failed:
            for each in self.stretches:
                each.digest = hashlib.new(algorithm, usedforsecurity=False)

    def reach(self, at: int) -> int:
        """How far can be read from an offset: to the end of its piece, or not at all."""
        if self.whole:
            return self.size
        piece = at // PIECE
        return min((piece + 1) * PIECE, self.size) if piece in self.here else at

    def holds(self, stretch: _Stretch) -> bool:
        """Whether every piece of a stretch is there."""
        pieces = range(stretch.start // PIECE, (stretch.end - 1) // PIECE + 1)
        return self.whole or self.here.issuperset(pieces)


class Hasher:
    """Hashes files of a folder in threads of its own. Used as a context: at its end the threads are gone.

    With `side_by_side`, files in parts and all CRCs are left to the program for that, where there is one.
    """

    def __init__(self, folder: Path, *, side_by_side: bool = False) -> None:
        self._folder = folder
        self._files: dict[str, _File] = {}
        self._ready: queue.SimpleQueue[_Stretch | None] = queue.SimpleQueue()
        self._change = threading.Condition()
        self._over = False
        self._program = lanes.program() if side_by_side else None
        self._lanes: lanes.Lanes | None = None
        # A core takes as long for one MD5 as for all that fit into its registers.
        self._batch: list[_Stretch] = []
        self._asked: dict[int, _Stretch] = {}
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(_THREADS)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over = True
        if self._lanes:
            self._lanes.close()
        for _thread in self._threads:
            self._ready.put(None)
        for thread in self._threads:
            thread.join()

    def expect(self, path: str, size: int, length: int, algorithm: str = "md5") -> None:
        """Hash a file as it comes, in stretches of a length (its size for the whole)."""
        with self._change:
            self._files[path] = _File(self._folder / path, size, length, algorithm, program=bool(self._program))

    def arrived(self, path: str, start: int) -> None:
        """Note that the piece that starts there is on the disk."""
        with self._change:
            file = self._files.get(path)
            if file is None or file.whole:
                return
            piece = start // PIECE
            # What was hashed of the first is not what lies there now.
            file.failed = file.failed or piece in file.here
            file.here.add(piece)
            last = min((piece + 1) * PIECE, file.size) - 1
            for number in range(piece * PIECE // file.length, last // file.length + 1):
                self._offer(file.stretches[number])

    def digests(self, path: str) -> list[bytes] | None:
        """Return the digests of a file's stretches, once it is whole; None where that failed, or it came twice."""
        with self._change:
            file = self._files[path]
            file.whole = True
            for stretch in file.stretches:
                self._offer(stretch)
            self._ask(self._batch)
            self._change.wait_for(
                lambda: file.failed or all(each.at == each.end and not each.taken for each in file.stretches)
            )
            return None if file.failed else [_digest(each) for each in file.stretches]

    def _offer(self, stretch: _Stretch) -> None:
        """Hand a stretch to the threads where there is more of it to read. Called with the lock held."""
        file = stretch.file
        if stretch.taken or stretch.at == stretch.end or file.failed:
            return
        if file.by_program:
            if file.holds(stretch):
                stretch.taken = True
                self._batch.append(stretch)
                if file.algorithm in crc.KINDS or len(self._batch) == lanes.LANES:
                    self._ask(self._batch)
        elif file.reach(stretch.at) > stretch.at:
            stretch.taken = True
            self._ready.put(stretch)

    def _ask(self, stretches: list[_Stretch]) -> None:
        """Have the program hash stretches, and forget the list. Called with the lock held."""
        if self._program and stretches:
            self._lanes = self._lanes or lanes.Lanes(self._program, self._answered)
            for each in stretches:
                length = each.end - each.start
                number = self._lanes.ask(each.file.path, each.start, length, each.file.algorithm)
                if number is None:
                    each.file.failed = True
                else:
                    self._asked[number] = each
        stretches.clear()

    def _answered(self, number: int, digest: bytes | None) -> None:
        """Take what the program says of a stretch; nothing, where it failed."""
        with self._change:
            stretch = self._asked.pop(number)
            stretch.taken = False
            if digest:
                stretch.at, stretch.found = stretch.end, digest
            else:
                stretch.file.failed = True
            self._change.notify_all()

    def _work(self) -> None:
        buffer = memoryview(bytearray(_BUFFER))
        while (stretch := self._ready.get()) and not self._over:
            with self._change:
                end = min(stretch.file.reach(stretch.at), stretch.end)
            read = _read(stretch, end, buffer)
            with self._change:
                stretch.taken = False
                if read:
                    stretch.at = end
                    self._offer(stretch)
                else:
                    stretch.file.failed = True
                self._change.notify_all()


def _read(stretch: _Stretch, end: int, buffer: memoryview) -> bool:
    """Hash a stretch up to an offset; False where the file is not there, or shorter."""
    at = stretch.at
    digest = stretch.digest
    with contextlib.suppress(OSError), stretch.file.path.open("rb", buffering=0) as stream:
        while at < end:
            count = os.preadv(stream.fileno(), [buffer[: min(len(buffer), end - at)]], at)
            if not count or digest is None:
                return False
            digest.update(buffer[:count])
            at += count
    return at == end


def _digest(stretch: _Stretch) -> bytes:
    return stretch.found or (stretch.digest.digest() if stretch.digest else b"")
