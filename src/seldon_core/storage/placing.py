"""The side folder, and the moves from it: what a server reads is never half a model."""

import contextlib
import os
import shutil
from pathlib import Path

from . import manifest
from .errors import ExitCode, StorageError
from .listing import Entry
from .manifest import Manifest


def prepare(side: Path) -> None:
    """Make the side folder, empty. Raises StorageError(CONFIG) where its parent cannot be written."""
    try:
        # What an earlier, interrupted run left is not trusted.
        if side.exists():
            shutil.rmtree(side)
        side.mkdir(parents=True)
    except OSError as error:
        raise StorageError(
            ExitCode.CONFIG,
            f"{side.parent} cannot be written ({os.strerror(error.errno or 0)})",
            f"mount a volume there that uid {os.getuid()} may write",
        ) from None


def move(files: tuple[Entry, ...], side: Path, destination: Path, before: Manifest | None) -> None:
    """Move a whole model from the side folder to its place, and remove what only the model before consisted of."""
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
