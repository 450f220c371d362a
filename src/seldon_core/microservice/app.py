"""One microservice put together: component, API, metrics listener. Used by the program and by tests alike.

The port opens before the model is loaded, and answers 503 until it is: a probe sees the difference, and the process
can be asked.
"""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from seldon_core.transport.messages import Request, Response
from seldon_core.transport.server import HttpServer

from . import component, metadata, parameters
from .api import MicroserviceApi, document_response
from .calls import Calls
from .custom_metrics import CustomMetrics
from .errors import MicroserviceError, refusal
from .settings import Settings

_LOG = logging.getLogger(__name__)
_DRAIN_SECONDS = 30.0  # as gunicorn gave requests; the pod's own grace period ends sooner where that is shorter


class Microservice:
    """A user's class behind HTTP."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._api = MicroserviceApi()
        self._metrics = CustomMetrics(settings.identity)
        self._pool = ThreadPoolExecutor(settings.threads, "component")
        # Of its own, so that a model that blocks never keeps a probe waiting.
        self._health_pool = ThreadPoolExecutor(1, "health")
        self.server = HttpServer(self._api.handle, name="microservice", refusal=refusal)
        self.metrics_server = HttpServer(self._expose, name="metrics", refusal=refusal)

    async def start(self, host: str) -> None:
        """Listen on both ports of `host`, "" for all addresses. Raises OSError where one is taken."""
        await self.server.start(host, self._settings.http_port)
        await self.metrics_server.start(host, self._settings.metrics_port)
        _LOG.info("listening", extra={"port": self.server.port, "metrics_port": self.metrics_server.port})

    async def load(self) -> None:
        """Make and load the component in the thread that will run it, then serve it. Raises StartError."""
        settings = self._settings
        for option in settings.unused:
            _LOG.warning("option has no effect: one process serves all requests", extra={"option": option})
        loaded, described = await asyncio.get_running_loop().run_in_executor(self._pool, self._make)
        self._api.serve(Calls(loaded, settings, self._metrics, self._pool, self._health_pool), described)
        _LOG.info("model is loaded", extra={"component": loaded.name})

    def _make(self) -> tuple[component.Component, Response]:
        """The component and what /metadata answers. Wrong metadata must not keep a model from serving."""
        settings = self._settings
        arguments = parameters.parse(settings.parameters)
        made = component.make(component.find_class(settings.component, Path.cwd()), arguments)
        try:
            document = metadata.of_component(made, settings.identity, settings.model_metadata)
        except MicroserviceError as error:
            _LOG.warning("metadata is not served", extra={"info": error.info})
            return made, error.response()
        return made, document_response(document)

    async def let_leave(self, leave_seconds: float, move_seconds: float) -> None:
        """Serve on until no client is connected: for `leave_seconds`, then for `move_seconds` while telling them."""
        if not await self.server.wait_unused(leave_seconds):
            self.server.announce_close()
            await self.server.wait_unused(move_seconds)

    async def stop(self) -> None:
        """Finish what is in flight, then end."""
        await self.server.drain(_DRAIN_SECONDS)
        await self.metrics_server.drain(1)
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._health_pool.shutdown(wait=False, cancel_futures=True)

    def _expose(self, request: Request) -> Response:
        if request.path != self._settings.metrics_path:
            return Response(404, b"404 page not found\n", "text/plain; charset=utf-8")
        body, content_type = self._metrics.exposition()
        return Response(200, body, content_type)
