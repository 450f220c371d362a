"""A node that does what a test says, and an executor in front of some of them, all on loopback."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from seldon_core.executor.app import Executor
from seldon_core.executor.settings import Settings, parse
from seldon_core.transport.client import ClientResponse, HttpPool
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
    arguments = ["--sdep", "m", "--namespace", "ns", "--predictor", "p", "--http_port", "0", *flags]
    return parse(arguments, {"ENGINE_PREDICTOR": encoded(graph, **more), **(env or {})})


class Client:
    """Asks one executor."""

    def __init__(self, port: int) -> None:
        self._pool = HttpPool()
        self.port = port

    async def ask(self, method: str, path: str, body: bytes = b"", **fields: str) -> ClientResponse:
        headers = tuple((name.replace("_", "-").encode(), value.encode()) for name, value in fields.items())
        return await self._pool.request("127.0.0.1", self.port, method, path, headers=headers, body=body)

    async def predict(self, document: Any, **fields: str) -> ClientResponse:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        return await self.ask("POST", "/api/v1.0/predictions", body, Content_Type="application/json", **fields)

    async def close(self) -> None:
        await self._pool.close()


@asynccontextmanager
async def executor(made: Settings, annotations: Path = Path("/nonexistent")) -> AsyncIterator[Client]:
    """A running executor's client."""
    one = Executor(made, annotations_file=annotations)
    await one.start("127.0.0.1")
    client = Client(one.server.port)
    try:
        yield client
    finally:
        await client.close()
        await asyncio.wait_for(one.stop(), 10)


def decoded(answer: ClientResponse) -> Any:
    return json.loads(answer.body)
