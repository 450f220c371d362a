"""Keep secrets out of every text that leaves the initializer."""

import re
from collections.abc import Iterable

_MASK = "***"
# Credentials that travel inside URLs: SAS signatures, pre-signed requests, user and password before the host.
_QUERY = re.compile(r"(?i)\b(sig|signature|x-amz-[a-z-]+|token|access_token|awsaccesskeyid)=[^&\s\"']+")
_USERINFO = re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^/@\s]+@")
# A value of three letters would blank out ordinary words, and protects nothing.
_SHORTEST = 4


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Return text with the given secret values and every credential inside a URL replaced by asterisks."""
    for secret in sorted({s for s in secrets if len(s) >= _SHORTEST}, key=len, reverse=True):
        text = text.replace(secret, _MASK)
    text = _USERINFO.sub(rf"\1{_MASK}@", text)
    return _QUERY.sub(lambda match: f"{match.group(1)}={_MASK}", text)


def one_line(text: str, limit: int = 400) -> str:
    """Return text on one line of printable characters, at most limit characters long."""
    flat = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return flat if len(flat) <= limit else f"{flat[: limit - 3]}..."
