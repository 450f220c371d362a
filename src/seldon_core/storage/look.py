"""A look into a model's store without a download: `python3 -m seldon_core.storage.look SRC`.

`seldonctl migrate storage --verify` runs it in a pod of the model's namespace, with the credentials that the model is
to get: only there are the network, the trust and the identity those that count. Exit statuses are the initializer's;
the answer is one line, also in the termination message.
"""

import contextlib
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from . import listing
from .errors import ExitCode, StorageError
from .redact import one_line, redact
from .store import Deadline, open_store
from .uri import parse

_SECONDS = 60.0
_LONGEST = 2000


def look(text: str, env: Mapping[str, str], *, seconds: float = _SECONDS) -> str:
    """Return what lies at a URI, in a few words. Raises StorageError."""
    store, found = open_store(parse(text), env, Deadline(time.monotonic() + seconds, seconds))
    files = listing.model_files(found.entries, store.place)
    if not files:
        raise store.nothing_found(folders=bool(found.entries))
    size = sum(file.size for file in files)
    return f"{len(files)} file{'' if len(files) == 1 else 's'}, {size} bytes at {store.place}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; returns the exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code, line = ExitCode.OK, look(_only(given), dict(os.environ))
    except StorageError as error:
        code, line = error.code, str(error)
    text = one_line(redact(line), _LONGEST)
    print(text, flush=True)
    log = Path(os.environ.get("SELDON_TERMINATION_LOG", "/dev/termination-log"))
    with contextlib.suppress(OSError):
        if log.is_file():
            log.write_text(text, encoding="utf-8")
    return code


def _only(given: Sequence[str]) -> str:
    if len(given) != 1:
        raise StorageError(ExitCode.USAGE, f"expected 1 argument, got {len(given)}", "pass the model's URI")
    return given[0]


if __name__ == "__main__":
    sys.exit(main())
