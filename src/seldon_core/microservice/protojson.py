"""JSON documents as protobuf messages, by the rules of protobuf's own JSON form."""

from typing import Any, TypeVar

from google.protobuf import json_format
from google.protobuf.message import Message

from .errors import MicroserviceError
from .payload import short

M = TypeVar("M", bound=Message)


def parse(document: Any, message: M, fault: str) -> M:
    """The message, filled. Unknown fields are nothing. Raises MicroserviceError (400) that begins with `fault`."""
    try:
        json_format.ParseDict(document, message, ignore_unknown_fields=True)
    except (json_format.ParseError, AttributeError, TypeError, ValueError) as error:
        raise MicroserviceError(f"{fault}: {short(error)}") from error
    return message
