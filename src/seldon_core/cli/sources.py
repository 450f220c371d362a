"""The files that `-f` names: single ones, standard input, folders and patterns."""

import argparse
import glob
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from . import nearest
from .errors import CommandError

_ENDINGS: Final = (".json", ".yaml", ".yml")


def add_option(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Add `-f` and `-R`."""
    parser.add_argument(
        "-f",
        "--filename",
        required=required,
        nargs="+",
        action="extend",
        metavar="FILE",
        help="manifests, YAML or JSON: files, folders, patterns such as 'models/*.yaml', or - for standard input",
    )
    parser.add_argument("-R", "--recursive", action="store_true", help="folders with all that is below them")


def expand(names: Sequence[str], *, recursive: bool = False) -> list[str]:
    """The files, in order; in a folder those that end in .json, .yaml or .yml, by name.

    Raises:
        CommandError: A name is no file and no folder with such files, a pattern fits nothing.
    """
    found = [path for name in names for path in _expand(name, recursive=recursive)]
    if found.count("-") > 1:
        raise CommandError("-f -: standard input can be read once only.")
    return list(dict.fromkeys(found))


def _expand(name: str, *, recursive: bool) -> Iterator[str]:
    path = Path(name)
    if name == "-" or path.is_file():
        yield name
    elif path.is_dir():
        inside = sorted(each for each in path.glob("**/*" if recursive else "*") if each.suffix.lower() in _ENDINGS)
        if not inside:
            deeper = "" if recursive else " itself; -R reads the folders below it, too"
            raise CommandError(
                f"{name}: there is no file with the ending {', '.join(_ENDINGS)} in this folder{deeper}."
            )
        yield from (str(each) for each in inside)
    elif glob.has_magic(name):
        found = glob.glob(name, recursive=True)  # noqa: PTH207  # Path.glob refuses an absolute pattern
        matches = sorted(each for each in found if Path(each).is_file())
        if not matches:
            raise CommandError(f"{name}: no file fits this pattern.")
        yield from matches
    elif path.exists():
        yield name  # a pipe, such as that of <(command)
    else:
        near = nearest.closest(path.name, (each.name for each in path.parent.iterdir())) if path.parent.is_dir() else ""
        raise CommandError(f"{name}: there is no such file{f'; did you mean {path.parent / near}?' if near else '.'}")
