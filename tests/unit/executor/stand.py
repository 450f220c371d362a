"""A node that does what a test says, and an executor in front of some of them, all on loopback."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

from seldon_core.executor.app import Executor
from seldon_core.executor.settings import Settings, parse
from seldon_core.proto import prediction_pb2
from seldon_core.transport.client import ClientResponse, HttpPool
from seldon_core.transport.rpc import RpcAnswer, RpcError, RpcRequest, Status
from seldon_core.transport.rpc_client import RpcPool
from seldon_core.transport.rpc_server import RpcServer
from seldon_core.transport.server import HttpServer, Request, Response

TRANSCRIPTS = Path(__file__).resolve().parents[4] / "shared" / "spec" / "transcripts"
Answer = Callable[[Request], Response | Awaitable[Response]]


class Node:
    """One model server. `requests` are those it got, in order."""

    def __init__(self, answer: Answer | Mapping[str, Any] | None = None) -> None:
        self.requests: list[Request] = []
        self._answer = answer
        self.server = HttpServer(self._serve, name="node")

    def _serve(self, request: Request) -> Response | Awaitable[Response]:
        self.requests.append(request)
        if callable(self._answer):
            return self._answer(request)
        if request.path.endswith("/health/status"):
            return Response(200, b"{}")
        if self._answer is not None:
            if request.path not in self._answer:
                return Response(404, b"{}")
            return Response(200, json.dumps(self._answer[request.path]).encode())
        return Response(200, request.body)

    async def start(self) -> "Node":
        await self.server.start("127.0.0.1", 0)
        return self

    @property
    def paths(self) -> list[str]:
        """The steps that were called."""
        return [request.path for request in self.requests]


STEPS = {
    "Model/Predict": prediction_pb2.SeldonMessage,
    "Model/SendFeedback": prediction_pb2.Feedback,
    "Model/Metadata": None,
    "Transformer/TransformInput": prediction_pb2.SeldonMessage,
    "OutputTransformer/TransformOutput": prediction_pb2.SeldonMessage,
    "Router/Route": prediction_pb2.SeldonMessage,
    "Combiner/Aggregate": prediction_pb2.SeldonMessageList,
}


class RpcNode:
    """One model server over gRPC: its answer to a step is the text it got, with the step behind it.

    `answers` are those of single steps, messages or errors. `requests` are the calls that it got, in order.
    """

    running: ClassVar[list["RpcNode"]] = []

    def __init__(self, name: str = "", answers: Mapping[str, Any] | None = None) -> None:
        self.name = name
        self.requests: list[RpcRequest] = []
        self.healthy = True
        self._answers = answers or {}
        methods = {f"/seldon.protos.{step}": self._serve for step in STEPS}
        self.server = RpcServer(methods, ready=self._ready, name="node")

    async def _ready(self) -> bool:
        return self.healthy

    async def _serve(self, request: RpcRequest) -> RpcAnswer:
        self.requests.append(request)
        step = request.method.removeprefix("/seldon.protos.")
        if step in self._answers:
            answer = self._answers[step]
            if callable(answer):
                answer = await answer()
            if isinstance(answer, RpcError):
                raise answer
            return RpcAnswer(answer if isinstance(answer, bytes) else answer.SerializeToString())
        kind = STEPS[step]
        if kind is None:
            raise RpcError(Status.UNIMPLEMENTED, "no metadata")
        got = kind.FromString(request.body)
        if isinstance(got, prediction_pb2.SeldonMessageList):
            text = "+".join(message.strData for message in got.seldonMessages)
        else:
            text = got.request.strData if isinstance(got, prediction_pb2.Feedback) else got.strData
        answer = prediction_pb2.SeldonMessage(strData=f"{text} {self.name}/{step.partition('/')[2]}")
        return RpcAnswer(answer.SerializeToString())

    async def start(self) -> "RpcNode":
        await self.server.start("127.0.0.1", 0)
        self.running.append(self)
        return self

    @classmethod
    async def end_all(cls) -> None:
        """At a test's end: a server of gRPC must not outlive its loop."""
        while cls.running:
            await cls.running.pop().server.drain(0)


def rpc_unit(
    name: str, node: RpcNode | int | None, kind: str = "MODEL", *children: dict[str, Any], **more: Any
) -> dict[str, Any]:
    """A graph's unit whose gRPC port is that of a node here."""
    document: dict[str, Any] = {"name": name, "type": kind, "children": list(children), **more}
    if node is not None:
        port = node if isinstance(node, int) else node.server.port
        document["endpoint"] = {"service_host": "localhost", "service_port": 1, "httpPort": 1, "grpcPort": port}
    return document


def unit(
    name: str, node: Node | int | None, kind: str = "MODEL", *children: dict[str, Any], **more: Any
) -> dict[str, Any]:
    """A graph's unit as the operator writes it, its port that of a node here."""
    document: dict[str, Any] = {"name": name, "type": kind, "children": list(children), **more}
    if node is not None:
        port = node if isinstance(node, int) else node.server.port
        document["endpoint"] = {"service_host": "localhost", "service_port": port, "httpPort": port, "grpcPort": 1}
    return document


def encoded(graph: dict[str, Any], **more: Any) -> str:
    """ENGINE_PREDICTOR."""
    return base64.b64encode(json.dumps({"name": "p", "graph": graph, **more}).encode()).decode()


def settings(graph: dict[str, Any], *flags: str, env: Mapping[str, str] | None = None, **more: Any) -> Settings:
    arguments = ["--sdep", "m", "--namespace", "ns", "--predictor", "p", "--http_port", "0", "--grpc_port", "0", *flags]
    return parse(arguments, {"ENGINE_PREDICTOR": encoded(graph, **more), **(env or {})})


class Client:
    """Asks one executor."""

    def __init__(self, port: int, grpc_port: int) -> None:
        self._pool = HttpPool()
        self._rpc_pool = RpcPool()
        self.port = port
        self.grpc_port = grpc_port

    async def ask(self, method: str, path: str, body: bytes = b"", **fields: str) -> ClientResponse:
        headers = tuple((name.replace("_", "-").encode(), value.encode()) for name, value in fields.items())
        return await self._pool.request("127.0.0.1", self.port, method, path, headers=headers, body=body)

    async def predict(self, document: Any, **fields: str) -> ClientResponse:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        return await self.ask("POST", "/api/v1.0/predictions", body, Content_Type="application/json", **fields)

    async def rpc(self, method: str, message: Any, **more: Any) -> bytes:
        """A method of the service seldon.protos.Seldon."""
        body = message if isinstance(message, bytes) else message.SerializeToString()
        return await self._rpc_pool.call("127.0.0.1", self.grpc_port, f"/seldon.protos.Seldon/{method}", body, **more)

    async def rpc_text(self, text: str = "", method: str = "Predict", **more: Any) -> str:
        """The text of the answer to a text."""
        answer = await self.rpc(method, prediction_pb2.SeldonMessage(strData=text), **more)
        return prediction_pb2.SeldonMessage.FromString(answer).strData

    async def close(self) -> None:
        await self._pool.close()
        await self._rpc_pool.close()


@asynccontextmanager
async def executor(made: Settings, annotations: Path = Path("/nonexistent")) -> AsyncIterator[Client]:
    """A running executor's client."""
    one = Executor(made, annotations_file=annotations)
    await one.start("127.0.0.1")
    client = Client(one.server.port, one.rpc_server.port)
    try:
        yield client
    finally:
        await client.close()
        await asyncio.wait_for(one.stop(), 10)


def decoded(answer: ClientResponse) -> Any:
    return json.loads(answer.body)
