"""The header fields of the executor's answers, and those of a request that its nodes see. Source: specification 3."""

import os

from seldon_core.transport.messages import Headers, Request

from .message import JSON, JSON_LENGTH, RawHeaders
from .settings import Settings

Fields = tuple[tuple[str, str], ...]

_DEFAULT_ALLOWED = "Accept, Accept-Encoding, Authorization, Content-Length, Content-Type, X-CSRF-Token"
# Not for the next hop (RFC 9110 7.6.1), or written anew for it.
_NOT_FORWARDED = frozenset(
    {
        b"connection",
        b"content-encoding",
        b"content-length",
        b"content-type",
        b"expect",
        b"host",
        b"inference-header-content-length",
        b"keep-alive",
        b"proxy-authorization",
        b"proxy-connection",
        b"seldon-puid",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)


class HeaderRules:
    """What one executor writes into its answers."""

    def __init__(self, settings: Settings) -> None:
        self._common: Fields = (
            ("Access-Control-Allow-Headers", settings.allowed_headers or _DEFAULT_ALLOWED),
            ("Access-Control-Allow-Origin", settings.allowed_origins or "*"),
            ("X-Content-Type-Options", "nosniff"),
        )
        self._by_methods: dict[str, Fields] = {}
        self._source = f"seldon.{settings.deployment}"
        self._type = f"seldon.{settings.deployment}.{settings.namespace}.response"

    def of_answer(self, request: Request, puid: str, allowed: str) -> Fields:
        """The fields of an answer on a known route. `allowed` are the route's methods, "" where they are not told."""
        return self.own(request, puid) + self.common(allowed)

    def common(self, allowed: str) -> Fields:
        """Those that all answers of a route have."""
        known = self._by_methods.get(allowed)
        if known is None:
            methods: Fields = (("Access-Control-Allow-Methods", allowed),) if allowed else ()
            known = self._by_methods[allowed] = self._common + methods
        return known

    def own(self, request: Request, puid: str) -> Fields:
        """Those of one request."""
        fields: Fields = (("Seldon-Puid", puid),)
        if request.headers.get("ce-specversion") is not None:
            fields = (
                *fields,
                ("Ce-Id", puid),
                ("Ce-Path", request.path),
                ("Ce-Source", self._source),
                ("Ce-Specversion", "0.3"),
                ("Ce-Type", self._type),
            )
        return fields


class _Random:
    """Random bytes of the system's, fetched for many puids at once: each fetch is a call of the kernel."""

    _FETCHED = 4096
    _TAKEN = 16

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Fetch anew: a forked process must not give the puids of its parent."""
        self._bytes = b""
        self._next = 0

    def take(self) -> bytes:
        """Sixteen bytes that nobody had before."""
        begin, end = self._next, self._next + self._TAKEN
        if end > len(self._bytes):
            self._bytes = os.urandom(self._FETCHED)
            begin, end = 0, self._TAKEN
        self._next = end
        return self._bytes[begin:end]


_random = _Random()
os.register_at_fork(after_in_child=_random.forget)


def puid_of(request: Request) -> str:
    """The prediction's id: the client's, or a new one."""
    return request.headers.get("seldon-puid") or new_puid()


def new_puid() -> str:
    """A random UUID (RFC 9562, version 4), in a third of the time that the standard library's takes to be made."""
    digits = _random.take().hex()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def forwarded(request: Request, puid: str, *, encodings: bool) -> RawHeaders:
    """The request's fields for nodes, the puid last.

    `encodings`: let a node compress its answer as the client allows. Only where the client gets that answer as it is:
    the next node, or the executor itself, would have to unpack it.
    """
    derived = request.headers.derived
    fields = derived.get(encodings)
    if fields is None:
        fields = derived[encodings] = tuple(
            field
            for field in request.headers.raw
            if (name := field[0].lower()) not in _NOT_FORWARDED and (encodings or name != b"accept-encoding")
        )
    return (*fields, (b"Seldon-Puid", puid.encode("latin-1")))


def described(headers: Headers) -> tuple[str, str, str]:
    """How to read a body: its type, its encoding, and the length of the JSON before binary tensors."""
    known = headers.derived.get("described")
    if known is None:
        known = headers.derived["described"] = (
            headers.get("content-type") or JSON,
            headers.get("content-encoding") or "",
            headers.get(JSON_LENGTH) or "",
        )
    return known
