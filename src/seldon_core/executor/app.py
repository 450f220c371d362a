"""One executor put together: predictor, nodes, API, listener. Used by the program and by tests alike."""

import logging
import ssl
from pathlib import Path

from seldon_core.transport.client import HttpPool
from seldon_core.transport.messages import Limits
from seldon_core.transport.server import HttpServer

from . import nodes as graph_nodes
from . import podinfo, predictor
from .api import ExecutorApi, failure
from .health import Readiness
from .metrics import ExecutorMetrics
from .rest import RestNodes
from .settings import Settings, SettingsError

_LOG = logging.getLogger(__name__)


class Executor:
    """Raises PredictorError, SettingsError when made from what it cannot serve."""

    def __init__(self, settings: Settings, *, annotations_file: Path = podinfo.ANNOTATIONS_FILE) -> None:
        self._settings = settings
        spec = predictor.decode(settings.engine_predictor)
        predictor.check(spec, settings)
        self._ssl = _tls(settings.cert_folder)
        self._pool = HttpPool()
        root = graph_nodes.build(spec)
        # v1.17.1 reads the version from an annotation that nothing sets; the label is where the operator puts it.
        version = spec.annotations.get("version") or spec.labels.get("version", "")
        metrics = ExecutorMetrics(settings.deployment, settings.predictor, version)
        timeout = podinfo.rest_timeout(podinfo.annotations(annotations_file))
        self._readiness = Readiness(root, full=settings.full_health_checks)
        api = ExecutorApi(root, RestNodes(self._pool, metrics, timeout), self._readiness, metrics, settings)
        limits = Limits(max_body_bytes=settings.max_body_bytes)
        self.server = HttpServer(api.handle, limits=limits, name="executor", refusal=failure)

    async def start(self, host: str) -> None:
        """Listen on `host`, "" for all addresses. Raises OSError where the port is taken."""
        await self.server.start(host, self._settings.http_port, ssl=self._ssl)
        _LOG.info("listening", extra={"port": self.server.port, "tls": self._ssl is not None})

    async def stop(self) -> None:
        """Finish what is in flight, then end."""
        await self.server.drain(self._settings.graceful_timeout)
        await self._pool.close()
        await self._readiness.close()


def _tls(folder: str) -> ssl.SSLContext | None:
    if not folder:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(Path(folder) / "tls.crt", Path(folder) / "tls.key")
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(
            f"SELDON_CERT_MOUNT_PATH: no certificate can be read from tls.crt and tls.key in {folder} ({error})."
        ) from error
    return context
