"""The one way a model gets onto the disk: list, copy aside, verify, move in place, write the manifest.

Why each step: rclone calls a missing folder a success, so the listing decides whether there is a model. Files are
copied into a side folder of the destination, so that a server never sees half a model. rclone compares every file's
digest with the store's while it copies; the set of files and their sizes is compared here, and whatever digests
somebody expects. The manifest comes last and means "whole".
"""

import dataclasses
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from . import cache, digests, listing, manifest, placing
from .errors import ExitCode, StorageError
from .flags import first
from .listing import SIDE_FOLDER, Entry
from .manifest import Manifest
from .rclone import Stats
from .redact import one_line
from .store import Deadline, Listing, Store, open_store
from .uri import ModelUri, parse

VERIFY = "SELDON_STORAGE_VERIFY"
_COPY = (
    "--contimeout=10s",
    "--timeout=60s",
    "--retries=3",
    "--retries-sleep=1s",
    "--low-level-retries=5",
    "--transfers=4",
    "--buffer-size=8Mi",
    "--multi-thread-streams=4",
    "--multi-thread-chunk-size=8Mi",
    # The time of the listing: reading the one in an object's metadata costs a request for each object.
    "--use-server-modtime",
    "--stats=5s",
    "--stats-log-level=NOTICE",
)
_CHECK = ("check", "--download", "--one-way", "--contimeout=10s", "--timeout=60s", "--low-level-retries=5")

Report = Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class _Found:
    """A model in its store: where rclone copies it from, and its files."""

    store: Store
    source: str
    files: tuple[Entry, ...]

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files if file.size > 0)


@dataclasses.dataclass(frozen=True)
class _Task:
    """One run: what to fetch with what, until when.

    `wanted` is the digest that the model must have, "" for any; `twice` that contents are compared with a second
    reading.
    """

    uri: ModelUri
    side: Path
    env: Mapping[str, str]
    deadline: Deadline
    wanted: str
    twice: bool
    report: Report


def fetch(text: str, destination: Path, env: Mapping[str, str], *, seconds: float, report: Report) -> Manifest:
    """Leave the model of the URI in the destination folder and return what it consists of.

    `seconds` is the deadline of the whole. `report` gets progress, a line at a time. Nothing is downloaded where an
    intact manifest of the same URI lies. Raises StorageError; the destination then holds what it held before. A run
    that is ended while it moves files leaves some of them and a manifest that vouches for none; the next one makes the
    model whole.
    """
    task = _Task(
        uri=parse(text),
        side=destination / SIDE_FOLDER,
        env=env,
        deadline=Deadline(time.monotonic() + seconds, seconds),
        wanted=digests.wanted(env),
        twice=_reads_twice(env),
        report=report,
    )
    before = manifest.read(destination)
    if before and manifest.is_intact(before, task.uri.text, destination, task.wanted):
        report(f"{text} is already in {destination}: {_amount(len(before.files), before.size)}; nothing to download")
        return before
    try:
        files, sums = _fill(task)
        placing.move(files, task.side, destination, before)
    finally:
        shutil.rmtree(task.side, ignore_errors=True)
    done = manifest.describe(task.uri.text, destination, files, sums)
    manifest.write(destination, done)
    spent = time.monotonic() - task.deadline.at + seconds
    report(f"{_amount(len(files), done.size)} in {destination} after {spent:.1f} s")
    return done


def _reads_twice(env: Mapping[str, str]) -> bool:
    given = first(env, VERIFY)
    if given not in {"", "store", "twice"}:
        raise StorageError(
            ExitCode.CONFIG, f'{VERIFY}="{one_line(given, 40)}" is unknown', "set it to store or twice, or leave it out"
        )
    return given == "twice"


def _fill(task: _Task) -> tuple[tuple[Entry, ...], dict[str, str]]:
    """Put the model into the side folder, from the cache or from its store; its files, and SHA-256 that were made."""
    shelf = cache.of(task.env, task.report)
    found: _Found | None = None
    key = cache.key_of_digest(task.wanted) if task.wanted else ""
    if not shelf or not key:
        found = _look(task)
        key = cache.key_of_listing(found.files) if shelf else ""
    placing.prepare(task.side)
    if not shelf or not key:
        return _download(task, found or _look(task), sums=False)
    with shelf.alone(key, task.deadline.at):
        files = shelf.take(key, task.side)
        if files:
            sums = {file.path: dict(file.hashes)["sha256"] for file in files}
            digests.check(task.wanted, sums, task.side, task.uri.text)
            task.report(f"{task.uri.text} comes from the cache")
            return files, sums
        files, sums = _download(task, found or _look(task), sums=True)
        shelf.put(key, task.uri.text, task.side, sums)
        return files, sums


def _look(task: _Task) -> _Found:
    store, found = open_store(task.uri, task.env, task.deadline)
    files = _files(store, found)
    result = _Found(store, found.address, files)
    task.report(f"{store.place}: {_amount(len(files), result.size)}")
    return result


def _files(store: Store, found: Listing) -> tuple[Entry, ...]:
    files = listing.model_files(found.entries, store.place)
    if not files:
        raise store.nothing_found(folders=bool(found.entries))
    return files


def _download(task: _Task, found: _Found, *, sums: bool) -> tuple[tuple[Entry, ...], dict[str, str]]:
    store, files = found.store, found.files
    _check_room(found, task.side)
    _copy(store, found.source, task.side, task.report)
    _verify(files, task.side, store.place)
    expected = bool(task.wanted) or any(file.path == digests.SUMS for file in files)
    if task.twice:
        _read_again(store, found.source, task.side)
    elif not expected and (blind := sum(1 for file in files if file.size > 0 and not file.hashes)):
        task.report(
            f"the store has no digest of {blind} of {_amount(len(files), found.size)}: sizes were compared; with "
            f"{digests.SUMS} beside the files, or annotation seldon.io/model-digest, contents are"
        )
    made = digests.of_files(task.side, files) if sums or expected else {}
    if expected:
        digests.check(task.wanted, made, task.side, store.place)
        task.report(f"the model is what was expected: sha256:{digests.of_model(made)}")
    return files, made


def _check_room(found: _Found, side: Path) -> None:
    free = shutil.disk_usage(side).free
    if found.size > free:
        raise StorageError(
            ExitCode.DISK_FULL,
            f"{found.store.place} needs {_bytes(found.size)}, and {side.parent} has {_bytes(free)} free",
            "give the volume more space",
        )


def _copy(store: Store, source: str, side: Path, report: Report) -> None:
    def progress(stats: Stats) -> None:
        if stats.bytes >= stats.total_bytes:
            return
        report(
            f"{100 * stats.bytes // stats.total_bytes} % ({_bytes(stats.bytes)} of {_bytes(stats.total_bytes)}, "
            f"{stats.files} of {stats.total_files} files, {_bytes(int(stats.speed))}/s)"
        )

    result = store.rclone().run(["copy", *_COPY, *store.flags()], [source, str(side)], on_stats=progress)
    if result.status != 0:
        raise store.explain(result)


def _read_again(store: Store, source: str, side: Path) -> None:
    """Compare contents with a second reading of the store: for stores that tell no digest."""
    result = store.rclone().run([*_CHECK, *store.flags()], [source, str(side)])
    if result.status != 0:
        raise store.explain(result)


def _verify(files: tuple[Entry, ...], side: Path, place: str) -> None:
    for file in files:
        try:
            size = (side / file.path).lstat().st_size
        except OSError:
            size = -1
        # A web server may not tell a size.
        if size != file.size and (file.size >= 0 or size < 0):
            found = "is missing" if size < 0 else f"has {size} bytes"
            raise StorageError(
                ExitCode.DIGEST,
                f"{file.path} of {place} {found} after the copy, the store says {file.size} bytes",
                "the model was changed while it was read, or its name does not fit a file system; try again",
            )


def _amount(count: int, size: int) -> str:
    return f"{count} file{'' if count == 1 else 's'}, {_bytes(size)}"


def _bytes(count: int) -> str:
    value = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"
