"""Messages as JSON, where the graph has to look into one. Source: specification 3 and 7."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from . import routing
from .message import GraphError, Message


class JsonPayloads:
    """The form that REST has."""

    def chain(self, message: Message, name: str) -> Message:  # noqa: ARG002 - as other forms have it
        """Answers and requests are one kind of message."""
        return message

    def routed(self, message: Message, name: str) -> Message:
        """As any other node."""
        return self.chain(message, name)

    def join(self, answers: Sequence[Message], name: str) -> Message:  # noqa: ARG002 - as other forms have it
        """A JSON array."""
        return Message(b"[" + b",".join(answer.body for answer in answers) + b"]")

    def branch(self, answer: Message, router: str, children: int) -> int:
        """From ndarray[0][0], the first tensor value, or a bare JSON list of integers."""
        try:
            document = orjson.loads(answer.body)
        except orjson.JSONDecodeError as error:
            raise GraphError(f"Router {router} answered no JSON: {error}") from error
        return routing.checked(_first(document), router, children)

    def decisions(self, feedback: Message) -> Mapping[str, Any]:
        """From `response.meta.routing`; none where it is absent or no JSON."""
        try:
            document = orjson.loads(feedback.body)
        except orjson.JSONDecodeError:
            return {}
        for key in ("response", "meta", "routing"):
            document = document.get(key) if isinstance(document, dict) else None
        return document if isinstance(document, dict) else {}

    def inject(self, answer: Message, decisions: Mapping[str, int]) -> Message:
        """Into the meta object; an answer that is packed or no JSON has none."""
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


class V2JsonPayloads(JsonPayloads):
    """The Open Inference Protocol: outputs become inputs, binary tensors stay behind the JSON as they are."""

    def chain(self, message: Message, name: str) -> Message:  # noqa: ARG002 - the name stands in the path
        """A request with the answer's outputs."""
        if not message.answered:
            return message
        size = _json_size(message)
        document = _object(message.body[:size])
        if not isinstance(document.get("outputs"), list):
            raise GraphError("Failed to convert kfserving response so it could be chained to new input")
        request = {key: document[key] for key in ("id", "parameters") if key in document}
        text = orjson.dumps({**request, "inputs": document["outputs"]})
        length = str(len(text)) if message.json_length else ""
        return Message(text + message.body[size:], message.content_type, json_length=length)

    def join(self, answers: Sequence[Message], name: str) -> Message:  # noqa: ARG002 - the name stands in the path
        """A JSON array, and behind it the binary tensors of all answers in the same order."""
        sizes = [_json_size(answer) for answer in answers]
        parts = list(zip(answers, sizes, strict=True))
        text = b"[" + b",".join(answer.body[:size] for answer, size in parts) + b"]"
        if not any(answer.json_length for answer in answers):
            return Message(text)
        binary = [answer.body[size:] for answer, size in parts]
        return Message(b"".join((text, *binary)), "application/octet-stream", json_length=str(len(text)))

    def branch(self, answer: Message, router: str, children: int) -> int:
        """From the first value of the first output, too."""
        body = answer.body[: _json_size(answer)]
        outputs = _object(body).get("outputs")
        if not outputs:
            return super().branch(Message(body), router, children)
        first = outputs[0] if isinstance(outputs, list) else None
        return routing.checked(_first(first.get("data") if isinstance(first, dict) else None), router, children)


class TensorflowJsonPayloads(JsonPayloads):
    """TensorFlow Serving: predictions become instances."""

    def chain(self, message: Message, name: str) -> Message:  # noqa: ARG002 - the name stands in the path
        """A request with the answer's predictions."""
        if not message.answered:
            return message
        document = _object(message.body)
        if "predictions" not in document:
            raise GraphError("Failed to convert tensorflow response so it could be chained to new input")
        return Message(orjson.dumps({"instances": document["predictions"]}), message.content_type)


def _json_size(message: Message) -> int:
    """How much of a body is JSON; binary tensors may follow."""
    return int(message.json_length) if message.json_length.isdecimal() else len(message.body)


def _object(body: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return document if isinstance(document, dict) else {}


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
