"""Copy a model aside, and compare what arrived with what the store says of it.

rclone compares the digest of each file that it copies over one connection. Of a large file, which comes over several,
it would read the whole again afterwards; and of one that was uploaded in parts it knows none. Those are compared here,
while they arrive; an S3 store is asked for its checksums of the large ones before. (Meanwhile would be two of rclone at
once, which is too much memory for 30 ms.) What does not fit is fetched once more.
"""

import dataclasses
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from . import checksums, claims, etags
from .claims import MD5, Claim
from .comparing import Compared, Result, compare, expect
from .errors import ExitCode, StorageError
from .hashing import PIECE, Hasher
from .listing import Entry
from .rclone import Stats
from .store import Store

LARGE = 256 * 1024 * 1024
"""Bytes from which on a file comes over several connections."""
TWICE, SIZE = "twice", "size"
"""How a file was compared, beside the names of digests: with a second reading, by its size alone."""
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
Known = dict[str, tuple[Claim, ...]]


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
    known = {file.path: claims.of(dict(file.hashes)) for file in _compared_here(source.files)}
    asked = _large(source)
    known |= _told(source, asked)
    first = _copy(source, side, known, on_stats)
    if unsure := [file for file in _unproven(source, first) if file not in asked]:
        told = _told(source, unsure)
        known |= told
        first |= _compared_late(source, side, told)
    how = {file.path: MD5 if dict(file.hashes).get(MD5) else SIZE for file in source.files}
    how |= {path: found.how for path, found in first.items()}
    wrong = {path: found for path, found in first.items() if found.result is not Result.RIGHT}
    if not wrong:
        return how
    if not source.again and all(found.result is Result.UNSURE for found in wrong.values()):
        return how | dict.fromkeys(wrong, SIZE)
    report(f"{', '.join(sorted(wrong)[:3])}: not what the store's digest says: fetching again")
    for path in wrong:
        (side / path).unlink(missing_ok=True)
    second = _copy(source, side, {path: known[path] for path in wrong}, on_stats)
    for path, found in second.items():
        if found.result is Result.RIGHT:
            how[path] = found.how
        elif found.result is Result.UNSURE and found.digest and found.digest == wrong[path].digest:
            how[path] = TWICE
            report(f"{path}: its ETag fits no usual size of parts; two readings of it are alike")
        else:
            raise StorageError(
                ExitCode.DIGEST,
                f"{path} of {source.store.place} arrived with another content than the store's",
                "check the store and what lies before it, or upload the file again",
            )
    return how


def _compared_here(files: Iterable[Entry]) -> list[Entry]:
    """The files that rclone cannot compare, and all of a model with a large one, unless some have another digest.

    rclone would read a large one once more to compare it, and cannot be told to leave out one file.
    """
    known = _with_digest(files)
    readable = [file for file in known if not {MD5, etags.ETAG}.isdisjoint(dict(file.hashes))]
    if len(readable) == len(known) and any(file.size >= LARGE for file in known):
        return known
    return [file for file in readable if MD5 not in dict(file.hashes)]


def _with_digest(files: Iterable[Entry]) -> list[Entry]:
    return [file for file in files if file.size > 0 and file.hashes]


def _large(source: Source) -> list[Entry]:
    """The files whose checksums are worth a question before they are here: others are compared as quickly without."""
    return [file for file in source.files if file.size >= LARGE] if checksums.can_ask(source.store) else []


def _unproven(source: Source, found: dict[str, Compared]) -> list[Entry]:
    """The files that nothing has proven yet, of a store that may have checksums of them."""
    if not checksums.can_ask(source.store):
        return []
    blind = (file for file in source.files if file.size > 0 and not file.hashes and file.path not in found)
    unsure = (file for file in source.files if file.path in found and found[file.path].result is Result.UNSURE)
    return [*blind, *unsure]


def _told(source: Source, files: Sequence[Entry]) -> Known:
    """Ask for files' checksums; what is known of those that the store tells some of."""
    told = checksums.ask(source.store, source.address, files) if files else {}
    return {file.path: claims.of(dict(file.hashes) | told[file.path]) for file in files if file.path in told}


def _compared_late(source: Source, side: Path, told: Known) -> dict[str, Compared]:
    """Compare files that are here already."""
    files = [file for file in source.files if file.path in told]
    with Hasher(side, side_by_side=True) as hasher:
        for file in files:
            expect(file, told[file.path], hasher)
        return {file.path: compare(file, told[file.path], side, hasher) for file in files}


def _copy(source: Source, side: Path, known: Known, on_stats: Callable[[Stats], None]) -> dict[str, Compared]:
    """Copy what is missing, and compare the files that something is known of."""
    flags = ["copy", *_FLAGS, *source.store.flags()]
    if len(_compared_here(source.files)) == len(_with_digest(source.files)):
        flags.append("--ignore-checksum")
    ours = [file for file in source.files if file.path in known]
    large = any(file.size >= LARGE for file in ours)
    with Hasher(side, side_by_side=large) as hasher:
        for file in ours:
            expect(file, known[file.path], hasher)

        def arrived(name: str, message: str) -> None:
            if done := _PIECE_DONE.match(message):
                hasher.arrived(name, int(done.group(1)))

        result = source.store.rclone().run(
            flags, [source.address, str(side)], on_stats=on_stats, on_debug=arrived if large else None
        )
        if result.status != 0:
            raise source.store.explain(result)
        _check_sizes(source, side)
        return {file.path: compare(file, known[file.path], side, hasher) for file in ours}


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
