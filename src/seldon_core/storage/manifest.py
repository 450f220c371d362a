"""The record of a finished download, and whether it still holds.

An init container is started again after a node's reboot or a crash of the pod's sandbox, with the files still there.
The manifest is written last, so where it is and fits the files, the model is whole and nothing is downloaded.
"""

import dataclasses
import json
import os
import stat
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import digests
from .listing import MANIFEST, Entry, is_inside

_VERSION = 1


@dataclasses.dataclass(frozen=True)
class File:
    """A file as it was left: path relative to the destination, bytes, modification time in ns, digests by algorithm.

    `verified` says how its content was compared when it came: with which digest, with a second reading (`twice`), or
    not at all (`size`).
    """

    path: str
    size: int
    mtime_ns: int
    hashes: dict[str, str]
    verified: str = ""


@dataclasses.dataclass(frozen=True)
class Manifest:
    """What was downloaded, from which URI."""

    uri: str
    files: tuple[File, ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


def describe(
    uri: str, destination: Path, entries: tuple[Entry, ...], sums: Mapping[str, str], how: Mapping[str, str]
) -> Manifest:
    """Return the manifest of files that lie in the destination.

    `sums` are the SHA-256 that were made of them, `how` says how they were compared with what the store holds.
    """
    files = []
    for entry in entries:
        status = (destination / entry.path).lstat()
        hashes = dict(entry.hashes) | ({"sha256": sums[entry.path]} if entry.path in sums else {})
        files.append(File(entry.path, status.st_size, status.st_mtime_ns, hashes, how.get(entry.path, "")))
    return Manifest(uri, tuple(files))


def unfinished(before: Manifest | None, entries: tuple[Entry, ...]) -> Manifest:
    """Return the record of a folder that is being changed: it names every file that may be ours, and vouches for none.

    A run that is ended in between leaves it behind, and the next one knows what to remove.
    """
    files = {entry.path: File(entry.path, entry.size, 0, {}) for entry in entries}
    files |= {file.path: file for file in before.files} if before else {}
    return Manifest("", tuple(files.values()))


def write(destination: Path, manifest: Manifest) -> None:
    """Write the manifest in one step: it is there whole or not at all."""
    content = {
        "version": _VERSION,
        "uri": manifest.uri,
        "completed": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "count": len(manifest.files),
        "bytes": manifest.size,
        "files": [
            {
                "path": file.path,
                "size": file.size,
                "mtimeNs": file.mtime_ns,
                "hashes": file.hashes,
                "verified": file.verified,
            }
            for file in manifest.files
        ],
    }
    part = destination / f"{MANIFEST}.part"
    with part.open("w", encoding="utf-8") as stream:
        json.dump(content, stream, indent=1)
        stream.flush()
        os.fsync(stream.fileno())
    part.replace(destination / MANIFEST)


def read(destination: Path) -> Manifest | None:
    """Return the manifest of the destination, None where there is none or it is not ours."""
    try:
        content: Any = json.loads((destination / MANIFEST).read_bytes())
        if content["version"] != _VERSION:
            return None
        files = tuple(
            File(
                str(item["path"]),
                int(item["size"]),
                int(item["mtimeNs"]),
                dict(item["hashes"]),
                str(item.get("verified", "")),
            )
            for item in content["files"]
        )
        # Files of a manifest are removed when another model comes: none may lie elsewhere.
        return Manifest(str(content["uri"]), files) if all(is_inside(file.path) for file in files) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def is_intact(manifest: Manifest, uri: str, destination: Path, wanted: str = "") -> bool:
    """Tell whether the files are those that the manifest of this URI describes, by size and modification time.

    `wanted` is the digest that the model must have had when it came, "" for any.

    Contents are not read again: gigabytes would take seconds at every restart, and whoever can write into the volume
    can write the manifest as well.
    """
    if not uri or manifest.uri != uri or not manifest.files:
        return False
    sums = {file.path: file.hashes.get("sha256", "") for file in manifest.files}
    if wanted and not (all(sums.values()) and digests.is_wanted(wanted, sums)):
        return False
    for file in manifest.files:
        try:
            status = (destination / file.path).lstat()
        except OSError:
            return False
        if not stat.S_ISREG(status.st_mode) or status.st_size != file.size or status.st_mtime_ns != file.mtime_ns:
            return False
    return True
