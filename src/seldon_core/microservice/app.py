"""One microservice put together: component, APIs, metrics listener. Used by the program and by tests alike.

REST and gRPC, the Seldon protocol and v2 are served by one process, whatever the predictor's protocol.

The port opens before the model is loaded, and answers 503 until it is: a probe sees the difference, and the process
can be asked.
"""

import asyncio
import logging
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from seldon_core.executor import podinfo
from seldon_core.executor.app import Executor
from seldon_core.executor.settings import SettingsError
from seldon_core.transport.messages import Limits, Request, Response
from seldon_core.transport.rpc_server import RpcServer
from seldon_core.transport.server import HttpServer
from seldon_core.transport.tls import server_context

from . import component, cors, embedded, metadata, parameters
from .api import MicroserviceApi, document_response
from .calls import Calls
from .crew import Crew
from .custom_metrics import CONTENT_TYPE, CustomMetrics
from .errors import MicroserviceError, StartError, refusal
from .grpc_api import MicroserviceRpc
from .infer_api import InferApi
from .infer_calls import InferCalls
from .infer_rpc import InferRpc
from .settings import Settings
from .spans import Spans

_LOG = logging.getLogger(__name__)
_GRPC_BYTES = 4 * 1024 * 1024  # of one message, where the annotation says nothing else; as v1.17.1
_DRAIN_SECONDS = 30.0  # as gunicorn gave requests; the pod's own grace period ends sooner where that is shorter


class Microservice:
    """A user's class behind HTTP and gRPC. `crew` is this process's place among several."""

    def __init__(
        self, settings: Settings, *, annotations_file: Path = podinfo.ANNOTATIONS_FILE, crew: Crew | None = None
    ) -> None:
        self._settings = settings
        self._crew = crew
        self._siblings = crew.siblings(self._own_metrics) if crew is not None else None
        self._rpc = MicroserviceRpc()
        self._infer_rpc = InferRpc(self._rpc.ready)
        self._infer_api = InferApi(self._rpc.ready)
        self._api = MicroserviceApi(self._infer_api.handle, passthrough=settings.passthrough)
        self._metrics = CustomMetrics(settings.identity)
        self._pool = ThreadPoolExecutor(settings.threads, "component")
        # Of its own, so that a model that blocks never keeps a probe waiting.
        self._health_pool = ThreadPoolExecutor(1, "health")
        self._spans = Spans(settings.tracing, settings.identity)
        handler = self._spans.handler(self._api.handle)
        if crew is not None:
            handler = crew.handler(handler)
        limits = Limits(keep_alive_seconds=settings.workers.keep_alive_seconds)
        self.server = HttpServer(handler, limits=limits, name="microservice", refusal=refusal)
        self.metrics_server = HttpServer(self._expose, name="metrics", refusal=refusal)
        max_bytes = podinfo.grpc_max_message_size(podinfo.annotations(annotations_file), _GRPC_BYTES)
        methods = self._spans.methods({**self._rpc.methods, **self._infer_rpc.methods})
        if crew is not None:
            methods = crew.methods(methods)
        self.rpc_server = RpcServer(methods, ready=self._rpc.ready, max_bytes=max_bytes, name="microservice")
        self.executor: Executor | None = None
        """Where this process is its own orchestrator."""
        if settings.executor:
            links = embedded.links(handler, methods, self._rpc.ready)
            self.executor = embedded.executor(settings.executor, links, annotations_file)

    async def start(self, host: str) -> None:
        """Listen on all ports of `host`, "" for all addresses. Raises OSError, StartError where one is taken."""
        folder = self._settings.cert_folder
        certificates = (_certificate(folder), _certificate(folder)) if folder else (None, None)
        await self.server.start(host, self._settings.http_port, certificates[0])
        await self.rpc_server.start(host, self._settings.grpc_port, certificates[1])
        await self.metrics_server.start(host, self._settings.metrics_port)
        if self.executor is not None:
            try:
                await self.executor.start(host)
            except SettingsError as error:
                raise StartError(f"The orchestrator in this server: {error}") from error
        if self._siblings is not None:
            await self._siblings.start()
        ports = {"port": self.server.port, "grpc_port": self.rpc_server.port, "metrics_port": self.metrics_server.port}
        _LOG.info("listening", extra=ports)

    async def load(self) -> None:
        """Make and load the component in the thread that will run it, then serve it. Raises StartError."""
        settings = self._settings
        for option in settings.unused:
            _LOG.warning("option has no effect", extra={"option": option})
        loop = asyncio.get_running_loop()
        loaded, described = await loop.run_in_executor(self._pool, self._make, loop)
        calls = Calls(loaded, settings, self._metrics, self._pool, self._health_pool)
        self._rpc.serve(calls, described)
        document = metadata.UNKNOWN if isinstance(described, MicroserviceError) else described
        infer_calls = InferCalls(loaded, calls, self._pool, settings.identity.unit, document)
        self._infer_rpc.serve(infer_calls)
        self._infer_api.serve(infer_calls)
        shown = described.response() if isinstance(described, MicroserviceError) else document_response(described)
        self._api.serve(calls, shown)
        _LOG.info("model is loaded", extra={"component": loaded.name})
        if loaded.custom_service is not None and self._crew is None:
            # A thread: the service sees the loaded model, which v1.17.1's process of its own had twice in memory. It
            # never keeps this process from ending.
            threading.Thread(target=_run_beside, args=(loaded.custom_service,), name="custom", daemon=True).start()

    def _make(self, loop: asyncio.AbstractEventLoop) -> tuple[component.Component, dict[str, Any] | MicroserviceError]:
        """The component and its metadata. Wrong metadata must not keep a model from serving."""
        settings = self._settings

        def wait(loading: Any) -> Any:
            return asyncio.run_coroutine_threadsafe(loading, loop).result()

        if self._crew is not None:
            made = self._crew.component(wait)
        else:
            arguments = parameters.parse(settings.parameters)
            made = component.make(component.find_class(settings.component, Path.cwd()), arguments, wait)
        try:
            document = metadata.of_component(made, settings.identity, settings.model_metadata)
        except MicroserviceError as error:
            _LOG.warning("metadata is not served", extra={"info": error.info})
            return made, error
        return made, document

    async def let_leave(self, leave_seconds: float, move_seconds: float) -> None:
        """Serve on until no client is connected: for `leave_seconds`, then for `move_seconds` while telling them.

        gRPC's clients are told when the server ends, and are known by their calls until then.
        """
        if self.executor is not None:
            await self._let_leave_from_all(leave_seconds + move_seconds)
            return
        http, _ = await asyncio.gather(
            self.server.wait_unused(leave_seconds), self.rpc_server.wait_unused(leave_seconds)
        )
        if not http:
            self.server.announce_close()
            await self.server.wait_unused(move_seconds)

    async def _let_leave_from_all(self, seconds: float) -> None:
        """No executor beside this process may have a next step to ask for: whoever is connected is told at once."""
        one = self.executor
        if one is None:
            return
        for server in (self.server, one.server):
            server.announce_close()
        servers = (self.server, one.server, self.rpc_server, one.rpc_server)
        await asyncio.gather(*(server.wait_unused(seconds) for server in servers))

    async def stop(self) -> None:
        """Finish what is in flight, then end."""
        servers = [self.server.drain(_DRAIN_SECONDS), self.rpc_server.drain(_DRAIN_SECONDS)]
        await asyncio.gather(*servers, *([self.executor.stop()] if self.executor is not None else []))
        await self.metrics_server.drain(1)
        if self._siblings is not None:
            await self._siblings.stop()
        await self._spans.close()
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._health_pool.shutdown(wait=False, cancel_futures=True)

    async def _expose(self, request: Request) -> Response:
        if request.path != self._settings.metrics_path:
            return Response(404, b"404 page not found\n", "text/plain; charset=utf-8")
        body = await self._siblings.gathered() if self._siblings is not None else self._own_metrics()
        return Response(200, body, CONTENT_TYPE, common=cors.ANYBODY)

    def _own_metrics(self) -> bytes:
        """Of this process."""
        body = self._metrics.exposition()[0]
        if self.executor is not None:  # the pod's only port of the name `metrics`
            body += self.executor.metrics.exposition()[0]
        return body


def _certificate(folder: str) -> ssl.SSLContext:
    try:
        return server_context(folder)
    except OSError as error:
        raise StartError(
            f"SELDON_CERT_MOUNT_PATH: no certificate can be read from tls.crt and tls.key in {folder} ({error})."
        ) from error


def _run_beside(service: Callable[[], Any]) -> None:
    """A component's own service, until it ends. Its end is its own affair: predictions go on."""
    try:
        service()
        _LOG.warning("custom_service has ended")
    except (Exception, SystemExit):  # noqa: BLE001 - a user's code may raise anything
        _LOG.exception("custom_service failed")
