"""Who may read answers in a browser: everybody, errors included, as in v1.17.1. Source: specification 4 (endpoints)."""

from collections.abc import Iterable

from seldon_core.transport.messages import Request, Response

ANYBODY = (("Access-Control-Allow-Origin", "*"),)


def options(request: Request, methods: Iterable[str]) -> Response:
    """The answer to OPTIONS: what a path serves, and in a browser's own words where it is the one that asks."""
    allowed = ", ".join(sorted({*methods, "OPTIONS"}))
    fields = [("Allow", allowed)]
    if request.headers.get("access-control-request-method") is not None:
        fields.append(("Access-Control-Allow-Methods", allowed))
        if asked := request.headers.get("access-control-request-headers"):
            fields.append(("Access-Control-Allow-Headers", asked))
    return Response(200, b"", "", tuple(fields), ANYBODY)
