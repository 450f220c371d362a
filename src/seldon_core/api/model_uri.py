"""Which texts may be a model's address: the part of the rule that needs no knowledge of stores.

A model URI reaches a storage initializer, and most of those give it to rclone, which takes more than an address: a
connection string carries configuration (and so commands), a leading dash is a flag, a plain path is a file of the
initializer's own container. Whoever may write a SeldonDeployment writes the URI, so the webhook and the initializer
refuse the same texts by the same functions. Standard library alone: the initializer's image holds this module.
"""

import re
from typing import Final
from urllib.parse import unquote

# Longer than any key that a store takes (1,024 bytes) with its bucket.
LONGEST: Final = 2048
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}")
# Schemes whose addresses are escaped as URLs are; in all others a percent sign is one.
_ESCAPED: Final = frozenset({"http", "https"})
_LOCAL: Final = frozenset({"file", "local"})
_OWN_PATH: Final = "is a path of the initializer's own container: write for example s3://bucket/folder"


class ModelUriError(ValueError):
    """A text that is no model's address: the reason, and what to do. Neither repeats the text."""

    def __init__(self, reason: str, hint: str) -> None:
        self.reason = reason
        self.hint = hint
        super().__init__(f"{reason}: {hint}")


def hostile(text: str) -> str:
    """Return why no program may be given this text as a model's address, "" where nothing speaks against it.

    A word without a colon passes: an initializer of the user's own may know what it means.
    """
    if text.startswith(("/", "~", "./", "../")):
        return _OWN_PATH
    try:
        check_characters(text)
        name, rest = split(text)
        segments(rest, name)
    except ModelUriError as error:
        return str(error)
    return _OWN_PATH if name in _LOCAL else ""


def check_characters(text: str) -> None:
    """Refuse texts of a length, or with characters, that no address has. Raises ModelUriError."""
    if len(text) > LONGEST:
        raise ModelUriError(f"is longer than {LONGEST} characters", "shorten it")
    if any(not c.isprintable() for c in text) or text != text.strip():
        raise ModelUriError("holds white space at an end or control characters", "remove them")


def split(text: str) -> tuple[str, str]:
    """Return the scheme or remote in lower case, and what follows its colon; "" and the text where there is no colon.

    Raises ModelUriError for what rclone would take for a flag or a configuration.
    """
    name, colon, rest = text.partition(":")
    if text.startswith("-") or (colon and not _NAME.fullmatch(name)):
        raise ModelUriError(
            "must start with a scheme or the name of a remote, such as s3://bucket/folder",
            "flags, connection strings and options are not allowed; "
            "put the remote's options into the secret as RCLONE_CONFIG_<REMOTE>_*",
        )
    return (name.lower(), rest) if colon else ("", text)


def segments(path: str, scheme: str = "") -> tuple[str, ...]:
    """Return the segments of a path without empty ones, for URIs put together by templates often have "bucket//folder".

    Raises ModelUriError for a segment that leads elsewhere.
    """
    # Of a URL's query and fragment the store decides.
    plain = unquote(path.partition("?")[0].partition("#")[0]) if scheme in _ESCAPED else path
    found = tuple(segment for segment in plain.split("/") if segment)
    if any(segment in {".", ".."} for segment in found):
        raise ModelUriError('has a "." or ".." segment', "write the folder's full path")
    return found
