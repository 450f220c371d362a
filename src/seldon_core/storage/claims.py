"""What a store says of a file's content, and what it takes to hold a copy against it.

A claim is a digest of the whole, or one made of the parts' digests with their number behind it. Nothing says how large
a part was, so the usual sizes are tried: a digest of parts that is met proves every byte, one that is not met proves
nothing.
"""

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence

from . import crc, etags, hashing

MD5 = "md5"
# What is quickest to make comes first. A CRC takes a twentieth of what an MD5 does, and is what the tools of AWS
# themselves compare; MD5 of parts are made side by side; of the whole, step by step, it takes longest.
_ORDER = ("crc64nvme", "crc32c", "crc32", etags.ETAG, "sha256", "sha1", MD5)


@dataclasses.dataclass(frozen=True)
class Claim:
    """One digest: how the manifest calls it, what makes it, in hexadecimal digits, and of how many parts (0: whole)."""

    how: str
    algorithm: str
    digest: str
    parts: int

    @property
    def decides(self) -> bool:
        """Whether a file that does not fit has another content; a digest of parts may be of parts of other sizes."""
        return not self.parts

    def lengths(self, size: int) -> tuple[int, ...]:
        """Return the lengths of the stretches in which it may have been made, or can be."""
        if self.parts:
            return etags.part_sizes(size, self.parts) or (size,)
        return (min(hashing.PIECE, size) if self.algorithm in crc.KINDS else size,)

    def made_of(self, digests: Sequence[bytes], size: int, length: int) -> str:
        """Return what its digest is for a file with these digests of stretches."""
        if self.parts:
            return _sum(self.algorithm, b"".join(digests)).hex() if len(digests) == self.parts else ""
        if self.algorithm not in crc.KINDS:
            return digests[0].hex()
        spans = (min(length, size - at) for at in range(0, size, length))
        return crc.joined(self.algorithm, zip(digests, spans, strict=True)).hex()


def of(hashes: Mapping[str, str]) -> tuple[Claim, ...]:
    """Return the claims of a file's digests by name, the quickest to make first."""
    return tuple(_claim(name, hashes[name]) for name in _ORDER if name in hashes)


def _claim(name: str, text: str) -> Claim:
    digest, _, parts = text.partition("-")
    return Claim(name, MD5 if name == etags.ETAG else name, digest, int(parts or 0))


def _sum(algorithm: str, content: bytes) -> bytes:
    if algorithm in crc.KINDS:
        return crc.of(algorithm, content)
    return hashlib.new(algorithm, content, usedforsecurity=False).digest()
