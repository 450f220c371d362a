"""One executor put together: predictor, nodes, APIs, listeners. Used by the program and by tests alike.

REST and gRPC are both served, whatever the predictor's transport: a request goes on to the nodes the way it came, on
their HTTP or their gRPC port. Source: specification 3.
"""

import asyncio
import logging
import ssl
from pathlib import Path

from seldon_core.transport.client import HttpPool
from seldon_core.transport.messages import Limits
from seldon_core.transport.rpc import UNLIMITED
from seldon_core.transport.rpc_client import RpcPool
from seldon_core.transport.rpc_server import Certificate, RpcServer
from seldon_core.transport.server import HttpServer

from . import grpc_seldon, grpc_tensorflow, grpc_v2, paths, podinfo, predictor
from . import nodes as graph_nodes
from .api import ExecutorApi, failure
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

_LOG = logging.getLogger(__name__)


class Executor:
    """Raises PredictorError, SettingsError when made from what it cannot serve."""

    def __init__(self, settings: Settings, *, annotations_file: Path = podinfo.ANNOTATIONS_FILE) -> None:
        self._settings = settings
        spec = predictor.decode(settings.engine_predictor)
        predictor.check(spec, settings)
        self._ssl, self._certificate = _tls(settings.cert_folder)
        annotations = podinfo.annotations(annotations_file)
        root = graph_nodes.build(spec)
        # v1.17.1 reads the version from an annotation that nothing sets; the label is where the operator puts it.
        version = spec.annotations.get("version") or spec.labels.get("version", "")
        metrics = ExecutorMetrics(settings.deployment, settings.predictor, version)
        # TensorFlow Serving has no path of health: there an open port is all that can be known, as in v1.17.1.
        full = settings.full_health_checks and settings.protocol != "tensorflow"
        self._readiness = Readiness(root, full=full, v2=settings.protocol == "v2")
        self._pool = HttpPool()
        rest_paths = {"v2": paths.v2, "tensorflow": paths.tensorflow}.get(settings.protocol, paths.seldon)
        nodes = RestNodes(self._pool, metrics, podinfo.timeout(annotations, podinfo.REST_TIMEOUT), rest_paths)
        api = ExecutorApi(root, nodes, self._readiness, metrics, settings)
        limits = Limits(max_body_bytes=settings.max_body_bytes)
        self.server = HttpServer(api.handle, limits=limits, name="executor", refusal=failure)
        max_bytes = podinfo.grpc_max_message_size(annotations, UNLIMITED)
        self._rpc_pool = RpcPool(max_bytes=max_bytes)
        timeout = podinfo.timeout(annotations, podinfo.GRPC_TIMEOUT)
        rpc = self._rpc(root, GrpcNodes(self._rpc_pool, metrics, timeout, grpc_seldon.METHODS), metrics)
        self.rpc_server = RpcServer(rpc.methods, ready=self._readiness.ready, max_bytes=max_bytes, name="executor")

    def _rpc(self, root: Node, nodes: GrpcNodes, metrics: ExecutorMetrics) -> ExecutorRpc:
        """The predictor's protocol."""
        settings = self._settings
        if settings.protocol == "v2":
            return V2Rpc(root, nodes.with_methods(grpc_v2.METHODS), metrics, settings, self._readiness)
        if settings.protocol == "tensorflow":
            return TensorflowRpc(root, nodes.with_methods(grpc_tensorflow.METHODS), metrics, settings)
        return SeldonRpc(root, nodes, metrics, settings)

    async def start(self, host: str) -> None:
        """Listen on both ports of `host`, "" for all addresses. Raises SettingsError where one is taken."""
        settings = self._settings
        try:
            port = settings.http_port
            await self.server.start(host, port, ssl=self._ssl)
            port = settings.grpc_port
            await self.rpc_server.start(host, port, self._certificate)
        except OSError as error:
            raise SettingsError(f"Port {port} cannot be listened on: {error.strerror or error}.") from error
        _LOG.info(
            "listening",
            extra={"port": self.server.port, "grpc_port": self.rpc_server.port, "tls": self._ssl is not None},
        )

    async def stop(self) -> None:
        """Finish what is in flight, then end."""
        deadline = self._settings.graceful_timeout
        await asyncio.gather(self.server.drain(deadline), self.rpc_server.drain(deadline))
        await self._pool.close()
        await self._rpc_pool.close()
        await self._readiness.close()


def _tls(folder: str) -> tuple[ssl.SSLContext | None, Certificate | None]:
    """The certificate in the forms of both servers."""
    if not folder:
        return None, None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    chain, key = Path(folder) / "tls.crt", Path(folder) / "tls.key"
    try:
        context.load_cert_chain(chain, key)
        return context, (key.read_bytes(), chain.read_bytes())
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(
            f"SELDON_CERT_MOUNT_PATH: no certificate can be read from tls.crt and tls.key in {folder} ({error})."
        ) from error
