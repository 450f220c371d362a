"""The codecs: what is accepted keeps its kind and its numbers, what is not is refused with a reason."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seldon_core.microservice import jsontext
from seldon_core.microservice.errors import MicroserviceError
from seldon_core.microservice.json_codec import JsonCodec
from seldon_core.microservice.payload import formed

CODEC = JsonCodec()


def encode(result: Any, kind: str, class_names: Any = None) -> Any:
    document = CODEC.encode(formed(result, kind, class_names), {})
    del document["meta"]
    return document


@pytest.mark.parametrize(
    ("message", "says"),
    [
        ({"foo": 1}, "Invalid request data type: {'foo': 1}"),
        ([1], "Invalid request data type: [1]"),
        (None, "Invalid request data type: None"),
        ({"data": {}}, "data must have ndarray or tensor, and has only []"),
        ({"data": {"ndarry": [[1]]}}, "has only ['ndarry']"),
        ({"data": [[1]]}, "data must be an object"),
        ({"data": {"ndarray": 5}}, "data.ndarray must be a list, and is 5"),
        ({"data": {"ndarray": [[1, 2], [3]]}}, "ragged: row 0 has 2 values and row 1 has 1 value"),
        ({"data": {"ndarray": [[1], 3]}}, "ragged: row 0 has 1 value and row 1 has no list"),
        ({"data": {"ndarray": [[1]], "names": "a"}}, "data.names must be a list of strings"),
        ({"data": {"tensor": {"shape": [2, 2], "values": [1, 2, 3]}}}, "has 3 values, and its shape [2, 2] needs 4"),
        ({"data": {"tensor": {"shape": [-5], "values": [1]}}}, "shape must be a list of sizes"),
        ({"data": {"tensor": {"shape": [1], "values": ["a"]}}}, "flat list of numbers"),
        ({"data": {"tensor": {"values": [1]}}}, "lists shape and values"),
        ({"data": {"tensor": [1]}}, "lists shape and values"),
        ({"data": {"tftensor": {}}}, "has the dtype 0, which is not served"),
        ({"data": {"tftensor": {"dtype": "DT_FLOAT", "floatVal": "x"}}}, "no TensorProto in JSON"),
        ({"data": {"tftensor": 5}}, "no TensorProto in JSON"),
        ({"strData": 5}, "strData must be a string, and is 5"),
        ({"binData": "a*Gk="}, "binData is no base64"),
        ({"binData": 5}, "binData is no base64"),
        ({"strData": "x", "meta": [1]}, "meta must be an object"),
        ({"foo": "x" * 10_000}, "..."),
    ],
)
def test_refusals(message: Any, says: str) -> None:
    with pytest.raises(MicroserviceError) as caught:
        CODEC.decode(message)
    assert says in caught.value.info
    assert (caught.value.status, caught.value.reason) == (400, "MICROSERVICE_BAD_DATA")
    assert len(caught.value.info) < 300


@pytest.mark.parametrize(
    ("message", "kind", "features", "dtype"),
    [
        ({"data": {"ndarray": [[1, 2]]}}, "ndarray", [[1, 2]], "int64"),
        ({"data": {"ndarray": [[1, 2.5]]}}, "ndarray", [[1.0, 2.5]], "float64"),
        ({"data": {"ndarray": [["a", "b"]]}}, "ndarray", [["a", "b"]], "<U1"),
        ({"data": {"ndarray": []}}, "ndarray", [], "float64"),
        ({"data": {"tensor": {"shape": [2, 1], "values": [1, 2]}}}, "tensor", [[1], [2]], "int64"),
    ],
)
def test_arrays_keep_their_numbers(message: Any, kind: str, features: Any, dtype: str) -> None:
    decoded = CODEC.decode(message)
    assert (decoded.kind, decoded.features.tolist(), str(decoded.features.dtype)) == (kind, features, dtype)


@pytest.mark.parametrize(
    ("result", "kind", "expected"),
    [
        ({"a": 1}, "ndarray", {"jsonData": {"a": 1}}),
        (b"hi", "ndarray", {"binData": "aGk="}),
        ("hi", "tensor", {"strData": "hi"}),
        ([1.5, 2], "ndarray", {"data": {"names": [], "ndarray": [1.5, 2]}}),
        ([[1, 2]], "ndarray", {"data": {"names": ["t:0", "t:1"], "ndarray": [[1, 2]]}}),
        ([[1, 2]], "tensor", {"data": {"names": ["t:0", "t:1"], "tensor": {"shape": [1, 2], "values": [1, 2]}}}),
        ([[1]], "strData", {"data": {"names": ["t:0"], "tensor": {"shape": [1, 1], "values": [1]}}}),
        ([["a"]], "tensor", {"data": {"names": ["t:0"], "ndarray": [["a"]]}}),
        ([[1], [2, 3]], "ndarray", {"data": {"names": [], "ndarray": [[1], [2, 3]]}}),
        (np.zeros((1, 2, 1), np.float32), "ndarray", {"data": {"names": ["t:0", "t:1"], "ndarray": [[[0.0], [0.0]]]}}),
        (
            np.array([[1, 2], [3, 4]]).T,
            "tensor",
            {"data": {"names": ["t:0", "t:1"], "tensor": {"shape": [2, 2], "values": [1, 3, 2, 4]}}},
        ),
    ],
)
def test_results(result: Any, kind: str, expected: Any) -> None:
    assert jsontext.dumps(encode(result, kind)) == jsontext.dumps(expected)


@pytest.mark.parametrize("result", [None, 5, 1.5, np.float64(2), object()])
def test_results_that_are_no_payload(result: Any) -> None:
    with pytest.raises(MicroserviceError, match="Unknown data type returned as payload"):
        encode(result, "ndarray")


def test_class_names_are_for_two_dimensions_and_more() -> None:
    def names() -> list[str]:
        return ["x", "y"]

    assert encode([[1, 2]], "ndarray", names)["data"]["names"] == ["x", "y"]
    assert encode([[[1, 2]]], "ndarray", names)["data"]["names"] == ["x", "y"]
    assert encode([1, 2], "ndarray", names)["data"]["names"] == []


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": {"d": 1, "c": 2}}, b'{"a":{"c":2,"d":1},"b":1}'),
        ({"x": float("nan"), "y": float("inf")}, b'{"x":null,"y":null}'),
        ({"x": np.array([["a"]]), "y": np.int8(3), "z": {2}}, b'{"x":[["a"]],"y":3,"z":[2]}'),
        ({"x": 2**70}, b'{"x":1180591620717411303424}'),
        ({1: "int key"}, b'{"1":"int key"}'),
        ({"x": np.array([[1, 2], [3, 4]])[:, 1]}, b'{"x":[2,4]}'),
    ],
)
def test_json(value: Any, text: bytes) -> None:
    assert jsontext.dumps(value) == text


FLOATS = st.floats(allow_nan=False, allow_infinity=False)
ROWS = st.integers(1, 4).flatmap(lambda width: st.lists(st.lists(FLOATS, min_size=width, max_size=width), min_size=1))


@given(rows=ROWS)
def test_numbers_survive_the_way_there_and_back(rows: list[list[float]]) -> None:
    decoded = CODEC.decode({"data": {"ndarray": rows}})
    again = CODEC.decode(json.loads(jsontext.dumps(encode(decoded.features, "tensor"))))
    assert again.features.tolist() == rows


KEYS = st.sampled_from(["data", "ndarray", "tensor", "shape", "values", "names", "strData", "binData", "meta"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | FLOATS | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner),
)


@given(message=JSON)
def test_whatever_is_sent_is_decoded_or_refused(message: Any) -> None:
    try:
        decoded = CODEC.decode(message)
    except MicroserviceError:
        return
    assert decoded.kind in {"ndarray", "tensor", "jsonData", "strData", "binData"}
