"""TensorFlow's tensors without TensorFlow: every type of number, every way in which values may be written."""

from typing import Any

import numpy as np
import pytest

from seldon_core.microservice import tftensor
from seldon_core.microservice.errors import MicroserviceError
from seldon_core.microservice.json_codec import JsonCodec
from seldon_core.microservice.payload import formed
from seldon_core.proto.tensors import tensor_pb2

TYPES = ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"]


def tensor(shape: list[int], **more: Any) -> Any:
    message = tensor_pb2.TensorProto(**more)
    for size in shape:
        message.tensor_shape.dim.add(size=size)
    return message


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("shape", [(), (0,), (2, 3)])
def test_arrays_survive_the_way_there_and_back(kind: str, shape: tuple[int, ...]) -> None:
    array = np.arange(np.prod(shape, dtype=int), dtype=kind).reshape(shape)
    again = tftensor.decode(tftensor.encode(array))
    assert again.dtype == array.dtype
    assert again.tolist() == array.tolist()


@pytest.mark.parametrize(
    ("message", "values"),
    [
        (tensor([2], dtype=tensor_pb2.DT_FLOAT, float_val=[1.5, 2]), [1.5, 2.0]),
        (tensor([2, 2], dtype=tensor_pb2.DT_INT64, int64_val=[7]), [[7, 7], [7, 7]]),
        (tensor([3], dtype=tensor_pb2.DT_INT32, int_val=[1, 2]), [1, 2, 2]),
        (tensor([1], dtype=tensor_pb2.DT_HALF, half_val=[0x3C00]), [1.0]),
        (tensor([2], dtype=tensor_pb2.DT_BOOL, bool_val=[True, False]), [True, False]),
        (tensor([1], dtype=tensor_pb2.DT_STRING, string_val=[b"a"]), [b"a"]),
    ],
)
def test_values_in_the_list_of_their_type(message: Any, values: Any) -> None:
    assert tftensor.decode(message).tolist() == values


@pytest.mark.parametrize(
    ("message", "says"),
    [
        (tensor([1], dtype=tensor_pb2.DT_VARIANT), "which is not served"),
        (tensor([-1], dtype=tensor_pb2.DT_FLOAT), "no fixed shape"),
        (tensor([2], dtype=tensor_pb2.DT_FLOAT), "has 0 values, and its shape [2] needs 2"),
        (tensor([1], dtype=tensor_pb2.DT_FLOAT, float_val=[1, 2]), "has 2 values"),
        (tensor([1], dtype=tensor_pb2.DT_FLOAT, tensor_content=b"abc"), "3 bytes holds no whole values"),
        (tensor([2], dtype=tensor_pb2.DT_FLOAT, tensor_content=b"abcd"), "has 1 values"),
        (tensor([1], dtype=tensor_pb2.DT_STRING, tensor_content=b"abcd"), "holds no whole values"),
    ],
)
def test_what_is_no_tensor(message: Any, says: str) -> None:
    with pytest.raises(MicroserviceError) as caught:
        tftensor.decode(message)
    assert says in caught.value.info


def test_over_rest_in_protobuf_s_json_form() -> None:
    codec = JsonCodec()
    sent = {"data": {"tftensor": {"dtype": "DT_DOUBLE", "tensorShape": {"dim": [{"size": "2"}]}, "doubleVal": [1, 2]}}}
    decoded = codec.decode(sent)
    assert (decoded.kind, decoded.features.tolist()) == ("tftensor", [1.0, 2.0])
    answer = codec.encode(formed(decoded.features, decoded.kind, None), {})
    assert codec.decode(answer).features.tolist() == [1.0, 2.0]
