"""One microservice put together: component, APIs, metrics listener. Used by the program and by tests alike.

REST and gRPC, the Seldon protocol and v2 are served by one process, whatever the predictor's protocol.

The port opens before the model is loaded, and answers 503 until it is: a probe sees the difference, and the process
can be asked.
"""

import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from seldon_core.executor import podinfo
from seldon_core.transport.messages import Request, Response
from seldon_core.transport.rpc_server import RpcServer
from seldon_core.transport.server import HttpServer

from . import component, metadata, parameters
from .api import MicroserviceApi, document_response
from .calls import Calls
from .custom_metrics import CustomMetrics
from .errors import MicroserviceError, refusal
from .grpc_api import MicroserviceRpc
from .infer_api import InferApi
from .infer_calls import InferCalls
from .infer_rpc import InferRpc
from .settings import Settings

_LOG = logging.getLogger(__name__)
_GRPC_BYTES = 4 * 1024 * 1024  # of one message, where the annotation says nothing else; as v1.17.1
_DRAIN_SECONDS = 30.0  # as gunicorn gave requests; the pod's own grace period ends sooner where that is shorter


class Microservice:
    """A user's class behind HTTP and gRPC."""

    def __init__(self, settings: Settings, *, annotations_file: Path = podinfo.ANNOTATIONS_FILE) -> None:
        self._settings = settings
        self._rpc = MicroserviceRpc()
        self._infer_rpc = InferRpc(self._rpc.ready)
        self._infer_api = InferApi(self._rpc.ready)
        self._api = MicroserviceApi(self._infer_api.handle)
        self._metrics = CustomMetrics(settings.identity)
        self._pool = ThreadPoolExecutor(settings.threads, "component")
        # Of its own, so that a model that blocks never keeps a probe waiting.
        self._health_pool = ThreadPoolExecutor(1, "health")
        self.server = HttpServer(self._api.handle, name="microservice", refusal=refusal)
        self.metrics_server = HttpServer(self._expose, name="metrics", refusal=refusal)
        max_bytes = podinfo.grpc_max_message_size(podinfo.annotations(annotations_file), _GRPC_BYTES)
        methods = {**self._rpc.methods, **self._infer_rpc.methods}
        self.rpc_server = RpcServer(methods, ready=self._rpc.ready, max_bytes=max_bytes, name="microservice")

    async def start(self, host: str) -> None:
        """Listen on all ports of `host`, "" for all addresses. Raises OSError where one is taken."""
        await self.server.start(host, self._settings.http_port)
        await self.rpc_server.start(host, self._settings.grpc_port)
        await self.metrics_server.start(host, self._settings.metrics_port)
        ports = {"port": self.server.port, "grpc_port": self.rpc_server.port, "metrics_port": self.metrics_server.port}
        _LOG.info("listening", extra=ports)

    async def load(self) -> None:
        """Make and load the component in the thread that will run it, then serve it. Raises StartError."""
        settings = self._settings
        for option in settings.unused:
            _LOG.warning("option has no effect: one process serves all requests", extra={"option": option})
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
        if loaded.custom_service is not None:
            # A thread: the service sees the loaded model, which v1.17.1's process of its own had twice in memory. It
            # never keeps this process from ending.
            threading.Thread(target=_run_beside, args=(loaded.custom_service,), name="custom", daemon=True).start()

    def _make(self, loop: asyncio.AbstractEventLoop) -> tuple[component.Component, dict[str, Any] | MicroserviceError]:
        """The component and its metadata. Wrong metadata must not keep a model from serving."""
        settings = self._settings
        arguments = parameters.parse(settings.parameters)
        user_class = component.find_class(settings.component, Path.cwd())
        made = component.make(
            user_class, arguments, lambda loading: asyncio.run_coroutine_threadsafe(loading, loop).result()
        )
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
        http, _ = await asyncio.gather(
            self.server.wait_unused(leave_seconds), self.rpc_server.wait_unused(leave_seconds)
        )
        if not http:
            self.server.announce_close()
            await self.server.wait_unused(move_seconds)

    async def stop(self) -> None:
        """Finish what is in flight, then end."""
        await asyncio.gather(self.server.drain(_DRAIN_SECONDS), self.rpc_server.drain(_DRAIN_SECONDS))
        await self.metrics_server.drain(1)
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._health_pool.shutdown(wait=False, cancel_futures=True)

    def _expose(self, request: Request) -> Response:
        if request.path != self._settings.metrics_path:
            return Response(404, b"404 page not found\n", "text/plain; charset=utf-8")
        body, content_type = self._metrics.exposition()
        return Response(200, body, content_type)


def _run_beside(service: Callable[[], Any]) -> None:
    """A component's own service, until it ends. Its end is its own affair: predictions go on."""
    try:
        service()
        _LOG.warning("custom_service has ended")
    except (Exception, SystemExit):  # noqa: BLE001 - a user's code may raise anything
        _LOG.exception("custom_service failed")
