"""Whether the graph can answer: every node is asked, all at once.

v1.17.1 only dials each node's port. A server may accept connections long before its model is loaded, so a node is
asked for /health/status too, and one that answers 503 is not ready: that is what our own servers say while they load.
A node that answers anything else counts as ready, as it did with the dial alone: a user's own container need not know
the path. One that does not answer in time is busy where it answered before, and stays ready, so that load alone takes
no pod out of service; where it never did, it is still starting. With full health checks each node must answer 200.
Source: specification 3 (readiness).
"""

import asyncio
import logging

from seldon_core.transport.client import ClientLimits, HttpPool
from seldon_core.transport.errors import CallError, CallTimeoutError, ConnectError

from .nodes import Node, called

_LOG = logging.getLogger(__name__)
_CHECK_SECONDS = 2.0  # below a probe's time-out (5 s), so that checks of a hanging node do not pile up
_DIAL_SECONDS = 1.0  # below the check's: a host that is gone must not look like a server that is busy


class Readiness:
    """The answer to /ready. Its connections are its own: checks neither take those of requests nor wait for them."""

    def __init__(self, root: Node, *, full: bool, dial_seconds: float = _DIAL_SECONDS) -> None:
        self._pool = HttpPool(limits=ClientLimits(connect_seconds=dial_seconds))
        self._nodes = called(root)
        self._path = "/api/v1.0/health/status" if full else "/health/status"
        self._full = full
        self._answered: set[str] = set()
        """Names of the nodes that have answered since they last were away or loading."""
        self._last: str | None = "not asked yet"

    async def ready(self) -> bool:
        """Whether every node can answer. The reason is logged when it changes."""
        troubles = await asyncio.gather(*(self._trouble(node) for node in self._nodes))
        reason = next((trouble for trouble in troubles if trouble is not None), None)
        if reason != self._last:
            _LOG.info("graph is ready" if reason is None else "graph is not ready", extra={"reason": reason})
            self._last = reason
        return reason is None

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.close()

    async def _trouble(self, node: Node) -> str | None:
        try:
            answer = await self._pool.request(node.host, node.port, "GET", self._path, timeout=_CHECK_SECONDS)
        except ConnectError as error:
            self._answered.discard(node.name)
            return f"{node.name}: {error}"
        except CallTimeoutError as error:
            busy = node.name in self._answered and not self._full
            return None if busy else f"{node.name}: {error}"
        except CallError as error:
            return f"{node.name}: {error}" if self._full else None
        if answer.status == 503 or (self._full and answer.status != 200):
            self._answered.discard(node.name)
            return f"{node.name}: {self._path} answered {answer.status}"
        self._answered.add(node.name)
        return None
