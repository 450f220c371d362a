"""Forms: the fields of multipart and of urlencoded bodies as one request document. Source: specification 4."""

import base64
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any
from urllib.parse import parse_qs

import orjson

from .errors import MicroserviceError

_TEXT = "strData"
_BINARY = "binData"


def form_field(query: bytes, name: str) -> bytes | None:
    """One field of a query string or an urlencoded body."""
    values = parse_qs(query.decode("utf-8", "replace"), keep_blank_values=True).get(name)
    return values[0].encode() if values else None


def document(content_type: str, body: bytes) -> dict[str, Any]:
    """The fields of a multipart form: strData as text, binData as a file or base64, all others as JSON.

    Raises MicroserviceError.
    """
    header = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1", "replace")
    message = BytesParser(policy=HTTP).parsebytes(header + body)
    if not message.is_multipart():
        raise MicroserviceError(
            "The multipart form cannot be read: its boundary is missing or does not match the body."
        )
    fields: dict[str, Any] = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(content, bytes):
            fields[name] = _value(name, content, is_file=part.get_filename() is not None)
    return fields


def _value(name: str, content: bytes, *, is_file: bool) -> Any:
    if name == _BINARY:
        return base64.b64encode(content).decode() if is_file else content.decode("ascii", "replace")
    if name == _TEXT:
        return content.decode("utf-8", "replace")
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise MicroserviceError(f"The form's field {name} holds no JSON: {error}") from error
