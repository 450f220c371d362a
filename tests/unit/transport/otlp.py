"""A collector of spans on loopback: takes OTLP over HTTP, and reads its protobuf."""

import asyncio
from typing import Any

import msgspec
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from seldon_core.transport.server import HttpServer, Request, Response


class Span(msgspec.Struct, frozen=True):
    service: str
    name: str
    kind: str
    trace: str
    span: str
    parent: str
    failed: bool
    attributes: dict[str, Any]


class Receiver:
    """`spans` are all that came, in order."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.resources: list[dict[str, Any]] = []
        self._more = asyncio.Event()
        self.server = HttpServer(self._take, name="otlp")

    def _take(self, request: Request) -> Response:
        assert (request.method, request.path) == ("POST", "/v1/traces")
        assert request.headers.get("content-type") == "application/x-protobuf"
        for resource in ExportTraceServiceRequest.FromString(request.body).resource_spans:
            told = _attributes(resource.resource.attributes)
            self.resources.append(told)
            for scope in resource.scope_spans:
                self.spans += [_span(told["service.name"], one) for one in scope.spans]
        self._more.set()
        return Response(200, b"", "application/x-protobuf")

    async def start(self) -> "Receiver":
        await self.server.start("127.0.0.1", 0)
        return self

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    async def wait(self, number: int) -> list[Span]:
        async with asyncio.timeout(10):
            while len(self.spans) < number:
                self._more.clear()
                await self._more.wait()
        return self.spans


def _span(service: str, one: Any) -> Span:
    return Span(
        service,
        one.name,
        {2: "server", 3: "client"}[one.kind],
        one.trace_id.hex(),
        one.span_id.hex(),
        one.parent_span_id.hex(),
        one.status.code == 2,
        _attributes(one.attributes),
    )


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}
