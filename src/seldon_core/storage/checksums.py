"""S3's additional checksums: what today's tools of AWS upload with, and S3 itself adds to what comes without.

They are shown to those who ask with a header, which must be signed. rclone signs the headers that it is told to
download with, so each object is opened once and nothing of it is read: about 50 ms for all of a model. Its log tells
the head of the answer (see `heads`). A client of our own would have to find every kind of credentials that rclone
finds. Source: AWS, "Checking object integrity".
"""

import base64
import contextlib
import os
import re
from collections.abc import Iterator, Sequence

from . import heads, lanes
from .errors import StorageError
from .listing import Entry
from .store import Store, key_of

_FLAGS = (
    "cat",
    "--count=0",
    "--buffer-size=0",
    # A line for each object: the store is not silent.
    "--separator=\n",
    "--header-download=x-amz-checksum-mode: ENABLED",
    heads.FLAG,
    "--contimeout=10s",
    "--timeout=30s",
    "--retries=1",
    "--low-level-retries=1",
)
_PATIENCE = 12.0
_BYTES = {"crc64nvme": 8, "crc32c": 4, "crc32": 4, "sha256": 32, "sha1": 20}
_LINE = re.compile(
    r"(?mi)^x-amz-checksum-(crc64nvme|crc32c|crc32|sha256|sha1): ([A-Za-z0-9+/]+={0,2})(-[1-9][0-9]{0,4})?\r?$"
)
_TYPE = re.compile(r"(?mi)^x-amz-checksum-type: (\w+)\r?$")
_IN_PARTS = re.compile(r'(?mi)^etag: "?[0-9a-f]+-[0-9]+"?\r?$')

Hashes = dict[str, str]


def can_ask(store: Store) -> bool:
    """Whether the store may have checksums, and the program that makes them is here."""
    return store.is_s3 and lanes.program() is not None


def ask(store: Store, address: str, files: Sequence[Entry]) -> dict[str, Hashes]:
    """Return what the store tells of some of an address's files, by path and algorithm; what it refuses is left out.

    Digests are hexadecimal; of one made of the parts' digests, the number of parts follows.
    """
    found = heads.Heads("GET", pick)
    # A failure says no more than silence: a copy that fails, too, tells why.
    with contextlib.suppress(StorageError), _listed(address, files) as (flags, descriptors):
        store.rclone().run(
            [*_FLAGS, *flags, *store.flags()],
            [address],
            on_debug=lambda _, message: found.read(message),
            patience=_PATIENCE,
            inherit=descriptors,
        )
    path = address.partition(":")[2]
    told = {file.path: found.of(store.uri.bucket, key_of(path, file)) for file in files}
    return {name: hashes for name, hashes in told.items() if hashes}


def pick(head: str) -> Hashes | None:
    """Return the checksums that an answer's head shows, None where it shows none.

    One that may be of the whole or of the parts is left out: a file would be refused for it.
    """
    kind = found.group(1).upper() if (found := _TYPE.search(head)) else ""
    of_whole = kind == "FULL_OBJECT" or (not kind and not _IN_PARTS.search(head))
    hashes = {}
    for line in _LINE.finditer(head):
        name, text, parts = line.group(1).lower(), line.group(2), line.group(3) or ""
        if bool(parts) == of_whole:
            continue
        with contextlib.suppress(ValueError):
            digest = base64.b64decode(text, validate=True)
            if len(digest) == _BYTES[name]:
                hashes[name] = digest.hex() + parts
    return hashes or None


@contextlib.contextmanager
def _listed(address: str, files: Sequence[Entry]) -> Iterator[tuple[tuple[str, ...], tuple[int, ...]]]:
    """Yield flags that choose files of a folder, and the list in memory that they name; none for an object alone."""
    if not address.endswith("/"):
        yield (), ()
        return
    descriptor = os.memfd_create("files")
    try:
        os.write(descriptor, "".join(f"{file.path}\n" for file in files).encode())
        yield (f"--files-from-raw=/proc/self/fd/{descriptor}",), (descriptor,)
    finally:
        os.close(descriptor)
