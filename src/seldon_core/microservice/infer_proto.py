"""The Open Inference Protocol (v2) over gRPC: messages to tensors and back, contents by type or raw."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from seldon_core.executor import v2_steps
from seldon_core.proto import inference_pb2

from . import datatypes
from .datatypes import Tensor
from .errors import MicroserviceError
from .infer import InferAnswer, InferRequest

_FIELDS = {
    "BOOL": "bool_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}


def decode(message: inference_pb2.ModelInferRequest) -> InferRequest:
    """A request. Raises MicroserviceError."""
    raw = message.raw_input_contents
    if raw and len(raw) != len(message.inputs):
        raise MicroserviceError(f"raw_input_contents are {len(raw)}, and there are {len(message.inputs)} inputs")
    tensors: list[Tensor] = []
    for number, one in enumerate(message.inputs):
        shape = list(one.shape)
        if raw:
            tensors.append(datatypes.from_binary(one.name, one.datatype, shape, raw[number]))
        else:
            tensors.append(datatypes.shaped(one.name, _contents(one), shape))
    outputs = [one.name for one in message.outputs]
    step = message.parameters[v2_steps.STEP].string_param if v2_steps.STEP in message.parameters else ""
    if step != v2_steps.AGGREGATE:
        return InferRequest(message.id, tensors, outputs, step)
    return InferRequest(message.id, (), outputs, step, _parts(message, tensors))


def _parts(message: inference_pb2.ModelInferRequest, tensors: Sequence[Tensor]) -> Sequence[Sequence[Tensor]]:
    """The tensors by the answer that they are from."""
    parts: dict[int, list[Tensor]] = {}
    for one, tensor in zip(message.inputs, tensors, strict=True):
        if v2_steps.CHILD not in one.parameters:
            raise MicroserviceError(f"The input {one.name} has no parameter {v2_steps.CHILD}, which a combiner needs")
        parts.setdefault(one.parameters[v2_steps.CHILD].int64_param, []).append(tensor)
    if not parts:
        raise MicroserviceError("The request has no inputs")
    return [parts[number] for number in sorted(parts)]


def _contents(one: inference_pb2.ModelInferRequest.InferInputTensor) -> Any:
    kind = datatypes.numpy_type(one.name, one.datatype)
    field = _FIELDS.get(one.datatype)
    if field is None:
        raise MicroserviceError(f"The input {one.name} is of the datatype {one.datatype}, which must be raw")
    values = getattr(one.contents, field)
    if kind == np.object_:
        return np.array([datatypes.text(value) for value in values], dtype=np.object_)
    try:
        # From a list, numpy checks that each number fits a type that is smaller than the field's.
        return np.array(list(values) if kind.itemsize < 4 else values, dtype=kind)
    except OverflowError as error:
        raise MicroserviceError(f"The input {one.name} holds values that are no {one.datatype}: {error}") from error


def encode(answer: InferAnswer, model: str, version: str, *, raw: bool) -> inference_pb2.ModelInferResponse:
    """An answer; `raw` where the request was. Raises MicroserviceError."""
    raw = raw or any(tensor.datatype not in _FIELDS for tensor in answer.outputs)
    message = inference_pb2.ModelInferResponse(model_name=model, model_version=version, id=answer.id)
    _fill(message.parameters, answer.parameters)
    for tensor in answer.outputs:
        output = message.outputs.add(name=tensor.name, datatype=tensor.datatype, shape=tensor.array.shape)
        if raw:
            message.raw_output_contents.append(datatypes.binary(tensor))
            continue
        values = tensor.array.ravel().tolist()
        if tensor.datatype == "BYTES":
            values = [datatypes.element(value) for value in values]
        getattr(output.contents, _FIELDS[tensor.datatype]).extend(values)
    return message


def _fill(message: Any, parameters: Mapping[str, Any]) -> None:
    for key, value in parameters.items():
        if isinstance(value, bool):
            message[key].bool_param = value
        elif isinstance(value, int):
            message[key].int64_param = value
        elif isinstance(value, float):
            message[key].double_param = value
        else:
            message[key].string_param = str(value)
