"""Messages of the Seldon protocol as protobuf, where the graph has to look into one. Source: specification 3 and 7."""

from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf import struct_pb2
from google.protobuf.message import DecodeError

from seldon_core.proto import prediction_pb2

from . import routing
from .message import GraphError, Message

PROTOBUF = "application/protobuf"
_ONE_OF_A_LIST = b"\x0a"  # field 1, with a length: SeldonMessageList.seldonMessages


class ProtoPayloads:
    """The form that gRPC has."""

    def chain(self, message: Message, name: str) -> Message:  # noqa: ARG002 - as other forms have it
        """Answers and requests are one kind of message."""
        return message

    def routed(self, message: Message, name: str) -> Message:
        """As any other node."""
        return self.chain(message, name)

    def join(self, answers: Sequence[Message], name: str) -> Message:  # noqa: ARG002 - as other forms have it
        """A SeldonMessageList, put together from its parts as they are."""
        parts = [part for answer in answers for part in (_ONE_OF_A_LIST, varint(len(answer.body)), answer.body)]
        return Message(b"".join(parts), PROTOBUF)

    def branch(self, answer: Message, router: str, children: int) -> int:
        """From ndarray[0][0] or the first tensor value."""
        try:
            data = prediction_pb2.SeldonMessage.FromString(answer.body).data
        except DecodeError as error:
            raise GraphError(f"Router {router} answered no SeldonMessage") from error
        return routing.checked(_first(data), router, children)

    def decisions(self, feedback: Message) -> Mapping[str, Any]:
        """From `response.meta.routing`; none where the feedback cannot be read."""
        try:
            return dict(prediction_pb2.Feedback.FromString(feedback.body).response.meta.routing)
        except DecodeError:
            return {}

    def inject(self, answer: Message, decisions: Mapping[str, int]) -> Message:
        """Into the meta message."""
        try:
            message = prediction_pb2.SeldonMessage.FromString(answer.body)
        except DecodeError:
            return answer
        if not message.HasField("meta"):
            return answer
        message.meta.routing.clear()
        message.meta.routing.update(decisions)
        return Message(message.SerializeToString(), PROTOBUF)


def varint(size: int) -> bytes:
    """A length as protobuf writes it: seven bits a byte, the lowest first."""
    result = bytearray()
    while size > 0x7F:
        result.append(size & 0x7F | 0x80)
        size >>= 7
    result.append(size)
    return bytes(result)


def _first(data: prediction_pb2.DefaultData) -> float | None:
    if data.WhichOneof("data_oneof") == "tensor":
        return data.tensor.values[0] if data.tensor.values else None
    values: struct_pb2.ListValue = data.ndarray
    while values.values:
        value = values.values[0]
        if value.WhichOneof("kind") == "number_value":
            return value.number_value
        values = value.list_value
    return None
