"""The one way a model gets onto the disk: list, copy aside, verify, move in place, write the manifest.

Why each step: rclone calls a missing folder a success, so the listing decides whether there is a model. Files are
copied into a side folder of the destination, so that a server never sees half a model. rclone compares every file's
digest with the store's while it copies; the set of files and their sizes is compared here. The manifest comes last and
means "whole".
"""

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from . import listing, manifest
from .errors import ExitCode, StorageError
from .listing import SIDE_FOLDER, Entry
from .manifest import Manifest
from .rclone import Stats
from .store import Deadline, Store, open_store
from .uri import parse

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

Report = Callable[[str], None]


def fetch(text: str, destination: Path, env: Mapping[str, str], *, seconds: float, report: Report) -> Manifest:
    """Leave the model of the URI in the destination folder and return what it consists of.

    `seconds` is the deadline of the whole. `report` gets progress, a line at a time. Nothing is downloaded where an
    intact manifest of the same URI lies. Raises StorageError; the destination then holds what it held before. A run
    that is ended while it moves files leaves some of them and a manifest that vouches for none; the next one makes the
    model whole.
    """
    deadline = Deadline(time.monotonic() + seconds, seconds)
    uri = parse(text)
    before = manifest.read(destination)
    if before and manifest.is_intact(before, uri.text, destination):
        report(
            f"{uri.text} is already in {destination}: {_amount(len(before.files), before.size)}; nothing to download"
        )
        return before
    store, found = open_store(uri, env, deadline)
    files = listing.model_files(found.entries, store.place)
    if not files:
        raise store.nothing_found(folders=bool(found.entries))
    size = sum(file.size for file in files)
    report(f"{store.place}: {_amount(len(files), size)}")
    side = destination / SIDE_FOLDER
    _prepare(side, size, store.place)
    try:
        _copy(store, found.address, side, report)
        _verify(files, side, store.place)
        _move(files, side, destination, before)
    finally:
        shutil.rmtree(side, ignore_errors=True)
    done = manifest.describe(uri.text, destination, files)
    manifest.write(destination, done)
    report(f"{_amount(len(files), size)} in {destination} after {time.monotonic() - deadline.at + seconds:.1f} s")
    return done


def _prepare(side: Path, size: int, place: str) -> None:
    destination = side.parent
    try:
        # What an earlier, interrupted run left is not trusted.
        if side.exists():
            shutil.rmtree(side)
        side.mkdir(parents=True)
        free = shutil.disk_usage(destination).free
    except OSError as error:
        raise StorageError(
            ExitCode.CONFIG,
            f"{destination} cannot be written ({os.strerror(error.errno or 0)})",
            f"mount a volume there that uid {os.getuid()} may write",
        ) from None
    if size > free:
        side.rmdir()
        raise StorageError(
            ExitCode.DISK_FULL,
            f"{place} needs {_bytes(size)}, and {destination} has {_bytes(free)} free",
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


def _verify(files: tuple[Entry, ...], side: Path, place: str) -> None:
    for file in files:
        try:
            size = (side / file.path).lstat().st_size
        except OSError:
            size = -1
        if size != file.size:
            found = "is missing" if size < 0 else f"has {size} bytes"
            raise StorageError(
                ExitCode.DIGEST,
                f"{file.path} of {place} {found} after the copy, the store says {file.size} bytes",
                "the model was changed while it was read, or its name does not fit a file system; try again",
            )


def _move(files: tuple[Entry, ...], side: Path, destination: Path, before: Manifest | None) -> None:
    # From here to the new manifest the folder is mixed, so the old one must not vouch for it.
    manifest.write(destination, manifest.unfinished(before, files))
    wanted = {file.path for file in files}
    for old in before.files if before else ():
        if old.path not in wanted:
            _remove(destination, old.path)
    for file in files:
        target = destination / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        (side / file.path).replace(target)


def _remove(destination: Path, path: str) -> None:
    """Remove a file, and the folders that it leaves empty: one may bear the name of a file to come."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        (destination / path).unlink()
    with contextlib.suppress(OSError):
        for folder in Path(path).parents:
            if folder != Path():
                (destination / folder).rmdir()


def _amount(count: int, size: int) -> str:
    return f"{count} file{'' if count == 1 else 's'}, {_bytes(size)}"


def _bytes(count: int) -> str:
    value = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"
