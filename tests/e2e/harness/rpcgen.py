"""The load generator over gRPC: the real client of the field, with everything off that sends a request again.

gRPC asks once more by itself where it believes that the server has not seen a request. Nobody would miss an answer
then, but a server that drops requests would not be seen, either.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import grpc
from google.protobuf import json_format

from seldon_core.proto import prediction_pb2

from . import iris
from .loadgen import BODY, STATUS, TIMEOUT, OpenLoop, Record, Write, WrongAnswerError, shown, units_in

PREDICT = "/seldon.protos.Seldon/Predict"
OPTIONS = (
    ("grpc.enable_retries", 0),
    # A proxy of the environment must not stand between the test and localhost.
    ("grpc.enable_http_proxy", 0),
    # Channels to one address share a connection otherwise.
    ("grpc.use_local_subchannel_pool", 1),
)


class RpcGenerator(OpenLoop):
    """Sends requests to `target` (`HOST:PORT`) with those headers."""

    def __init__(
        self, target: str, headers: Sequence[tuple[str, str]], *, fresh_every: int, timeout: float, write: Write
    ) -> None:
        super().__init__(fresh_every=fresh_every, timeout=timeout, write=write)
        self._target = target
        self._headers = tuple(headers)
        self._kept: grpc.aio.Channel | None = None

    async def close(self) -> None:
        """Close the kept connection."""
        if self._kept is not None:
            await self._kept.close()

    async def ask(self, number: int) -> None:
        """One request, and its record."""
        fresh = number % self._fresh_every == 0
        document: dict[str, Any] = {"data": {"ndarray": [iris.row(number)]}}
        request = json_format.ParseDict(document, prediction_pb2.SeldonMessage())
        sent = time.monotonic()
        units, kind, text = "", "", ""
        try:
            document = json_format.MessageToDict(await self._exchange(request, fresh=fresh))
            units = units_in(document, number)
        except grpc.aio.AioRpcError as error:
            late = error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
            kind, text = TIMEOUT if late else STATUS, f"{error.code().name}: {error.details()}"
        except WrongAnswerError as error:
            kind, text = BODY, f"{error}: {shown(str(document).encode())}"
        self._write(Record(number, sent, time.monotonic() - sent, fresh, units, kind, text))

    async def _exchange(self, request: prediction_pb2.SeldonMessage, *, fresh: bool) -> prediction_pb2.SeldonMessage:
        if fresh:
            async with self._channel() as channel:
                return await self._call(channel, request)
        if self._kept is None:
            self._kept = self._channel()
        return await self._call(self._kept, request)

    def _channel(self) -> grpc.aio.Channel:
        return grpc.aio.insecure_channel(self._target, options=OPTIONS)

    async def _call(
        self, channel: grpc.aio.Channel, request: prediction_pb2.SeldonMessage
    ) -> prediction_pb2.SeldonMessage:
        predict: Any = channel.unary_unary(
            PREDICT,
            request_serializer=prediction_pb2.SeldonMessage.SerializeToString,
            response_deserializer=prediction_pb2.SeldonMessage.FromString,
        )
        answer: prediction_pb2.SeldonMessage = await predict(request, metadata=self._headers, timeout=self._timeout)
        return answer
