"""Heads of a store's answers, read from rclone's log.

What an answer's head says beside what rclone shows of it (ETags of parts, checksums) is in its log with
`--dump headers`: for every kind of credentials that rclone knows, and without a client of our own.
"""

import re
from collections.abc import Callable
from typing import Generic, TypeVar
from urllib.parse import unquote, urlsplit

FLAG = "--dump=headers"
_TITLE = re.compile(r"HTTP (REQUEST|RESPONSE) \(req (\S+)\)")
_T = TypeVar("_T")


class Heads(Generic[_T]):
    """Reads the log, a message at a time, and keeps what `pick` finds in the answers to requests of one method."""

    def __init__(self, method: str, pick: Callable[[str], _T | None]) -> None:
        self._method = method
        self._pick = pick
        self._found: dict[str, _T] = {}
        self._asked: dict[str, str] = {}
        self._next: tuple[str, str] | None = None

    def read(self, message: str) -> None:
        """Take a message of the log: a title, and then the head of a request or of its answer."""
        if title := _TITLE.fullmatch(message):
            self._next = (title.group(1), title.group(2))
            return
        if self._next is None:
            return
        kind, request = self._next
        self._next = None
        if kind == "REQUEST":
            words = message.split(" ", 2)
            self._asked[request] = unquote(urlsplit(words[1]).path).lstrip("/") if words[0] == self._method else ""
            return
        path = self._asked.pop(request, "")
        if path and (found := self._pick(message)) is not None:
            self._found[path] = found

    def of(self, bucket: str, key: str) -> _T | None:
        """Return what was found of an object; the bucket is in the path of its address, or in the host's name."""
        found = self._found.get(f"{bucket}/{key}")
        return self._found.get(key) if found is None else found
