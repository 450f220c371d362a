"""Requests against the protocols' own definitions, answers in every form that servers give."""

from __future__ import annotations

import json

import numpy as np
import pytest

from seldon_core.proto import inference_pb2, prediction_pb2
from tests.bench import protowire
from tests.bench.payloads import PROTOCOLS, request_of

ROWS = np.array([[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]])


def test_a_seldon_message_is_read_by_the_protocol_s_own_code() -> None:
    message = prediction_pb2.SeldonMessage.FromString(PROTOCOLS["seldon-grpc"].render(ROWS))

    assert list(message.data.tensor.shape) == [2, 4]
    assert list(message.data.tensor.values) == ROWS.ravel().tolist()


def test_a_seldon_answer_of_the_protocol_s_own_code_is_read() -> None:
    message = prediction_pb2.SeldonMessage()
    message.meta.puid = "p" * 300
    message.data.names.extend(["a", "b"])
    message.data.tensor.shape.extend([1, 2])
    message.data.tensor.values.extend([0.25, 0.75])

    assert PROTOCOLS["seldon-grpc"].read(message.SerializeToString()).tolist() == [0.25, 0.75]


def test_a_v2_request_is_read_by_the_protocol_s_own_code() -> None:
    message = inference_pb2.ModelInferRequest.FromString(PROTOCOLS["v2-grpc"].render(ROWS))

    assert (message.model_name, [output.name for output in message.outputs]) == ("iris", ["predict_proba"])
    assert (message.inputs[0].datatype, list(message.inputs[0].shape)) == ("FP64", [2, 4])
    assert list(message.inputs[0].contents.fp64_contents) == ROWS.ravel().tolist()


@pytest.mark.parametrize("raw", [False, True])
def test_a_v2_answer_is_read_from_contents_and_from_raw_contents(raw: bool) -> None:  # noqa: FBT001 - a parameter
    message = inference_pb2.ModelInferResponse(model_name="iris", id="p" * 300)
    output = message.outputs.add(name="predict_proba", datatype="FP64", shape=[1, 2])
    if raw:
        message.raw_output_contents.append(np.array([0.1, 0.9]).tobytes())
    else:
        output.contents.fp64_contents.extend([0.1, 0.9])

    assert PROTOCOLS["v2-grpc"].read(message.SerializeToString()).tolist() == [0.1, 0.9]


def test_a_rest_request_is_whole_and_says_how_long_it_is() -> None:
    head, _, body = request_of(PROTOCOLS["v2-rest"], 9000, ROWS).partition(b"\r\n\r\n")

    assert head.startswith(b"POST /v2/models/iris/infer HTTP/1.1\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
    tensor = json.loads(body)["inputs"][0]
    assert (tensor["shape"], tensor["data"]) == ([2, 4], ROWS.ravel().tolist())


def test_a_grpc_request_has_its_length_before_it() -> None:
    request = request_of(PROTOCOLS["seldon-grpc"], 9000, ROWS)

    assert request[:1] == b"\0"
    assert int.from_bytes(request[1:5]) == len(request) - 5


@pytest.mark.parametrize("number", [0, 127, 128, 300, 2**32])
def test_numbers_of_any_length_come_back(number: int) -> None:
    message = protowire.varint(3 << 3) + protowire.varint(number)

    assert list(protowire.fields(message)) == [(3, number)]


@pytest.mark.parametrize("cut", [1, 2, 5])
def test_a_message_that_is_cut_short_is_refused(cut: int) -> None:
    with pytest.raises(ValueError, match="cut short"):
        list(protowire.fields(protowire.field(1, "iris")[:cut]))


def test_a_field_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="no field 5"):
        PROTOCOLS["v2-grpc"].read(protowire.field(1, "iris"))
