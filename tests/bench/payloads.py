"""The four protocols: how rows become a request, and how an answer becomes numbers again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from . import protowire

MODEL = "iris"
"""The model's name, which V2 has in paths and messages."""
_OUTPUT = "predict_proba"
"""What V2 is asked for. Servers for the protocol seldon answer it by default; V2's default is `predict`."""


@dataclass(frozen=True)
class Protocol:
    """One protocol over one transport."""

    name: str
    family: str
    """`seldon` or `v2`: what a server is told at its start."""
    transport: str
    """`rest` or `grpc`."""
    path: str
    render: Callable[[np.ndarray], bytes]
    """From rows (n, features) to a body or a message."""
    read: Callable[[bytes], Any]
    """From a body or a message to its numbers, nested or flat. Raises ValueError, KeyError, TypeError or IndexError."""


def _seldon_rest(rows: np.ndarray) -> bytes:
    return orjson.dumps({"data": {"ndarray": rows.tolist()}})


def _read_seldon_rest(body: bytes) -> Any:
    return orjson.loads(body)["data"]["ndarray"]


def _v2_rest(rows: np.ndarray) -> bytes:
    tensor = {"name": "predict", "shape": list(rows.shape), "datatype": "FP64", "data": rows.ravel().tolist()}
    return orjson.dumps({"inputs": [tensor], "outputs": [{"name": _OUTPUT}]})


def _read_v2_rest(body: bytes) -> Any:
    return orjson.loads(body)["outputs"][0]["data"]


def _seldon_grpc(rows: np.ndarray) -> bytes:
    """SeldonMessage.data (3) .tensor (2), of shape (1) and values (2). Source: specification 3 (gRPC)."""
    tensor = protowire.integers(1, rows.shape) + protowire.doubles(2, rows)
    return protowire.field(3, protowire.field(2, tensor))


def _read_seldon_grpc(message: bytes) -> Any:
    return np.frombuffer(protowire.child(message, 3, 2, 2), dtype="<f8")


def _v2_grpc(rows: np.ndarray) -> bytes:
    """ModelInferRequest: model_name (1), inputs (5) of name, datatype, shape (1 to 3) and contents (5), outputs (6).

    Source: the Open Inference Protocol's definition for gRPC.
    """
    tensor = (
        protowire.field(1, "predict")
        + protowire.field(2, "FP64")
        + protowire.integers(3, rows.shape)
        + protowire.field(5, protowire.doubles(7, rows))
    )
    return protowire.field(1, MODEL) + protowire.field(5, tensor) + protowire.field(6, protowire.field(1, _OUTPUT))


def _read_v2_grpc(message: bytes) -> Any:
    """ModelInferResponse: outputs (5) with contents (5) of doubles (7), or raw_output_contents (6)."""
    for number, value in protowire.fields(message):
        if number == 6 and isinstance(value, bytes):
            return np.frombuffer(value, dtype="<f8")
    return np.frombuffer(protowire.child(message, 5, 5, 7), dtype="<f8")


PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol("seldon-rest", "seldon", "rest", "/api/v1.0/predictions", _seldon_rest, _read_seldon_rest),
        Protocol("seldon-grpc", "seldon", "grpc", "/seldon.protos.Seldon/Predict", _seldon_grpc, _read_seldon_grpc),
        Protocol("v2-rest", "v2", "rest", f"/v2/models/{MODEL}/infer", _v2_rest, _read_v2_rest),
        Protocol("v2-grpc", "v2", "grpc", "/inference.GRPCInferenceService/ModelInfer", _v2_grpc, _read_v2_grpc),
    )
}


def request_of(protocol: Protocol, port: int, rows: np.ndarray) -> bytes:
    """What the load generator writes: a whole HTTP/1.1 request, or gRPC's length-prefixed message."""
    body = protocol.render(rows)
    if protocol.transport == "grpc":
        return b"\0" + len(body).to_bytes(4) + body
    head = (
        f"POST {protocol.path} HTTP/1.1\r\n"
        f"Host: 127.0.0.1:{port}\r\n"
        "Accept: */*\r\n"
        "Content-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
