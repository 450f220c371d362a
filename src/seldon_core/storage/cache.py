"""Models kept on a volume that many pods share, so that the second pod downloads nothing.

A model lies in a folder that is named by a digest of what it holds: the one that its user expects, or one of the
store's listing where the store tells a digest for every file. So a changed model is another entry, and nothing has to
be thrown away for being old. An entry is made under another name and renamed, so it is whole or not there. Each file's
SHA-256 is kept with it and compared whenever it is used: a shared volume is written by many.

Where room is short, the entries that were used least recently go. A cache that fails is never the reason that a model
does.
"""

import contextlib
import dataclasses
import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from . import manifest
from .listing import Entry
from .manifest import File, Manifest

VARIABLE = "SELDON_STORAGE_CACHE"
_CHUNK = 1024 * 1024
_POLL = 0.5
_SHA256 = "sha256"

Report = Callable[[str], None]


def of(env: Mapping[str, str], report: Report) -> "Cache | None":
    """Return the cache that the environment names, None without one, or where it cannot be used."""
    name = env.get(VARIABLE, "").strip()
    if not name:
        return None
    folder = Path(name)
    if not os.access(folder, os.W_OK | os.X_OK):
        report(f"the cache {folder} is no folder that uid {os.getuid()} may write: going on without it")
        return None
    return Cache(folder, report)


def key_of_digest(digest: str) -> str:
    """Return the key of a model whose digest is known."""
    return f"sha256-{digest}"


def key_of_listing(files: tuple[Entry, ...]) -> str:
    """Return the key of what a store lists, "" where it has no digest for one of the files."""
    if not all(file.hashes for file in files):
        return ""
    lines = (f"{file.path}\0{file.size}\0{file.hashes}\n" for file in files)
    return f"listed-{hashlib.sha256(''.join(lines).encode()).hexdigest()}"


@dataclasses.dataclass(frozen=True)
class Cache:
    """A folder with one folder for each model. `report` gets what happens, a line at a time."""

    folder: Path
    report: Report

    @contextlib.contextmanager
    def alone(self, key: str, until: float) -> Iterator[None]:
        """Let one pod at a time fetch an entry; the others find it there. Gives up waiting at a `time.monotonic`."""
        try:
            stream = (self.folder / f".{key}.lock").open("wb")
        except OSError as error:
            self._without(error)
            yield
            return
        with stream:
            self._wait(stream, until)
            yield

    def _wait(self, stream: BinaryIO, until: float) -> None:
        told = False
        while True:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if not told:
                    self.report("another pod is fetching this model into the cache: waiting for it")
                told = True
                if time.monotonic() > until:
                    return
                time.sleep(_POLL)
            except OSError as error:  # a file system without locks
                self._without(error)
                return
            else:
                return

    def take(self, key: str, side: Path) -> tuple[Entry, ...]:
        """Copy an entry into the side folder and return its files; none where there is no whole entry."""
        entry = self.folder / key
        known = manifest.read(entry)
        if known is None:
            return ()
        try:
            for file in known.files:
                if _copy(entry / file.path, side / file.path) != file.hashes.get(_SHA256):
                    self.report(f"{file.path} in the cache is damaged: removing the entry")
                    shutil.rmtree(entry, ignore_errors=True)
                    break
            else:
                os.utime(entry)
                return tuple(Entry(file.path, file.size, hashes=tuple(file.hashes.items())) for file in known.files)
        except OSError as error:
            self._without(error)
        _empty(side)
        return ()

    def put(self, key: str, uri: str, side: Path, sums: Mapping[str, str]) -> None:
        """Keep the files of the side folder, whose SHA-256 are given."""
        sizes = {path: (side / path).stat().st_size for path in sums}
        scratch = ""
        try:
            self._make_room(sum(sizes.values()))
            scratch = tempfile.mkdtemp(prefix=".part-", dir=self.folder)
            for path in sums:
                _copy(side / path, Path(scratch, path))
            files = tuple(File(path, sizes[path], 0, {_SHA256: digest}) for path, digest in sums.items())
            manifest.write(Path(scratch), Manifest(uri, files))
            Path(scratch).chmod(0o755)
            Path(scratch).rename(self.folder / key)
            self.report(f"kept in the cache as {key}")
        except OSError as error:
            self._without(error)
            if scratch:
                shutil.rmtree(scratch, ignore_errors=True)

    def _make_room(self, size: int) -> None:
        entries = sorted(
            (path for path in self.folder.iterdir() if path.is_dir() and path.name.startswith(("sha256-", "listed-"))),
            key=lambda path: path.stat().st_mtime,
        )
        for entry in entries:
            if shutil.disk_usage(self.folder).free > size:
                return
            self.report(f"the cache is full: removing {entry.name}")
            shutil.rmtree(entry, ignore_errors=True)

    def _without(self, error: OSError) -> None:
        self.report(f"the cache cannot be used ({error.strerror or type(error).__name__}): going on without it")


def _copy(source: Path, target: Path) -> str:
    """Copy a file and return its SHA-256."""
    digest = hashlib.sha256()
    target.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as read, target.open("wb") as write:
        while chunk := read.read(_CHUNK):
            digest.update(chunk)
            write.write(chunk)
    return digest.hexdigest()


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
