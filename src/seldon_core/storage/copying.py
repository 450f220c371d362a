"""Copy a model aside, and compare what arrived with what the store says of it.

rclone compares the digest of each file that it copies over one connection. Of a large file, which comes over several,
it would read the whole again afterwards; and of one that was uploaded in parts it knows none. Those are compared here,
while they arrive. What does not fit is fetched once more.
"""

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from . import etags
from .errors import ExitCode, StorageError
from .hashing import PIECE, Hasher
from .listing import Entry
from .rclone import Stats
from .store import Store

LARGE = 256 * 1024 * 1024
"""Bytes from which on a file comes over several connections."""
MD5, TWICE, SIZE = "md5", "twice", "size"
"""How a file was compared, beside `etags.ETAG`: with its MD5, with a second reading, by its size alone."""
_FLAGS = (
    "--contimeout=10s",
    "--timeout=60s",
    "--retries=3",
    "--retries-sleep=1s",
    "--low-level-retries=5",
    "--transfers=4",
    "--buffer-size=8Mi",
    "--multi-thread-streams=4",
    f"--multi-thread-cutoff={LARGE}B",
    f"--multi-thread-chunk-size={PIECE}B",
    # The side folder is nobody's but ours: files need no other name until they are whole.
    "--inplace",
    # The time of the listing: reading the one in an object's metadata costs a request for each object.
    "--use-server-modtime",
    "--stats=5s",
    "--stats-log-level=NOTICE",
)
_PIECE_DONE = re.compile(r"multi-thread copy: chunk \d+/\d+ \((\d+)-\d+\) .*finished")

Report = Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class Source:
    """What is copied: the store, rclone's address in it, and its files. `again` allows a second reading."""

    store: Store
    address: str
    files: tuple[Entry, ...]
    again: bool


def copy(source: Source, side: Path, on_stats: Callable[[Stats], None], report: Report) -> dict[str, str]:
    """Copy every file into the side folder; how each was compared.

    Raises StorageError, with DIGEST where a file arrived with another content than the store's.
    """
    ours = _compared_here(source.files)
    first = _copy(source, side, ours, on_stats)
    how = {file.path: MD5 if dict(file.hashes).get(MD5) else SIZE for file in source.files}
    how |= {path: found.how for path, found in first.items()}
    wrong = {path: found for path, found in first.items() if not found.right}
    if not wrong:
        return how
    if not source.again and all(found.how == etags.ETAG for found in wrong.values()):
        return how | dict.fromkeys(wrong, SIZE)
    report(f"{', '.join(sorted(wrong)[:3])}: not what the store's digest says: fetching again")
    for path in wrong:
        (side / path).unlink(missing_ok=True)
    second = _copy(source, side, [file for file in ours if file.path in wrong], on_stats)
    for path, found in second.items():
        if found.right:
            how[path] = found.how
        elif found.how == etags.ETAG and found.digest == wrong[path].digest:
            how[path] = TWICE
            report(f"{path}: its ETag fits no usual size of parts; two readings of it are alike")
        else:
            raise StorageError(
                ExitCode.DIGEST,
                f"{path} of {source.store.place} arrived with another content than the store's",
                "check the store and what lies before it, or upload the file again",
            )
    return how


@dataclasses.dataclass(frozen=True)
class _Compared:
    """What came of a comparison: with what, whether it fits, and a digest of what arrived."""

    how: str
    right: bool
    digest: str


def _compared_here(files: Iterable[Entry]) -> list[Entry]:
    """The files that rclone cannot compare, and all of a model with a large one, unless some have another digest.

    rclone would read a large one once more to compare it, and cannot be told to leave out one file.
    """
    known = [file for file in files if file.size > 0 and file.hashes]
    readable = [file for file in known if not {MD5, etags.ETAG}.isdisjoint(dict(file.hashes))]
    if len(readable) == len(known) and any(file.size >= LARGE for file in known):
        return known
    return [file for file in readable if etags.ETAG in dict(file.hashes)]


def _copy(source: Source, side: Path, ours: Sequence[Entry], on_stats: Callable[[Stats], None]) -> dict[str, _Compared]:
    flags = ["copy", *_FLAGS, *source.store.flags()]
    if len(_compared_here(source.files)) == sum(1 for file in source.files if file.size > 0 and file.hashes):
        flags.append("--ignore-checksum")
    large = any(file.size >= LARGE for file in ours)
    with Hasher(side, side_by_side=large) as hasher:
        for file in ours:
            hasher.expect(file.path, file.size, _lengths(file)[0])

        def arrived(name: str, message: str) -> None:
            if done := _PIECE_DONE.match(message):
                hasher.arrived(name, int(done.group(1)))

        result = source.store.rclone().run(
            flags, [source.address, str(side)], on_stats=on_stats, on_debug=arrived if large else None
        )
        if result.status != 0:
            raise source.store.explain(result)
        _check_sizes(source, side)
        return {file.path: _compare(file, side, hasher) for file in ours}


def _compare(file: Entry, side: Path, hasher: Hasher) -> _Compared:
    """Hold a file that arrived against its digest: as it was hashed on its way, and then as it lies there."""
    hashes: Mapping[str, str] = dict(file.hashes)
    how = MD5 if MD5 in hashes else etags.ETAG
    if _digest(how, hasher.digests(file.path)) == hashes[how]:
        return _Compared(how, True, hashes[how])
    tried = []
    for length in _lengths(file):
        with Hasher(side) as again:
            again.expect(file.path, file.size, length)
            tried.append(_digest(how, again.digests(file.path)))
        if tried[-1] == hashes[how]:
            return _Compared(how, True, tried[-1])
    return _Compared(how, False, tried[0])


def _digest(how: str, stretches: list[bytes] | None) -> str:
    if stretches is None:
        return ""
    return stretches[0].hex() if how == MD5 else etags.of_parts(stretches)


def _lengths(file: Entry) -> tuple[int, ...]:
    """The lengths of the stretches in which a file's digest may have been made."""
    hashes = dict(file.hashes)
    if MD5 in hashes:
        return (file.size,)
    return etags.part_sizes(file.size, etags.count(hashes[etags.ETAG])) or (file.size,)


def _check_sizes(source: Source, side: Path) -> None:
    for file in source.files:
        try:
            size = (side / file.path).lstat().st_size
        except OSError:
            size = -1
        # A web server may not tell a size.
        if size != file.size and (file.size >= 0 or size < 0):
            found = "is missing" if size < 0 else f"has {size} bytes"
            raise StorageError(
                ExitCode.DIGEST,
                f"{file.path} of {source.store.place} {found} after the copy, the store says {file.size} bytes",
                "the model was changed while it was read, or its name does not fit a file system; try again",
            )
