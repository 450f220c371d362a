"""The header fields of the executor's answers, and those of a request that its nodes see. Source: specification 3."""

import uuid

from seldon_core.transport.messages import Request

from .message import RawHeaders
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
        self._source = f"seldon.{settings.deployment}"
        self._type = f"seldon.{settings.deployment}.{settings.namespace}.response"

    def of_answer(self, request: Request, puid: str, allowed: str) -> Fields:
        """The fields of an answer on a known route. `allowed` are the route's methods, "" where they are not told."""
        fields = (("Seldon-Puid", puid), *self._common)
        if allowed:
            fields = (*fields, ("Access-Control-Allow-Methods", allowed))
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


def puid_of(request: Request) -> str:
    """The prediction's id: the client's, or a new one."""
    return request.headers.get("seldon-puid") or str(uuid.uuid4())


def forwarded(request: Request, puid: str, *, encodings: bool) -> RawHeaders:
    """The request's fields for nodes.

    `encodings`: let a node compress its answer as the client allows. Only where the client gets that answer as it is:
    the next node, or the executor itself, would have to unpack it.
    """
    return (
        *(
            field
            for field in request.headers.raw
            if (name := field[0].lower()) not in _NOT_FORWARDED and (encodings or name != b"accept-encoding")
        ),
        (b"Seldon-Puid", puid.encode("latin-1")),
    )
