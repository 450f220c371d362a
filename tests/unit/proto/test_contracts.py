"""The wire contracts: what is checked in is what the definitions say, and the definitions are v1.17.1's."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format

from devtools import protos
from seldon_core.proto import prediction_pb2


def test_the_generated_code_is_what_the_definitions_say() -> None:
    for path, text in protos.generated().items():
        assert path.read_text() == text, f"{path} is out of date; run: python -m devtools.protos"


@pytest.mark.parametrize(
    ("kind", "document", "wire"),
    [
        (
            prediction_pb2.SeldonMessage,
            {
                "status": {"code": 7, "info": "i", "reason": "r", "status": "FAILURE"},
                "meta": {
                    "puid": "P",
                    "tags": {"t": 1},
                    "routing": {"r": -1},
                    "requestPath": {"c": "i:1"},
                    "metrics": [{"key": "k", "type": "TIMER", "value": 2.5, "tags": {"a": "b"}}],
                },
                "data": {"names": ["n"], "tensor": {"shape": [1, 2], "values": [0.5, -2]}},
            },
            (
                "0a0a08071201691a0172200112410a0150120e0a0174120911000000000000f03f1a0e0a017210ffffffffffffffffff0122080a0163"
                "1203693a312a120a016b10021d0000204022060a01611201621a1b0a016e12160a0201021210000000000000e03f00000000000000c0"
            ),
        ),
        (
            prediction_pb2.SeldonMessage,
            {
                "data": {
                    "names": ["n"],
                    "tftensor": {"dtype": "DT_INT64", "tensorShape": {"dim": [{"size": 2}]}, "int64Val": ["3", "4"]},
                }
            },
            "1a110a016e220c080912041202080252020304",
        ),
        (
            prediction_pb2.Feedback,
            {
                "request": {"strData": "q"},
                "response": {"binData": "AQI="},
                "reward": 1.5,
                "truth": {"jsonData": [1]},
            },
            "0a032a01711204220201021d0000c03f220f320d320b0a0911000000000000f03f",
        ),
        (
            prediction_pb2.SeldonGraphMetadata,
            {
                "name": "g",
                "models": {
                    "m": {
                        "name": "n",
                        "versions": ["v"],
                        "platform": "p",
                        "inputs": [
                            {"messagetype": "tensor", "schema": {"a": 1}, "name": "x", "datatype": "FP32", "shape": [2]}
                        ],
                        "outputs": [{"name": "y"}],
                        "custom": {"c": "d"},
                    }
                },
                "inputs": [{"name": "x"}],
                "outputs": [{"name": "y"}],
            },
            (
                "0a016712450a016d12400a016e1201761a017022280a0674656e736f7212122a100a0e0a0161120911000000000000f03f1a01782204"
                "465033322a01022a031a017932060a01631201641a031a017822031a0179"
            ),
        ),
    ],
)
def test_messages_have_the_bytes_that_v1_17_1_writes(kind: Any, document: Any, wire: str) -> None:
    """Recorded with the package seldon-core 1.17.1."""
    assert json_format.ParseDict(document, kind()).SerializeToString(deterministic=True).hex() == wire


def test_a_process_with_tensorflow_uses_tensorflow_s_own_tensor(tmp_path: Path) -> None:
    """A stand-in for TensorFlow: the same names from another file, which protobuf takes only once."""
    folder = tmp_path / "tensorflow" / "core" / "framework"
    folder.mkdir(parents=True)
    for package in (tmp_path / "tensorflow", tmp_path / "tensorflow" / "core", folder):
        (package / "__init__.py").touch()
    text = (protos.FOLDER / "tensorflow" / "core" / "framework" / "tensor_pb2.py").read_text()
    (folder / "tensor_pb2.py").write_text(text)
    program = (
        "from seldon_core.proto import prediction_pb2\n"
        "from tensorflow.core.framework import tensor_pb2\n"
        "tensor = tensor_pb2.TensorProto(dtype=tensor_pb2.DT_FLOAT)\n"
        "message = prediction_pb2.SeldonMessage()\n"
        "message.data.tftensor.CopyFrom(tensor)\n"
        "print(message.data.tftensor.dtype)\n"
    )
    path = ":".join([str(tmp_path), *(one or str(Path.cwd()) for one in sys.path)])
    done = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONPATH": path}, capture_output=True, text=True, check=True
    )
    assert done.stdout == "1\n"
