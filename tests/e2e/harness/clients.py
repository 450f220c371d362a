"""A graph asked as people's programs ask it: over REST on a kept connection, over gRPC by the field's own client.

Both give an answer in one form, a SeldonMessage: what REST says must be one, read strictly. Nothing is asked twice.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar
from urllib.parse import urlsplit

import grpc
import pytest
from google.protobuf import json_format
from google.protobuf.message import Message

from seldon_core.proto import prediction_pb2

from .rpcgen import OPTIONS

Json = dict[str, Any]
M = TypeVar("M", bound=Message)
PUID = "seldon-puid"
API = "/api/v1.0"


@dataclass(frozen=True)
class Way:
    """How a graph is asked: over gRPC or REST, through the gateway or at its predictor's Service."""

    grpc: bool
    gateway: bool

    def __str__(self) -> str:
        return f"{'grpc' if self.grpc else 'rest'}-{'gateway' if self.gateway else 'service'}"


WAYS = [Way(grpc=grpc, gateway=gateway) for grpc in (False, True) for gateway in (False, True)]
each_way = pytest.mark.parametrize("way", WAYS, ids=str)
each_protocol = pytest.mark.parametrize("way", [way for way in WAYS if way.gateway], ids=str)


@dataclass(frozen=True)
class Said:
    """An answer in the form of JSON, with the prediction's id beside it: a header, or metadata."""

    message: Json
    puid: str


class Client(Protocol):
    """Somebody who asks in the Seldon protocol."""

    def predict(self, message: Json, **headers: str) -> Said:
        """The graph's answer. Raises AssertionError where it is an error, with the answer in it."""
        ...

    def feedback(self, feedback: Json) -> Said:
        """The graph's answer to a reward."""
        ...


@dataclass(frozen=True)
class Reply:
    """An HTTP answer; the names of its headers are in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class RestClient:
    """One connection, below `url`."""

    def __init__(self, url: str, *, seconds: float) -> None:
        parts = urlsplit(url)
        self._path = parts.path
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Reply:
        """One request; the underscores of a header's name stand for dashes."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._connection.request(method, f"{self._path}{path}", body or None, named)
        answer = self._connection.getresponse()
        fields = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, fields, answer.read())

    def post(self, path: str, document: Json, **headers: str) -> tuple[Json, Reply]:
        """JSON for JSON. Raises AssertionError for any other answer than 200."""
        reply = self.ask("POST", path, json.dumps(document).encode(), content_type="application/json", **headers)
        assert reply.status == 200, f"POST {path}: {reply.status} {reply.body.decode('utf-8', 'replace')}"
        answer: Json = json.loads(reply.body)
        return answer, reply

    def predict(self, message: Json, **headers: str) -> Said:
        """The graph's answer."""
        return self._said(f"{API}/predictions", message, headers)

    def feedback(self, feedback: Json) -> Said:
        """The graph's answer to a reward."""
        return self._said(f"{API}/feedback", feedback, {})

    def _said(self, path: str, document: Json, headers: Mapping[str, str]) -> Said:
        answer, reply = self.post(path, document, **headers)
        return Said(canonical(answer), reply.headers.get(PUID, ""))


class RpcClient:
    """One connection to `target` (`HOST:PORT`); each call has the headers."""

    def __init__(self, target: str, headers: Mapping[str, str], *, seconds: float) -> None:
        self._channel = grpc.insecure_channel(target, options=OPTIONS)
        self._headers = tuple(headers.items())
        self._seconds = seconds

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._channel.close()

    def call(self, method: str, request: Message, answer: type[M], **headers: str) -> tuple[M, dict[str, Any]]:
        """One call by the method's full name: the answer, and its initial metadata. Raises RpcFailedError."""
        own = tuple((name.replace("_", "-"), value) for name, value in headers.items())
        stub: Any = self._channel.unary_unary(
            method, request_serializer=type(request).SerializeToString, response_deserializer=answer.FromString
        )
        try:
            message, call = stub.with_call(request, metadata=(*self._headers, *own), timeout=self._seconds)
        except grpc.RpcError as error:
            failed: Any = error
            raise RpcFailedError(method, failed.code(), failed.details()) from error
        return message, {str(name): value for name, value in call.initial_metadata()}

    def predict(self, message: Json, **headers: str) -> Said:
        """The graph's answer."""
        return self._said("Predict", json_format.ParseDict(message, prediction_pb2.SeldonMessage()), headers)

    def feedback(self, feedback: Json) -> Said:
        """The graph's answer to a reward."""
        return self._said("SendFeedback", json_format.ParseDict(feedback, prediction_pb2.Feedback()), {})

    def _said(self, method: str, request: Message, headers: Mapping[str, str]) -> Said:
        answer, metadata = self.call(
            f"/seldon.protos.Seldon/{method}", request, prediction_pb2.SeldonMessage, **headers
        )
        return Said(json_format.MessageToDict(answer), str(metadata.get(PUID, "")))


class RpcFailedError(AssertionError):
    """A call that ended with another status than OK."""

    def __init__(self, method: str, code: grpc.StatusCode, details: str) -> None:
        super().__init__(f"{method}: {code.name}: {details}")
        self.code = code
        self.details = details


def canonical(message: Json) -> Json:
    """The one form of a SeldonMessage in JSON. Raises ParseError where it is none, or has other fields."""
    return json_format.MessageToDict(json_format.ParseDict(message, prediction_pb2.SeldonMessage()))
