"""One executor put together: predictor, nodes, APIs, listeners. Used by the program and by tests alike.

REST and gRPC are both served, whatever the predictor's transport: a request goes on to the nodes the way it came, on
their HTTP or their gRPC port. Source: specification 3.
"""

import asyncio
import logging
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from seldon_core.transport import tracing_settings
from seldon_core.transport.calls import Inside, Links
from seldon_core.transport.client import HttpPool
from seldon_core.transport.messages import Limits
from seldon_core.transport.rpc import UNLIMITED
from seldon_core.transport.rpc_client import RpcPool
from seldon_core.transport.rpc_server import RpcServer
from seldon_core.transport.server import HttpServer
from seldon_core.transport.tls import server_context

from . import direct, grpc_seldon, grpc_tensorflow, grpc_v2, paths, podinfo, predictor, request_log
from . import nodes as graph_nodes
from .api import ExecutorApi
from .failures import failure
from .grpc_api import ExecutorRpc
from .grpc_nodes import GrpcNodes
from .grpc_seldon import SeldonRpc
from .grpc_tensorflow import TensorflowRpc
from .grpc_v2 import V2Rpc
from .health import Readiness
from .metrics import ExecutorMetrics
from .nodes import Node
from .rest import RestNodes
from .settings import Settings, SettingsError

if TYPE_CHECKING:
    from seldon_core.transport.tracing import Tracing  # with all of OpenTelemetry: not without need

_LOG = logging.getLogger(__name__)
_SPANS_SECONDS = 2.0  # for the last spans to be exported
_LEAST_LOG_SECONDS = 1.0  # for what is logged to be sent, where requests used up the time for the end


class Executor:
    """Raises PredictorError, SettingsError when made from what it cannot serve."""

    def __init__(
        self, settings: Settings, *, annotations_file: Path = podinfo.ANNOTATIONS_FILE, links: Links | None = None
    ) -> None:
        """`links` lead to the nodes; without them these are called over connections."""
        self._settings = settings
        spec = predictor.decode(settings.engine_predictor)
        predictor.check(spec, settings)
        self._ssl, self._rpc_ssl = _tls(settings.cert_folder), _tls(settings.cert_folder)
        annotations = podinfo.annotations(annotations_file)
        root = graph_nodes.build(spec, log_url=settings.log_endpoint)
        # v1.17.1 reads the version from an annotation that nothing sets; the label is where the operator puts it.
        version = spec.annotations.get("version") or spec.labels.get("version", "")
        self.metrics = metrics = ExecutorMetrics(settings.deployment, settings.predictor, version)
        self._log = request_log.of_graph(root, settings, metrics)
        # TensorFlow Serving has no path of health: there an open port is all that can be known, as in v1.17.1.
        full = settings.full_health_checks and settings.protocol != "tensorflow"
        self._readiness = Readiness(root, full=full, v2=settings.protocol == "v2", links=links)
        max_bytes = podinfo.grpc_max_message_size(annotations, UNLIMITED)
        calls: Links = links or (HttpPool(), RpcPool(max_bytes=max_bytes))
        self._tracing = _tracing(settings)
        self._pool, self._rpc_pool = calls if self._tracing is None else self._tracing.links(calls)
        rest_paths = {"v2": paths.v2, "tensorflow": paths.tensorflow}.get(settings.protocol, paths.seldon)
        rest_timeout = podinfo.timeout(annotations, podinfo.REST_TIMEOUT)
        nodes = RestNodes(self._pool, metrics, rest_timeout, rest_paths)
        here = self._pool if isinstance(self._pool, (Inside, HttpPool)) and rest_timeout is None else None
        inside = None if here is None else (here, rest_paths)
        api = ExecutorApi(root, nodes, self._readiness, metrics, settings, log=self._log, inside=inside)
        limits = Limits(max_body_bytes=settings.max_body_bytes)
        handler = api.handle if self._tracing is None else self._tracing.handler(api.handle, api.service)
        self.server = HttpServer(handler, limits=limits, name="executor", refusal=failure)
        timeout = podinfo.timeout(annotations, podinfo.GRPC_TIMEOUT)
        rpc = self._rpc(
            root,
            GrpcNodes(self._rpc_pool, metrics, timeout, grpc_seldon.METHODS),
            metrics,
            self._kept(root, timeout),
        )
        methods = rpc.methods if self._tracing is None else self._tracing.methods(rpc.methods)
        self.rpc_server = RpcServer(methods, ready=self._readiness.ready, max_bytes=max_bytes, name="executor")

    def _kept(self, root: Node, timeout: float | None) -> RpcPool | None:
        """Connections to the only node, where nothing but asking it is to be done."""
        alone = direct.is_possible(root) and timeout is None and not self._settings.inject_routing
        return self._rpc_pool if alone and isinstance(self._rpc_pool, RpcPool) else None

    def _rpc(self, root: Node, nodes: GrpcNodes, metrics: ExecutorMetrics, kept: RpcPool | None) -> ExecutorRpc:
        """The predictor's protocol."""
        settings = self._settings
        if settings.protocol == "v2":
            v2 = nodes.with_methods(grpc_v2.METHODS)
            return V2Rpc(root, v2, metrics, settings, self._readiness, log=self._log, kept=kept)
        if settings.protocol == "tensorflow":
            return TensorflowRpc(root, nodes.with_methods(grpc_tensorflow.METHODS), metrics, settings, log=self._log)
        return SeldonRpc(root, nodes, metrics, settings, log=self._log, kept=kept)

    async def start(self, host: str) -> None:
        """Listen on both ports of `host`, "" for all addresses. Raises SettingsError where one is taken."""
        settings = self._settings
        try:
            port = settings.http_port
            await self.server.start(host, port, ssl=self._ssl)
            port = settings.grpc_port
            await self.rpc_server.start(host, port, self._rpc_ssl)
        except OSError as error:
            raise SettingsError(f"Port {port} cannot be listened on: {error.strerror or error}.") from error
        _LOG.info(
            "listening",
            extra={"port": self.server.port, "grpc_port": self.rpc_server.port, "tls": self._ssl is not None},
        )

    async def stop(self) -> None:
        """Finish what is in flight, then end."""
        deadline = self._settings.graceful_timeout
        end = asyncio.get_running_loop().time() + deadline
        await asyncio.gather(self.server.drain(deadline), self.rpc_server.drain(deadline))
        left = max(end - asyncio.get_running_loop().time(), _LEAST_LOG_SECONDS)
        if self._log is not None:
            await self._log.drain(left)
        if self._tracing is not None:
            await self._tracing.close(_SPANS_SECONDS)
        await self._pool.close()
        await self._rpc_pool.close()
        await self._readiness.close()


def _tracing(settings: Settings) -> "Tracing | None":
    attributes = {
        "seldon.deployment": settings.deployment,
        "seldon.predictor": settings.predictor,
        "k8s.namespace.name": settings.namespace,
    }
    try:
        return tracing_settings.begin(settings.tracing, attributes)
    except ValueError as error:
        raise SettingsError(str(error)) from error


def _tls(folder: str) -> ssl.SSLContext | None:
    """The certificate, for one server: each says for itself which protocol it speaks."""
    if not folder:
        return None
    try:
        return server_context(folder)
    except OSError as error:
        raise SettingsError(
            f"SELDON_CERT_MOUNT_PATH: no certificate can be read from tls.crt and tls.key in {folder} ({error})."
        ) from error
