"""What lies under a URI, and what lies near it when nothing does."""

import dataclasses
import difflib
import json
from collections.abc import Iterable

from .errors import ExitCode, StorageError
from .redact import one_line

# Our own files inside the destination. A store that was filled from a model folder may hold them too: they are not the
# model.
MANIFEST = ".seldon-model.json"
SIDE_FOLDER = ".seldon-model.part"
_MOST_NAMES = 3
# rclone shows dots that lead elsewhere as full-width ones.
_LEADING_OUT = frozenset({"", ".", "..", "\uff0e", "\uff0e\uff0e"})


@dataclasses.dataclass(frozen=True)
class Entry:
    """One file or folder of a store: path below the listed folder, bytes (-1 for a folder), digests by algorithm."""

    path: str
    size: int
    folder: bool = False
    hashes: tuple[tuple[str, str], ...] = ()


def parse_line(line: str) -> Entry | None:
    """Return the entry of one line of `rclone lsjson` output, None for its brackets.

    rclone writes one object a line, so that a listing of any length is read without holding its text.
    """
    text = line.strip().rstrip(",")
    if not text.startswith("{"):
        return None
    item = json.loads(text)
    hashes = tuple(sorted((name, digest) for name, digest in (item.get("Hashes") or {}).items() if digest))
    return Entry(item["Path"], item["Size"], item["IsDir"], hashes)


def is_inside(path: str) -> bool:
    """Tell whether a relative path stays in the folder that it is below."""
    return "\0" not in path and _LEADING_OUT.isdisjoint(path.split("/"))


def model_files(entries: Iterable[Entry], shown: str) -> tuple[Entry, ...]:
    """Return the files of a model in order of their paths.

    Raises StorageError(BAD_URI) for a name that would leave the destination: no store's key may choose where we write.
    """
    files: dict[str, Entry] = {}
    for entry in entries:
        if not is_inside(entry.path):
            raise StorageError(
                ExitCode.BAD_URI,
                f'{shown} holds the key "{one_line(entry.path, 120)}", which leaves the model\'s folder',
                "remove or rename the object",
            )
        if not entry.folder and entry.path.partition("/")[0] not in {MANIFEST, SIDE_FOLDER}:
            files[entry.path] = entry
    return tuple(files[path] for path in sorted(files))


def nearest(wanted: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return up to three names that are most like the wanted one; where none is alike, the first ones."""
    known = sorted(names)
    plain = {name.rstrip("/"): name for name in known}
    alike = difflib.get_close_matches(wanted, plain, n=_MOST_NAMES, cutoff=0.5)
    return tuple(plain[name] for name in alike) or tuple(known[:_MOST_NAMES])
