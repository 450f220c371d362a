"""Requests and answers of the Open Inference Protocol (v2), whatever their form on the wire.

One input is the features themselves. Several are columns: each has one value for each row, and its name is the
column's. Outputs are those that the class names (`v2_outputs`), else what its `predict` gives, called `predict`; a
dictionary is several outputs. Names, default and the shape of one value a row are those of MLServer's servers, which
v1.17.1 deploys for this protocol.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from .datatypes import Tensor
from .errors import MicroserviceError
from .payload import short

DEFAULT_OUTPUT = "predict"


class InferRequest(msgspec.Struct, frozen=True):
    """What a model is asked. `outputs` are the names that are wanted; none means the model's default."""

    id: str
    inputs: Sequence[Tensor]
    outputs: Sequence[str] = ()
    step: str = ""
    """What else than a prediction is wanted: a step of `v2_steps`."""
    parts: Sequence[Sequence[Tensor]] = ()
    """For a combiner, instead of `inputs`: the outputs of each answer."""


class InferAnswer(msgspec.Struct, frozen=True):
    """What a model answers."""

    id: str
    outputs: Sequence[Tensor]
    parameters: Mapping[str, Any]


def features(inputs: Sequence[Tensor]) -> tuple[Any, list[str]]:
    """Features and the names of their columns. Raises MicroserviceError."""
    if not inputs:
        raise MicroserviceError("The request has no inputs")
    if len(inputs) == 1:
        return inputs[0].array, []
    columns = [one.array.ravel() for one in inputs]
    rows = len(columns[0])
    for one, column in zip(inputs, columns, strict=True):
        if one.array.ndim > 2 or len(one.array) != len(column) or len(column) != rows:
            raise MicroserviceError(
                f"Several inputs are columns of one table: {one.name} of the shape {list(one.array.shape)} is none of "
                f"{rows} rows"
            )
    mixed = len({column.dtype.kind in "iufb" for column in columns}) > 1
    table = np.column_stack([column.astype(np.object_) for column in columns] if mixed else columns)
    return table, [one.name for one in inputs]


def tensors(name: str, result: Any) -> list[Tensor]:
    """A method's result as outputs. Raises MicroserviceError."""
    if isinstance(result, dict):
        return [tensor for key, value in result.items() for tensor in tensors(str(key), value)]
    if isinstance(result, (str, bytes)):
        result = [result]
    if not isinstance(result, (list, np.ndarray)):
        raise MicroserviceError(f"Unknown data type returned as payload (must be list or np array):{short(result)}")
    try:
        array = np.asarray(result)
    except ValueError as error:
        raise MicroserviceError(f"The output {name} is ragged, which no tensor is") from error
    return [Tensor(name, array.reshape(-1, 1) if array.ndim == 1 else array)]
