"""A folder of built things, each under a key made of everything that it was built from.

A changed recipe gives another key, so nothing stale is ever used; an interrupted build leaves nothing under a key, so
the next run goes on behind the last finished artefact.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from .paths import cache_dir
from .progress import say, step

KEY_LENGTH = 16
OWN_FOLDERS = ("artefacts", "images", "venvs", "tox", "go", "iris", "locks")
"""What lies in the cache folder. A person may have named a folder that holds other things, too."""


class CacheError(Exception):
    """The cache folder cannot be used; the text says what to do."""


class UnderWayError(Exception):
    """Another process is building the artefact."""


def key_of(*parts: str | bytes | Path) -> str:
    """Return a hex key of texts and of files' or folders' names and contents, in the given order."""
    digest = hashlib.sha256()
    for part in parts:
        for chunk in _chunks(part):
            digest.update(len(chunk).to_bytes(8, "big"))
            digest.update(chunk)
    return digest.hexdigest()[:KEY_LENGTH]


def _chunks(part: str | bytes | Path) -> Iterator[bytes]:
    if isinstance(part, str):
        yield part.encode()
    elif isinstance(part, bytes):
        yield part
    elif part.is_dir():
        for file in sorted(p for p in part.rglob("*") if p.is_file() and "__pycache__" not in p.parts):
            yield str(file.relative_to(part)).encode()
            yield oct(file.stat().st_mode & 0o111).encode()
            yield file.read_bytes()
    else:
        yield part.name.encode()
        yield part.read_bytes()


def artefact(
    name: str, parts: Iterable[str | bytes | Path], build: Callable[[Path], None], *, unless_under_way: bool = False
) -> Path:
    """Return the folder of an artefact; `build(folder)` fills it where it is not there yet.

    Older artefacts of the same name are removed once the new one stands. Where another process is building it, this
    one waits, or raises UnderWayError with `unless_under_way`.
    """
    place = place_of(name, parts)
    if place.is_dir():
        say(f"           {name}: cached")
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    with _alone(name, wait=not unless_under_way):
        if place.is_dir():
            say(f"           {name}: built meanwhile")
            return place
        with step(f"building {name}"):
            _fill(place, name, build)
    for old in place.parent.glob(f"{name}-{'?' * KEY_LENGTH}"):
        if old != place:
            shutil.rmtree(old, ignore_errors=True)
    return place


def place_of(name: str, parts: Iterable[str | bytes | Path]) -> Path:
    """Return the folder that the artefact of these parts has or will have."""
    return cache_dir() / "artefacts" / f"{name}-{key_of(*parts)}"


def _fill(place: Path, name: str, build: Callable[[Path], None]) -> None:
    scratch = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=place.parent))
    try:
        build(scratch)
        scratch.chmod(0o755)
        scratch.rename(place)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@contextlib.contextmanager
def _alone(name: str, *, wait: bool) -> Iterator[None]:
    """Hold the lock of one artefact's name. It ends with its process, however that ends."""
    home = cache_dir() / "locks"
    home.mkdir(parents=True, exist_ok=True)
    with (home / name).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not wait:
                raise UnderWayError(f"{name} is being built by another process") from None
            with step(f"waiting for {name}, which is being built already"):
                fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def purge() -> None:
    """Remove what this tool puts into the cache folder, and the folder where that leaves it empty. Nothing else."""
    home = cache_dir()
    for name in OWN_FOLDERS:
        shutil.rmtree(home / name, ignore_errors=True)
    (home / "lock").unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        home.rmdir()
    say(f"removed the cache in {home}. Debian packages that were installed stay.")


@contextlib.contextmanager
def exclusive() -> Iterator[None]:
    """Hold the cache's lock: two runs at once wait for each other instead of building the same thing twice."""
    try:
        cache_dir().mkdir(parents=True, exist_ok=True)
    except OSError as refused:
        raise CacheError(
            f"cannot make {cache_dir()}: {refused.strerror}. Set SELDON_CACHE to a folder of yours."
        ) from refused
    with (cache_dir() / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another run holds {cache_dir() / 'lock'}; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
