"""The executor's own errors in the shape that clients of v1.17.1 know. Source: specification 3."""

import orjson

from seldon_core.transport.messages import Response

from .message import JSON

CRASH = "The server failed to answer this request; its log says why."


def failure(status: int, info: str) -> Response:
    """An error of the executor's own."""
    body = orjson.dumps({"status": {"code": status, "info": info, "status": "FAILURE"}})
    return Response(status, body, JSON)
