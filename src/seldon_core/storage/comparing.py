"""Hold a file against what its store says of it: as it was hashed on its way, and then as it lies there."""

import dataclasses
import enum
from collections.abc import Iterator, Sequence
from pathlib import Path

from .claims import Claim
from .hashing import Hasher
from .listing import Entry


class Result(enum.Enum):
    """A digest was met; or none was, of which one decides; or none that decides."""

    RIGHT = "right"
    WRONG = "wrong"
    UNSURE = "unsure"


@dataclasses.dataclass(frozen=True)
class Compared:
    """What came of a comparison: with what, whether it fits, and a digest of what arrived ("" for none)."""

    how: str
    result: Result
    digest: str = ""


def expect(file: Entry, claims: Sequence[Claim], hasher: Hasher) -> None:
    """Have a file hashed on its way as its first claim asks."""
    first = claims[0]
    hasher.expect(file.path, file.size, first.lengths(file.size)[0], first.algorithm)


def compare(file: Entry, claims: Sequence[Claim], side: Path, hasher: Hasher) -> Compared:
    """Compare a file that is whole; `hasher` is the one that expected it."""
    first = claims[0]
    digests = hasher.digests(file.path)
    if digests and first.made_of(digests, file.size, first.lengths(file.size)[0]) == first.digest:
        return Compared(first.how, Result.RIGHT, first.digest)
    first_made = ""
    for claim in sorted(claims, key=lambda claim: not claim.decides):
        made = ""
        for digest in _made(file, claim, side):
            if digest == claim.digest:
                return Compared(claim.how, Result.RIGHT, digest)
            made = made or digest
        if made and claim.decides:
            return Compared(claim.how, Result.WRONG, made)
        first_made = first_made or made
    return Compared(first.how, Result.UNSURE, first_made)


def _made(file: Entry, claim: Claim, side: Path) -> Iterator[str]:
    """Yield what a claim's digest is for the file that lies there, in parts of each size; nothing where that fails.

    A program that fails is no proof: Python makes all but CRCs as well.
    """
    for length in claim.lengths(file.size):
        for side_by_side in (True, False):
            with Hasher(side, side_by_side=side_by_side) as hasher:
                hasher.expect(file.path, file.size, length, claim.algorithm)
                digests = hasher.digests(file.path)
            if digests:
                yield claim.made_of(digests, file.size, length)
                break
