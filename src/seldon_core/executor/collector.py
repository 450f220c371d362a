"""Where the request logger sends to: a URL, read once. Source: specification 3 (request logger)."""

import base64
from urllib.parse import unquote, urlsplit

import msgspec

_PORTS = {"http": 80, "https": 443}


class Collector(msgspec.Struct, frozen=True):
    """Where events go. `credentials` are a header's value, "" for none."""

    host: str
    port: int
    path: str
    tls: bool
    credentials: str

    @property
    def name(self) -> str:
        """How messages call it: without credentials and without the query, which may hold some."""
        scheme = "https" if self.tls else "http"
        return f"{scheme}://{self.host}:{self.port}{self.path.partition('?')[0]}"


def collector(url: str) -> Collector:
    """From a logger's URL. Raises ValueError with what is wrong, and without the URL: it may hold a password."""
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError("is no URL of http or https, such as http://default-broker")
    if any(not " " < character < "\x7f" for character in url):
        raise ValueError("has a space or a character that URLs must write as %XX")
    credentials = ""
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        credentials = f"Basic {base64.b64encode(pair.encode()).decode()}"
    query = f"?{parts.query}" if parts.query else ""
    port = _PORTS[parts.scheme] if parts.port is None else parts.port
    return Collector(parts.hostname, port, (parts.path or "/") + query, parts.scheme == "https", credentials)
