"""Messages of the Open Inference Protocol (v2) as protobuf, where the graph has to look into one.

A call names the model that it is for. One that names none, or the graph's root, is for the graph: each node is asked by
its own name, as over REST.
"""

import struct
from collections.abc import Sequence
from typing import Any

from google.protobuf.message import DecodeError

from seldon_core.proto import inference_pb2

from . import routing, v2_steps
from .message import GraphError, Message
from .proto_payloads import PROTOBUF, ProtoPayloads, varint

_NAME = b"\x0a"  # field 1, with a length: ModelInferRequest.model_name
_CODES = {
    "BOOL": "<?",
    "INT8": "<b",
    "INT16": "<h",
    "INT32": "<i",
    "INT64": "<q",
    "UINT8": "<B",
    "UINT16": "<H",
    "UINT32": "<I",
    "UINT64": "<Q",
    "FP32": "<f",
    "FP64": "<d",
}


class V2ProtoPayloads(ProtoPayloads):
    """Outputs become inputs, contents and raw contents alike. `root` is the name of the graph's root."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._of_graph = _named(root)

    def chain(self, message: Message, name: str) -> Message:
        """A request to the node of that name."""
        if message.answered:
            return Message(_request(message, name).SerializeToString(), PROTOBUF)
        body = message.body
        if body.startswith(self._of_graph):
            return message if name == self._root else Message(_named(name) + body[len(self._of_graph) :], PROTOBUF)
        # In front, so that a name which somebody writes behind other fields still counts.
        return message if body.startswith(_NAME) else Message(_named(name) + body, PROTOBUF)

    def routed(self, message: Message, name: str) -> Message:
        """The same, marked as a router's."""
        request = _request(self.chain(message, name), name)
        request.parameters[v2_steps.STEP].string_param = v2_steps.ROUTE
        return Message(request.SerializeToString(), PROTOBUF)

    def join(self, answers: Sequence[Message], name: str) -> Message:
        """One request, whose inputs tell which answer they are from."""
        parts = [_request(answer, name) for answer in answers]
        joined = inference_pb2.ModelInferRequest(model_name=name, id=parts[0].id)
        joined.parameters[v2_steps.STEP].string_param = v2_steps.AGGREGATE
        if len({bool(part.raw_input_contents) for part in parts if part.inputs}) > 1:
            raise GraphError(f"{name} cannot join tensors with raw contents and tensors with typed contents")
        for number, part in enumerate(parts):
            for tensor in part.inputs:
                tensor.parameters[v2_steps.CHILD].int64_param = number
            joined.inputs.extend(part.inputs)
            joined.raw_input_contents.extend(part.raw_input_contents)
        return Message(joined.SerializeToString(), PROTOBUF)

    def branch(self, answer: Message, router: str, children: int) -> int:
        """From the first value of the first output."""
        try:
            found = inference_pb2.ModelInferResponse.FromString(answer.body)
        except DecodeError as error:
            raise GraphError(f"Router {router} answered no ModelInferResponse") from error
        return routing.checked(_first(found), router, children)

    def inject(self, answer: Message, _: object) -> Message:
        """These messages have no meta."""
        return answer


def _named(name: str) -> bytes:
    """The field of a request that names its model."""
    text = name.encode()
    return b"".join((_NAME, varint(len(text)), text))


def _request(message: Message, name: str) -> inference_pb2.ModelInferRequest:
    """A request to the node of that name, from an answer; a request stays what it is."""
    try:
        if not message.answered:
            return inference_pb2.ModelInferRequest.FromString(message.body)
        answer = inference_pb2.ModelInferResponse.FromString(message.body)
    except DecodeError as error:
        raise GraphError("Failed to convert kfserving response so it could be chained to new input") from error
    request = inference_pb2.ModelInferRequest(
        model_name=name, id=answer.id, raw_input_contents=answer.raw_output_contents
    )
    for output in answer.outputs:
        # The same fields under the same numbers.
        request.inputs.add().MergeFromString(output.SerializeToString())
    return request


def _first(answer: inference_pb2.ModelInferResponse) -> Any:
    if not answer.outputs:
        return None
    output = answer.outputs[0]
    if answer.raw_output_contents:
        code, content = _CODES.get(output.datatype), answer.raw_output_contents[0]
        return struct.unpack_from(code, content)[0] if code and len(content) >= struct.calcsize(code) else None
    return next((values[0] for _, values in output.contents.ListFields() if values), None)
