"""The iris model over gRPC, by the field's own server, which can be told to fail."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
from google.protobuf import json_format

from seldon_core.proto import prediction_pb2
from tests.e2e.harness import iris, prediction

Answer = Callable[[Any, Any], Any]
PUID = "an-id"


def answer_of(row: list[float]) -> prediction_pb2.SeldonMessage:
    """The model's answer."""
    data = {"names": prediction.NAMES, "ndarray": [iris.probabilities(row)]}
    document = {"data": data, "meta": {"requestPath": {"classifier": "image"}}}
    return json_format.ParseDict(document, prediction_pb2.SeldonMessage())


async def right(message: Any, _: Any) -> Any:
    """Answer as the model does."""
    (row,) = json_format.MessageToDict(message)["data"]["ndarray"]
    return answer_of(row)


@asynccontextmanager
async def serving(answer: Answer = right, connections: set[str] | None = None) -> AsyncIterator[str]:
    """`HOST:PORT` of a server that answers so; who has called is noted in `connections`, with the headers it sent."""

    async def predict(message: Any, context: Any) -> Any:
        if connections is not None:
            headers = dict(context.invocation_metadata())
            connections.add(f"{context.peer()} {headers.get('seldon')}")
        await context.send_initial_metadata((("seldon-puid", PUID),))
        return await answer(message, context)

    method = grpc.unary_unary_rpc_method_handler(
        predict, prediction_pb2.SeldonMessage.FromString, prediction_pb2.SeldonMessage.SerializeToString
    )
    server = grpc.aio.server()
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("seldon.protos.Seldon", {"Predict": method}),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)
