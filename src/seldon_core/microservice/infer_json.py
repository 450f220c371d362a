"""The Open Inference Protocol (v2) over REST: JSON, and its binary tensor data extension.

With the header field Inference-Header-Content-Length a body is JSON of that length and then the binary forms of its
tensors, one behind the other. Source: the protocol's inference_rest.md and extension_binary_data.md.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson

from seldon_core.executor import v2_steps
from seldon_core.transport.messages import Request, Response

from . import datatypes, jsontext
from .datatypes import Tensor
from .errors import MicroserviceError
from .infer import InferAnswer, InferRequest
from .payload import short

JSON_LENGTH = "Inference-Header-Content-Length"
_KINDS = {"BOOL": "b", "FP16": "iuf", "FP32": "iuf", "FP64": "iuf"}  # of the values in JSON; "iu" for all others


class Asked:
    """A request, and in which form its answer is wanted."""

    def __init__(self, request: Request) -> None:
        document, rest = _split(request)
        if not isinstance(document, dict):
            raise MicroserviceError(f"The request must be a JSON object, and is {short(document)}")
        outputs = _outputs(document)
        self.binary_names = _binary_names(outputs)
        self.binary_else = _parameters(document).get("binary_data_output") is True
        self.infer = InferRequest(
            str(document.get("id") or ""), _inputs(document.get("inputs"), rest), [one["name"] for one in outputs]
        )

    def answer(self, answer: InferAnswer, model: str, version: str) -> Response:
        """The answer in that form."""
        head: dict[str, Any] = {"model_name": model}
        head |= {key: value for key, value in (("model_version", version), ("id", answer.id)) if value}
        if answer.parameters:
            head["parameters"] = answer.parameters
        parts: list[bytes] = []
        head["outputs"] = [self._output(tensor, parts) for tensor in answer.outputs]
        text = jsontext.dumps(head)
        if not parts:
            return Response(200, text)
        length = ((JSON_LENGTH, str(len(text))),)
        return Response(200, b"".join((text, *parts)), "application/octet-stream", length)

    def _output(self, tensor: Tensor, parts: list[bytes]) -> dict[str, Any]:
        output: dict[str, Any] = {"name": tensor.name, "datatype": tensor.datatype, "shape": list(tensor.array.shape)}
        if self.binary_names.get(tensor.name, self.binary_else):
            parts.append(datatypes.binary(tensor))
            output["parameters"] = {"binary_data_size": len(parts[-1])}
        elif tensor.datatype == "BYTES":
            output["data"] = [datatypes.element(value).decode("utf-8", "replace") for value in tensor.array.ravel()]
        else:
            output["data"] = tensor.array.ravel()
        return output


class AskedTogether(Asked):
    """The answers of several models in an array, for a combiner; binary tensors of all of them stand behind it."""

    def __init__(self, request: Request) -> None:
        documents, rest = _split(request)
        if not isinstance(documents, list) or not documents or not all(isinstance(one, dict) for one in documents):
            raise MicroserviceError(f"The request must be a JSON array of answers, and is {short(documents)}")
        self.binary_names = {}
        self.binary_else = bool(rest)
        parts: list[list[Tensor]] = []
        for document in documents:
            tensors, rest = _tensors(document.get("outputs", document.get("inputs")), rest)
            parts.append(tensors)
        _all_read(rest)
        self.infer = InferRequest(str(documents[0].get("id") or ""), (), (), v2_steps.AGGREGATE, parts)


def _split(request: Request) -> tuple[Any, bytes]:
    length = request.headers.get(JSON_LENGTH)
    body, rest = request.body, b""
    if length is not None:
        if not length.isdecimal() or int(length) > len(body):
            raise MicroserviceError(f"{JSON_LENGTH} is {length}, and the body has {len(body)} bytes")
        body, rest = body[: int(length)], body[int(length) :]
    try:
        document = jsontext.loads(body)
    except orjson.JSONDecodeError as error:
        raise MicroserviceError(f"The request is no JSON: {error}") from error
    return document, rest


def _parameters(document: Mapping[str, Any]) -> Mapping[str, Any]:
    parameters = document.get("parameters")
    return parameters if isinstance(parameters, dict) else {}


def _outputs(document: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    outputs = document.get("outputs") or []
    if not isinstance(outputs, list) or not all(isinstance(one, dict) and _is_name(one.get("name")) for one in outputs):
        raise MicroserviceError("outputs must be a list of objects, each with a name")
    return outputs


def _binary_names(outputs: Sequence[Mapping[str, Any]]) -> dict[str, bool]:
    told = {one["name"]: _parameters(one).get("binary_data") for one in outputs}
    return {name: wanted for name, wanted in told.items() if isinstance(wanted, bool)}


def _inputs(inputs: Any, rest: bytes) -> list[Tensor]:
    tensors, rest = _tensors(inputs, rest)
    _all_read(rest)
    return tensors


def _all_read(rest: bytes) -> None:
    if rest:
        raise MicroserviceError(f"{len(rest)} bytes of the body belong to no input")


def _tensors(inputs: Any, rest: bytes) -> tuple[list[Tensor], bytes]:
    """The tensors of a list, and what is left of the binary part."""
    if not isinstance(inputs, list):
        raise MicroserviceError("inputs must be a list of tensors with name, shape, datatype and data")
    tensors: list[Tensor] = []
    for one in inputs:
        if not isinstance(one, dict) or not _is_name(one.get("name")) or not isinstance(one.get("shape"), list):
            raise MicroserviceError("Each input is an object with name, shape, datatype and data")
        size = _parameters(one).get("binary_data_size")
        if size is None:
            tensors.append(_from_json(one))
            continue
        if not isinstance(size, int) or not 0 <= size <= len(rest):
            raise MicroserviceError(f"The input {one['name']} has {size} bytes, and {len(rest)} are left of the body")
        tensors.append(datatypes.from_binary(one["name"], one.get("datatype"), one["shape"], rest[:size]))
        rest = rest[size:]
    return tensors, rest


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _from_json(one: Mapping[str, Any]) -> Tensor:
    """A tensor whose data are a list, flat or nested."""
    name, datatype, data = one["name"], one.get("datatype"), one.get("data")
    kind = datatypes.numpy_type(name, datatype)
    if not isinstance(data, list):
        raise MicroserviceError(f"The input {name} has no list `data`")
    if datatype == "BYTES":
        texts = _flat(data)
        if not all(isinstance(text, str) for text in texts):
            raise MicroserviceError(f"The input {name} is of the datatype BYTES, and holds something else than strings")
        return datatypes.shaped(name, np.array(texts, dtype=np.object_), one["shape"])
    try:
        found = np.array(data)
        if found.size and found.dtype.kind not in _KINDS.get(str(datatype), "iu"):
            raise MicroserviceError(f"The input {name} holds values that are no {datatype}")
        # Where the type that numpy chose is not the wanted one, values are read anew: none goes by way of another type.
        flat = (found if found.dtype == kind else np.array(data, dtype=kind)).ravel()
    except (ValueError, OverflowError, TypeError) as error:
        raise MicroserviceError(f"The input {name} holds values that are no {datatype}: {short(error)}") from error
    return datatypes.shaped(name, flat, one["shape"])


def _flat(values: list[Any]) -> list[Any]:
    flat: list[Any] = []
    stack = [iter(values)]
    while stack:
        for value in stack[-1]:
            if isinstance(value, list):
                stack.append(iter(value))
                break
            flat.append(value)
        else:
            stack.pop()
    return flat
