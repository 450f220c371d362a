r"""Digests that somebody expects of a model: in `SHA256SUMS` beside its files, or for the whole in SELDON_MODEL_DIGEST.

A store's own digests tell that a copy is what the store holds. These tell that the store holds what was published.

The digest of a folder is the SHA-256 of what `sha256sum` prints for its files, in byte order of their paths:

    find . -type f -printf '%P\0' | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum

The digest of a model that is one file may also be that file's own.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from .errors import ExitCode, StorageError
from .listing import Entry, is_inside
from .redact import one_line

VARIABLE = "SELDON_MODEL_DIGEST"
SUMS = "SHA256SUMS"
_DIGEST = re.compile(r"(?i)sha256:([0-9a-f]{64})")
# One line of sha256sum: a backslash before the digest says that the name's backslashes and line ends are escaped.
_LINE = re.compile(r"(\\?)([0-9a-fA-F]{64}) [ *](.+)")
_LARGEST_SUMS = 16 * 1024 * 1024


def wanted(env: Mapping[str, str]) -> str:
    """Return the expected digest of the model as 64 hexadecimal digits, "" where none is expected.

    Raises StorageError(CONFIG).
    """
    text = env.get(VARIABLE, "").strip()
    match = _DIGEST.fullmatch(text)
    if text and not match:
        raise StorageError(
            ExitCode.CONFIG,
            f'the expected digest "{one_line(text, 80)}" is none',
            "write sha256: and 64 hexadecimal digits into annotation seldon.io/model-digest",
        )
    return match.group(1).lower() if match else ""


def of_files(folder: Path, files: Iterable[Entry]) -> dict[str, str]:
    """Return the SHA-256 of each file by its path. A file of any size takes little memory."""
    found = {}
    for file in files:
        with (folder / file.path).open("rb") as stream:
            found[file.path] = hashlib.file_digest(stream, "sha256").hexdigest()
    return found


def of_model(sums: Mapping[str, str]) -> str:
    """Return the digest of the folder with files of these digests."""
    lines = (f"{sums[path]}  {path}\n" for path in sorted(sums, key=str.encode))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def is_wanted(digest: str, sums: Mapping[str, str]) -> bool:
    """Tell whether a model with files of these digests is the one that a digest expects."""
    return digest == of_model(sums) or (len(sums) == 1 and digest in sums.values())


def check(digest: str, sums: Mapping[str, str], folder: Path, place: str) -> None:
    """Refuse a model that is not the expected one. Raises StorageError(DIGEST), naming the file where it can."""
    if SUMS in sums:
        _check_listed(folder / SUMS, sums, place)
    if digest and not is_wanted(digest, sums):
        raise StorageError(
            ExitCode.DIGEST,
            f"{place} has the digest sha256:{of_model(sums)}, and sha256:{digest} was expected",
            "somebody changed the model, or annotation seldon.io/model-digest is of another one",
        )


def listed(folder: Path, place: str) -> frozenset[str]:
    """Return the paths of the files that SHA256SUMS lists. Raises StorageError(DIGEST) where it cannot be read."""
    return frozenset(_read(folder / SUMS, place))


def _check_listed(path: Path, sums: Mapping[str, str], place: str) -> None:
    for name, expected in _read(path, place).items():
        found = sums.get(name)
        if found is None:
            raise StorageError(
                ExitCode.DIGEST,
                f"{one_line(name, 120)} is listed in {SUMS} of {place} and not there",
                f"upload the file, or correct {SUMS}",
            )
        if found != expected:
            raise StorageError(
                ExitCode.DIGEST,
                f"{one_line(name, 120)} of {place} has the SHA-256 {found}, and {SUMS} says {expected}",
                f"upload the file again, or correct {SUMS}",
            )


def _read(path: Path, place: str) -> dict[str, str]:
    try:
        with path.open(encoding="utf-8") as stream:
            lines = stream.read(_LARGEST_SUMS).splitlines()
        return dict(_entry(line) for line in lines if line.strip() and not line.startswith("#"))
    except ValueError:
        raise StorageError(
            ExitCode.DIGEST,
            f"{SUMS} of {place} is not what sha256sum prints",
            "make it anew: sha256sum FILE... > SHA256SUMS",
        ) from None


def _entry(line: str) -> tuple[str, str]:
    match = _LINE.fullmatch(line)
    if not match:
        raise ValueError(line)
    escaped, digest, name = match.groups()
    if escaped:
        name = re.sub(r"\\([\\nr])", lambda found: {"\\": "\\", "n": "\n", "r": "\r"}[found.group(1)], name)
    name = name.removeprefix("./")
    if not is_inside(name):
        raise ValueError(name)
    return name, digest.lower()
