"""Look into the store that a URI names: find credentials that work, list the model, or say what lies near instead."""

import dataclasses
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from . import etags, failures, listing
from .credentials import expected_keys, resolve
from .errors import ExitCode, StorageError
from .heads import FLAG as HEADS
from .heads import Heads
from .listing import Entry
from .rclone import Rclone, Result, address, environment
from .remote import S3, Remote
from .uri import CLAIM_MOUNT, ModelUri

# A dead endpoint must be told within about 15 s: one attempt at a time, tried again while little time has passed.
_TIMEOUTS = ("--contimeout=10s", "--timeout=30s", "--retries=1", "--low-level-retries=1")
_PATIENCE = 12.0
_AGAIN_WITHIN = 5.0
_PAUSES = (1.0, 2.0)
_DIRECTORY_NOT_FOUND = 3
_UPLOAD = "upload the model's files or correct modelUri"


@dataclasses.dataclass(frozen=True)
class Deadline:
    """When the whole must be done: a time of `time.monotonic`, and the seconds that were allowed, for messages."""

    at: float
    seconds: float


@dataclasses.dataclass(frozen=True)
class Listing:
    """What lies under a URI: its entries, and the address that rclone copies them from."""

    address: str
    entries: tuple[Entry, ...]


@dataclasses.dataclass(frozen=True)
class Store:
    """The store of a URI, reached with one remote (None for a folder on a mounted claim)."""

    uri: ModelUri
    remote: Remote | None
    env: Mapping[str, str]
    deadline: Deadline

    @property
    def place(self) -> str:
        """The URI with its endpoint, as messages show it."""
        return failures.place(self.uri, self.remote)

    @property
    def is_s3(self) -> bool:
        """Whether it speaks S3."""
        return self.remote is not None and self.remote.options.get("type") == S3

    def rclone(self) -> Rclone:
        """Return rclone with this store's environment."""
        return Rclone(environment(self.remote, self.env), self.deadline.at)

    def explain(self, result: Result) -> StorageError:
        """Return the error that a failed run of rclone means."""
        return failures.explain(self.uri, self.remote, result, self.deadline.seconds)

    def flags(self) -> tuple[str, ...]:
        """Return the flags that every reading of this store needs.

        Filters are none of them: single files forbid them.
        """
        return () if self.remote else ("--copy-links",)

    def list_all(self) -> Listing:
        """Return everything under the URI.

        Raises StorageError; a network failure is tried again for a few seconds, because a pod's network may come up
        after its first container.
        """
        started = time.monotonic()
        # S3 is asked for each object's own time and type, which nobody wants.
        flags = ["lsjson", "--recursive", "--no-modtime", "--no-mimetype", *_TIMEOUTS, *self.flags()]
        if self.remote:
            flags.append("--hash")
        if self.is_s3:
            flags.append(HEADS)
        pauses = iter(_PAUSES)
        while True:
            found, result = self._find(flags)
            if result.status == 0:
                return found
            if result.status == _DIRECTORY_NOT_FOUND or any("NoSuchBucket" in message for message in result.messages):
                raise self._no_bucket()
            error = self.explain(result)
            pause = next(pauses, None)
            if error.code is not ExitCode.NETWORK or result.expired or pause is None:
                raise error
            if time.monotonic() - started > _AGAIN_WITHIN:
                raise error
            time.sleep(pause)

    def _find(self, flags: Sequence[str]) -> tuple[Listing, Result]:
        """List the URI as a folder, then as a single file.

        A web server is asked once: rclone finds out which of both it is. The slash at the end spares S3 a question for
        an object of the folder's name, and whoever may list but not read the bucket an error.
        """
        if self.remote and self.remote.is_web:
            path = f"{self.uri.path}/" if self.uri.folder and self.uri.path else self.uri.path
            entries, result = self._lsjson(flags, path)
            return Listing(address(self.uri, path), entries), result
        folder = f"{self.uri.path}/" if self.remote else self.uri.path
        entries, result = self._lsjson(flags, folder)
        if result.status != 0 or entries or not self.remote or "/" not in self.uri.path:
            return Listing(address(self.uri, folder), entries), result
        entries, result = self._lsjson(flags, self.uri.path)
        return Listing(address(self.uri, self.uri.path), entries), result

    def nothing_found(self, *, folders: bool) -> StorageError:
        """Explain a listing without files: go up until a folder has names, and show the likeliest."""
        if folders:
            return StorageError(ExitCode.NOT_FOUND, f"{self.place} holds folders and no files", _UPLOAD)
        if self.remote and self.remote.is_web:
            hint = "end modelUri with a slash where it names a folder, and have the server show an index of it"
            return StorageError(ExitCode.NOT_FOUND, f"{self.place} shows no files", hint)
        parent, _, name = self.uri.path.rpartition("/")
        while parent:
            if names := self._names(parent):
                if f"{name}/" in names:
                    return StorageError(ExitCode.NOT_FOUND, f"the folder {self.place} is empty", _UPLOAD)
                return _not_found(f"no objects under {self.place}", listing.nearest(name, names))
            parent, _, name = parent.rpartition("/")
        return StorageError(ExitCode.NOT_FOUND, f"no objects under {self.place}: the bucket is empty", _UPLOAD)

    def _no_bucket(self) -> StorageError:
        if not self.remote:
            path = Path(self.uri.path)
            shown = self.uri.path.removeprefix(CLAIM_MOUNT).lstrip("/")
            return _not_found(
                f'there is no "{shown}" on the claim', listing.nearest(path.name, self._names(str(path.parent)))
            )
        if self.remote.is_web:
            parent, _, name = self.uri.path.rpartition("/")
            names = tuple(self._names(f"{parent}/" if parent else "")) if name else ()
            return _not_found(f"there is nothing at {self.place}", listing.nearest(name, names))
        missing = f'there is no bucket "{self.uri.bucket}" for {self.place}'
        if not self.remote.keys and not self.remote.endpoint:
            return StorageError(
                ExitCode.NOT_FOUND,
                f"{missing} in the public cloud, which was asked because no credentials and no endpoint were given",
                f"set envSecretRefName to a secret with {expected_keys(self.uri)}, or correct modelUri",
            )
        buckets = (name.rstrip("/") for name in self._names(""))
        return _not_found(missing, listing.nearest(self.uri.bucket, buckets))

    def _names(self, path: str) -> tuple[str, ...]:
        """Return the names in a folder, folders with a slash; none where it cannot be listed."""
        entries, result = self._lsjson(["lsjson", *_TIMEOUTS, *self.flags()], path)
        return tuple(f"{e.path}/" if e.folder else e.path for e in entries) if result.status == 0 else ()

    def _lsjson(self, flags: Sequence[str], path: str) -> tuple[tuple[Entry, ...], Result]:
        entries: list[Entry] = []
        heads = Heads("HEAD", etags.pick) if HEADS in flags else None
        unread = 0

        def add(line: str) -> None:
            nonlocal unread
            try:
                entry = listing.parse_line(line)
            except (ValueError, KeyError):
                unread += 1
                return
            if entry:
                entries.append(entry)

        result = self.rclone().run(
            flags,
            [address(self.uri, path)],
            on_line=add,
            on_debug=(lambda _, message: heads.read(message)) if heads else None,
            patience=_PATIENCE,
        )
        if (
            unread and result.status == 0
        ):  # of a run that was ended, the last line is cut off, and the end is what counts
            raise StorageError(
                ExitCode.FAILED,
                f"{unread} lines of the listing of {self.place} cannot be read",
                "check that the image's rclone is the one that it was built with",
            )
        return tuple(self._with_tag(entry, path, heads) if heads else entry for entry in entries), result

    def _with_tag(self, entry: Entry, path: str, heads: Heads[str]) -> Entry:
        """Add the ETag to an object in parts; `path` is what was listed."""
        tag = None if entry.folder or entry.size < 1 else heads.of(self.uri.bucket, key_of(path, entry))
        return dataclasses.replace(entry, hashes=(*entry.hashes, (etags.ETAG, tag))) if tag else entry


def key_of(path: str, entry: Entry) -> str:
    """Return the key of an entry of a listed path: a folder (it ends with a slash), or the object alone."""
    folder = path if path.endswith("/") else f"{path.rpartition('/')[0]}/"
    return f"{folder}{entry.path}".partition("/")[2]


def open_store(uri: ModelUri, env: Mapping[str, str], deadline: Deadline) -> tuple[Store, Listing]:
    """Return the store with the first credentials that it does not deny, and everything under the URI.

    Raises StorageError. Where anonymous access and then the pod's identity were denied, the first answer is told: it
    names the keys that a secret should have.
    """
    if not uri.remote:
        _check_links(Path(uri.path))
    denied: StorageError | None = None
    for remote in resolve(uri, env) or (None,):
        store = Store(uri, remote, env, deadline)
        try:
            return store, store.list_all()
        except StorageError as error:
            denied = denied or error
            if error.code is not ExitCode.AUTH:
                raise denied from None
    raise denied or AssertionError


def _check_links(folder: Path) -> None:
    """Refuse a claim's folder with links that lead out of the claim: they would copy this container's own files.

    Folders that links lead to are looked into as well, because rclone follows them.
    """
    claim = Path(CLAIM_MOUNT).resolve()
    waiting = [folder]
    seen: set[str] = set()
    while waiting:
        path = waiting.pop()
        real = os.path.realpath(path)  # Path.resolve fails on a link that leads to itself
        if not Path(real).is_relative_to(claim):
            raise StorageError(ExitCode.BAD_URI, f"{path} leads out of the claim", "replace the link by what it names")
        if real in seen:
            continue
        seen.add(real)
        found = (Path(parent, name) for parent, folders, names in os.walk(path) for name in (*folders, *names))
        waiting += [below for below in found if below.is_symlink()]


def _not_found(cause: str, near: tuple[str, ...]) -> StorageError:
    hint = f"nearest: {', '.join(near)}; correct modelUri" if near else "correct modelUri"
    return StorageError(ExitCode.NOT_FOUND, cause, hint)
