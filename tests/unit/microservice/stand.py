"""A microservice on loopback, around a class that a test defines."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from seldon_core.microservice import component
from seldon_core.microservice.app import Microservice
from seldon_core.microservice.settings import Identity, Settings
from seldon_core.transport.client import ClientResponse, HttpPool
from seldon_core.transport.rpc_client import RpcPool

TRANSCRIPTS = Path(__file__).resolve().parents[4] / "shared" / "spec" / "transcripts"
IDENTITY = Identity(
    unit="classifier", image="repo/img:1.0", deployment="sd", predictor="default", predictor_version="v9"
)


class Client:
    """Asks one microservice."""

    def __init__(self, service: Microservice) -> None:
        self._pool = HttpPool()
        self._rpc_pool = RpcPool()
        self.service = service
        self.grpc_port = service.rpc_server.port
        self.port = service.server.port
        self.metrics_port = service.metrics_server.port

    async def ask(self, method: str, path: str, body: bytes = b"", content_type: str = "") -> ClientResponse:
        headers = ((b"Content-Type", content_type.encode()),) if content_type else ()
        return await self._pool.request("127.0.0.1", self.port, method, path, headers=headers, body=body)

    async def post(self, path: str, document: Any) -> ClientResponse:
        return await self.ask("POST", path, json.dumps(document).encode(), "application/json")

    async def predict(self, document: Any) -> Any:
        """The answer's document."""
        return json.loads((await self.post("/predict", document)).body)

    async def metrics(self, path: str = "/metrics") -> str:
        return (await self._pool.request("127.0.0.1", self.metrics_port, "GET", path)).body.decode()

    async def rpc(self, method: str, message: Any = b"") -> bytes:
        """A method, without the package of the Seldon protocol."""
        body = message if isinstance(message, bytes) else message.SerializeToString()
        return await self._rpc_pool.call("127.0.0.1", self.grpc_port, f"/seldon.protos.{method}", body)

    async def health(self) -> bytes:
        """The answer to grpc.health.v1."""
        return await self._rpc_pool.call("127.0.0.1", self.grpc_port, "/grpc.health.v1.Health/Check", b"")

    async def close(self) -> None:
        await self._pool.close()
        await self._rpc_pool.close()


@asynccontextmanager
async def running(made: Settings, *, load: bool = True) -> AsyncIterator[tuple[Client, Microservice]]:
    service = Microservice(made)
    await service.start("127.0.0.1")
    client = Client(service)
    try:
        if load:
            await service.load()
        yield client, service
    finally:
        await client.close()
        await service.stop()


def settings(name: str = "seldon_core.servers.sklearn.SKLearnServer", **more: Any) -> Settings:
    return Settings(component=name, **{"http_port": 0, "grpc_port": 0, "metrics_port": 0, "identity": IDENTITY, **more})


@asynccontextmanager
async def serving(user_class: type, **more: Any) -> AsyncIterator[Client]:
    """A microservice around this very class."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(component, "find_class", lambda *_: user_class)
        async with running(settings(user_class.__name__, **more)) as (client, _):
            yield client
