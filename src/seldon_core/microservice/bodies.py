"""Finding the JSON document of a request: in the body, in a form, or in the query. Source: specification 4 (input)."""

from typing import Any

import orjson

from seldon_core.transport.messages import Request

from . import jsontext, multipart
from .errors import MicroserviceError

_NONE = "Can't find JSON in data"


def document(request: Request) -> Any:
    """The request's JSON value. Raises MicroserviceError."""
    body = request.body
    if not body:
        return _loads(multipart.form_field(request.query, "json") or b"")
    try:
        return jsontext.loads(body)  # whatever the Content-Type says: a client that forgot it meant this
    except orjson.JSONDecodeError as error:
        failure = error
    content_type = request.headers.get("content-type", "") or ""
    if content_type.startswith("multipart/form-data"):
        fields = multipart.document(content_type, body)
        return fields.get("json", fields)
    if content_type.startswith("application/x-www-form-urlencoded"):
        return _loads(multipart.form_field(body, "json") or b"")
    # Meant as JSON: say where it breaks. The bare text is what clients of v1.17.1 know.
    raise MicroserviceError(f"{_NONE}: {failure}" if body.lstrip()[:1] in {b"{", b"["} else _NONE)


def _loads(text: bytes) -> Any:
    try:
        return jsontext.loads(text)
    except orjson.JSONDecodeError as error:
        raise MicroserviceError(_NONE) from error
