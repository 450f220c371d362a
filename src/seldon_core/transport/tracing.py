"""Spans of what a process is asked and asks, and their identity on the wire: traceparent and b3, in and out.

Everything here wraps: handlers, methods and pools work the same without it, and cost the same. This module imports
OpenTelemetry's packages (0.15 s and 17 MB at start; some 0.2 ms a request): nothing does without need.
"""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence

from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.propagators.b3 import B3MultiFormat, B3SingleFormat
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AnyValue

from seldon_core import __version__

from .calls import HttpCalls, Links, RpcCalls
from .client_connection import ClientResponse
from .messages import Handler, Request, Response
from .rpc import Metadata, RpcAnswer, RpcError, RpcHandler, RpcRequest
from .tracing_settings import TracingSettings

_LOG = logging.getLogger(__name__)
# b3 first: where a request carries both, the later one is believed.
_PROPAGATORS: Mapping[str, Callable[[], TextMapPropagator]] = {
    "b3multi": B3MultiFormat,
    "b3": B3SingleFormat,
    "tracecontext": TraceContextTextMapPropagator,
    "baggage": W3CBaggagePropagator,
}
_OF_PROBES = ("/ServerLive", "/ServerReady", "/ModelReady")


class Tracing:
    """The spans of one process. Exported by a thread of OpenTelemetry's, in batches; a full queue drops."""

    def __init__(self, settings: TracingSettings, attributes: Mapping[str, str]) -> None:
        named = {**attributes, **dict(settings.attributes), "service.name": settings.service}
        sampler = None if settings.share is None else ParentBased(TraceIdRatioBased(settings.share))
        self._provider = TracerProvider(sampler, Resource.create(named), shutdown_on_exit=False)
        exporter = OTLPSpanExporter(endpoint=settings.endpoint or None)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self.tracer = self._provider.get_tracer("seldon_core", __version__)
        wanted = settings.propagators
        self._propagator = CompositePropagator([make() for name, make in _PROPAGATORS.items() if name in wanted])
        self._fields = frozenset({"b3", *self._propagator.fields} if wanted else ())
        if settings.advice:
            _LOG.warning(settings.advice)
        _LOG.info("tracing is on", extra={"service": settings.service, "propagators": wanted})

    def handler(self, handler: Handler, name: Callable[[str], str]) -> Handler:
        """The same handler, with a span of each request. `name` is the span's, from a path; "" for none."""

        async def serve(request: Request, span_name: str) -> Response:
            attributes = {"http.request.method": request.method, "url.path": request.path}
            context = self._context((key.decode("latin-1"), value) for key, value in request.headers.raw)
            with self.tracer.start_as_current_span(
                span_name, context=context, kind=SpanKind.SERVER, attributes=attributes
            ) as span:
                result = handler(request)
                answer = result if isinstance(result, Response) else await result
                span.set_attribute("http.response.status_code", answer.status)
                if answer.status >= 500:
                    span.set_status(Status(StatusCode.ERROR))
                return answer

        def handle(request: Request) -> object:
            span_name = name(request.path)
            return serve(request, span_name) if span_name else handler(request)

        return handle  # type: ignore[return-value]  # what the handler itself gives, or a coroutine of an answer

    def methods(self, methods: Mapping[str, RpcHandler]) -> Mapping[str, RpcHandler]:
        """The same methods of gRPC, with a span of each call but those of probes."""
        return {name: one if name.endswith(_OF_PROBES) else self._method(name, one) for name, one in methods.items()}

    def _method(self, name: str, handler: RpcHandler) -> RpcHandler:
        async def serve(request: RpcRequest) -> RpcAnswer:
            with self.tracer.start_as_current_span(
                name.removeprefix("/"),
                context=self._context(request.metadata),
                kind=SpanKind.SERVER,
                attributes={"rpc.system": "grpc"},
            ) as span:
                try:
                    answer = await handler(request)
                except RpcError as error:
                    span.set_attribute("rpc.grpc.status_code", int(error.status))
                    raise
                span.set_attribute("rpc.grpc.status_code", 0)
                return answer

        return serve

    def links(self, links: Links) -> Links:
        """The same ways to other servers, with a span of each call, which carries its identity."""
        return _TracedHttp(self, links[0]), _TracedRpc(self, links[1])

    def _context(self, fields: Iterable[tuple[str, str | bytes]]) -> Context:
        """What a request says of the trace that it belongs to."""
        carrier = {}
        for name, value in fields:
            if (key := name.lower()) in self._fields:
                carrier[key] = value.decode("latin-1") if isinstance(value, bytes) else value
        return self._propagator.extract(carrier)

    def carried(self) -> dict[str, str]:
        """The current span's identity, as header fields."""
        carrier: dict[str, str] = {}
        self._propagator.inject(carrier)
        return carrier

    def is_identity(self, name: str) -> bool:
        """Whether a header field says to which trace a request belongs: the next hop gets another."""
        return name.lower() in self._fields

    async def close(self, deadline_seconds: float) -> None:
        """Export what waits. What is left at the deadline is dropped."""
        loop, done = asyncio.get_running_loop(), asyncio.Event()

        def end() -> None:
            self._provider.shutdown()
            with contextlib.suppress(RuntimeError):  # the deadline is over, and the loop closed
                loop.call_soon_threadsafe(done.set)

        # A daemon: a collector that hangs must not keep the process alive.
        threading.Thread(target=end, name="tracing-end", daemon=True).start()
        try:
            await asyncio.wait_for(done.wait(), deadline_seconds)
        except TimeoutError:
            _LOG.warning("spans dropped at the end: their collector does not answer")


class _TracedHttp:
    def __init__(self, tracing: Tracing, calls: HttpCalls) -> None:
        self._tracing = tracing
        self._calls = calls

    async def request(
        self,
        host: str,
        port: int,
        method: str,
        path: str,
        *,
        headers: Sequence[tuple[bytes, bytes]] = (),
        body: bytes = b"",
        timeout: float | None = None,  # noqa: ASYNC109 - as the pools have it
        repeatable: bool = True,
    ) -> ClientResponse:
        tracing = self._tracing
        attributes: dict[str, AnyValue] = {"http.request.method": method, "server.address": host, "server.port": port}
        with tracing.tracer.start_as_current_span(path, kind=SpanKind.CLIENT, attributes=attributes) as span:
            kept = [field for field in headers if not tracing.is_identity(field[0].decode("latin-1"))]
            kept += [(name.encode("latin-1"), value.encode("latin-1")) for name, value in tracing.carried().items()]
            answer = await self._calls.request(
                host, port, method, path, headers=kept, body=body, timeout=timeout, repeatable=repeatable
            )
            span.set_attribute("http.response.status_code", answer.status)
            if answer.status >= 400:
                span.set_status(Status(StatusCode.ERROR))
            return answer

    async def close(self) -> None:
        await self._calls.close()


class _TracedRpc:
    def __init__(self, tracing: Tracing, calls: RpcCalls) -> None:
        self._tracing = tracing
        self._calls = calls

    async def call(
        self,
        host: str,
        port: int,
        method: str,
        body: bytes,
        *,
        metadata: Metadata = (),
        timeout: float | None = None,  # noqa: ASYNC109 - as the pools have it
    ) -> bytes:
        tracing = self._tracing
        attributes: dict[str, AnyValue] = {"rpc.system": "grpc", "server.address": host, "server.port": port}
        with tracing.tracer.start_as_current_span(
            method.removeprefix("/"), kind=SpanKind.CLIENT, attributes=attributes
        ) as span:
            kept = [field for field in metadata if not tracing.is_identity(field[0])]
            told = (*kept, *tracing.carried().items())
            try:
                answer = await self._calls.call(host, port, method, body, metadata=told, timeout=timeout)
            except RpcError as error:
                span.set_attribute("rpc.grpc.status_code", int(error.status))
                raise
            span.set_attribute("rpc.grpc.status_code", 0)
            return answer

    async def close(self) -> None:
        await self._calls.close()
