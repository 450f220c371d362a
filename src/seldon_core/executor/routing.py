"""Reading a router's decision, and writing decisions into an answer's meta. Source: specification 3 and 7."""

from collections.abc import Mapping
from typing import Any

import orjson

from .message import GraphError, Message

ALL_CHILDREN = -1
NO_CHILDREN = -2


def branch(answer: Message, router: str, children: int) -> int:
    """The child that a router's answer names: ndarray[0][0], the first tensor value, or a bare JSON list of integers.

    ALL_CHILDREN and NO_CHILDREN are answers too. Raises GraphError for anything else: a wrong decision must not become
    branch 0.
    """
    try:
        document = orjson.loads(answer.body)
    except orjson.JSONDecodeError as error:
        raise GraphError(f"Router {router} answered no JSON: {error}") from error
    value = _first(document)
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # tensors carry doubles
    if isinstance(value, bool) or not isinstance(value, int):
        raise GraphError(f"Router {router} did not answer the number of a child")
    if not NO_CHILDREN <= value < children:
        raise GraphError(f"Router {router} answered child {value}, and has {children} children, numbered from 0")
    return value


def _first(document: Any) -> Any:
    if isinstance(document, dict):
        data = document.get("data")
        if isinstance(data, dict):
            tensor = data.get("tensor")
            document = tensor.get("values") if isinstance(tensor, dict) else data.get("ndarray")
        else:
            document = None
    while isinstance(document, list) and document:
        document = document[0]
    return document


def of_feedback(feedback: bytes) -> dict[str, Any]:
    """The decisions in a feedback's `response.meta.routing`; none where it is absent or no JSON."""
    try:
        document = orjson.loads(feedback)
    except orjson.JSONDecodeError:
        return {}
    for key in ("response", "meta", "routing"):
        document = document.get(key) if isinstance(document, dict) else None
    return document if isinstance(document, dict) else {}


def inject(answer: Message, decisions: Mapping[str, int]) -> Message:
    """The answer with `meta.routing`. Answers without a meta object stay as they are, byte for byte."""
    if answer.content_encoding:
        return answer
    try:
        document = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return answer
    meta = document.get("meta") if isinstance(document, dict) else None
    if not isinstance(meta, dict):
        return answer
    meta["routing"] = dict(decisions)
    return Message(orjson.dumps(document), answer.content_type)
