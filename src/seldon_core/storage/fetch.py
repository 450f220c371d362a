"""The one way a model gets onto the disk: list, copy aside, verify, move in place, write the manifest.

Why each step: rclone calls a missing folder a success, so the listing decides whether there is a model. Files are
copied into a side folder of the destination, so that a server never sees half a model. Every file's digest is compared
with the store's while it is copied (`copying`), and then with whatever digests somebody expects. The manifest comes
last and means "whole".
"""

import dataclasses
import functools
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from . import cache, copying, digests, listing, manifest, placing
from .errors import ExitCode, StorageError
from .flags import first
from .listing import SIDE_FOLDER, Entry
from .manifest import Manifest
from .rclone import Stats
from .redact import one_line
from .store import Deadline, Listing, Store, open_store
from .uri import ModelUri, parse

VERIFY = "SELDON_STORAGE_VERIFY"
_STORE = "store"
_SHA256 = "sha256"
_MOST_NAMES = 3
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

    `wanted` is the digest that the model must have, "" for any; `verify` what SELDON_STORAGE_VERIFY asks for: `twice`
    that everything is read a second time, `store` that nothing ever is.
    """

    uri: ModelUri
    side: Path
    env: Mapping[str, str]
    deadline: Deadline
    wanted: str
    verify: str
    report: Report


@dataclasses.dataclass(frozen=True)
class _Filled:
    """A model in the side folder: its files, the SHA-256 that were made of them, and how each was compared."""

    files: tuple[Entry, ...]
    sums: Mapping[str, str]
    how: Mapping[str, str]


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
        verify=_verify(env),
        report=report,
    )
    before = manifest.read(destination)
    if before and manifest.is_intact(before, task.uri.text, destination, task.wanted):
        report(f"{text} is already in {destination}: {_amount(len(before.files), before.size)}; nothing to download")
        return before
    try:
        filled = _fill(task)
        placing.move(filled.files, task.side, destination, before)
    finally:
        shutil.rmtree(task.side, ignore_errors=True)
    done = manifest.describe(task.uri.text, destination, filled.files, filled.sums, filled.how)
    manifest.write(destination, done)
    spent = time.monotonic() - task.deadline.at + seconds
    report(f"{_amount(len(done.files), done.size)} in {destination} after {spent:.1f} s")
    return done


def _verify(env: Mapping[str, str]) -> str:
    given = first(env, VERIFY)
    if given not in {"", _STORE, copying.TWICE}:
        raise StorageError(
            ExitCode.CONFIG, f'{VERIFY}="{one_line(given, 40)}" is unknown', "set it to store or twice, or leave it out"
        )
    return given


def _fill(task: _Task) -> _Filled:
    """Put the model into the side folder, from the cache or from its store."""
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
            sums = {file.path: dict(file.hashes)[_SHA256] for file in files}
            digests.check(task.wanted, sums, task.side, task.uri.text)
            task.report(f"{task.uri.text} comes from the cache")
            return _Filled(files, sums, dict.fromkeys(sums, _SHA256))
        filled = _download(task, found or _look(task), sums=True)
        shelf.put(key, task.uri.text, task.side, filled.sums)
        return filled


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


def _download(task: _Task, found: _Found, *, sums: bool) -> _Filled:
    store, files = found.store, found.files
    _check_room(found, task.side)
    source = copying.Source(store, found.source, files, again=task.verify != _STORE)
    how = copying.copy(source, task.side, functools.partial(_tell, task.report), task.report)
    expected = bool(task.wanted) or any(file.path == digests.SUMS for file in files)
    if task.verify == copying.TWICE:
        _read_again(store, found.source, task.side)
        how = {path: copying.TWICE if each == copying.SIZE else each for path, each in how.items()}
    made = digests.of_files(task.side, files) if sums or expected else {}
    if expected:
        digests.check(task.wanted, made, task.side, store.place)
        task.report(f"the model is what was expected: sha256:{digests.of_model(made)}")
        compared = made if task.wanted else digests.listed(task.side, store.place)
        how |= {path: _SHA256 for path in compared if path in how}
    if blind := [file.path for file in files if file.size != 0 and how[file.path] == copying.SIZE]:
        names = ", ".join([*blind[:_MOST_NAMES], *(["..."] if len(blind) > _MOST_NAMES else [])])
        task.report(
            f"the store has no digest that can be checked of {len(blind)} of {_amount(len(files), found.size)} "
            f"({names}): sizes were compared; with {digests.SUMS} beside the files, or annotation "
            "seldon.io/model-digest, contents are"
        )
    return _Filled(files, made, how)


def _tell(report: Report, stats: Stats) -> None:
    if stats.bytes < stats.total_bytes:
        report(
            f"{100 * stats.bytes // stats.total_bytes} % ({_bytes(stats.bytes)} of {_bytes(stats.total_bytes)}, "
            f"{stats.files} of {stats.total_files} files, {_bytes(int(stats.speed))}/s)"
        )


def _check_room(found: _Found, side: Path) -> None:
    free = shutil.disk_usage(side).free
    if found.size > free:
        raise StorageError(
            ExitCode.DISK_FULL,
            f"{found.store.place} needs {_bytes(found.size)}, and {side.parent} has {_bytes(free)} free",
            "give the volume more space",
        )


def _read_again(store: Store, source: str, side: Path) -> None:
    """Compare contents with a second reading of the store: for stores that tell no digest."""
    result = store.rclone().run([*_CHECK, *store.flags()], [source, str(side)])
    if result.status != 0:
        raise store.explain(result)


def _amount(count: int, size: int) -> str:
    return f"{count} file{'' if count == 1 else 's'}, {_bytes(size)}"


def _bytes(count: int) -> str:
    value = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"
