"""Whether the graph can answer: every node is asked, children first.

v1.17.1 only dials each node's port. A server may accept connections long before its model is loaded, so a node is
asked for /health/status too, and one that answers 503 is not ready: that is what our own servers say while they load.
A node that answers anything else, or no HTTP in time, counts as ready, as it did with the dial alone: a user's own
container need not know the path. With full health checks each node must answer 200. Source: specification 3
(readiness).
"""

import logging

from seldon_core.transport.client import HttpPool
from seldon_core.transport.errors import CallError, ConnectError

from .nodes import Node, called

_LOG = logging.getLogger(__name__)
_CHECK_SECONDS = 2.0  # below a probe's usual period, so that checks of a hanging node do not pile up


class Readiness:
    """The answer to /ready."""

    def __init__(self, pool: HttpPool, root: Node, *, full: bool) -> None:
        self._pool = pool
        self._nodes = called(root)
        self._path = "/api/v1.0/health/status" if full else "/health/status"
        self._full = full
        self._last: str | None = "not asked yet"

    async def ready(self) -> bool:
        """Whether every node can answer. The reason is logged when it changes."""
        reason = None
        for node in self._nodes:
            reason = await self._trouble(node)
            if reason is not None:
                break
        if reason != self._last:
            _LOG.info("graph is ready" if reason is None else "graph is not ready", extra={"reason": reason})
            self._last = reason
        return reason is None

    async def _trouble(self, node: Node) -> str | None:
        try:
            answer = await self._pool.request(node.host, node.port, "GET", self._path, timeout=_CHECK_SECONDS)
        except ConnectError as error:
            return f"{node.name}: {error}"
        except CallError as error:
            return f"{node.name}: {error}" if self._full else None
        if answer.status == 503 or (self._full and answer.status != 200):
            return f"{node.name}: {self._path} answered {answer.status}"
        return None
