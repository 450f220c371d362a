"""Whether the graph can answer: every node is asked, all at once.

v1.17.1 only dials each node's port. A server may accept connections long before its model is loaded, so a node is
asked for /health/status too, and one that answers 503 is not ready: that is what our own servers say while they load.
A node that answers anything else counts as ready, as it did with the dial alone: a user's own container need not know
the path. One that does not answer in time is busy where it answered before, and stays ready, so that load alone takes
no pod out of service; where it never did, it is still starting. With full health checks each node must answer 200.
A node that the operator expects on its gRPC port is asked by grpc.health.v1 there; v1.17.1 dials that port. One that
knows no health checks counts as ready. Source: specification 3 (readiness).
"""

import asyncio
import logging

from seldon_core.transport.calls import Links
from seldon_core.transport.client import ClientLimits, HttpPool
from seldon_core.transport.errors import CallError, CallTimeoutError, ConnectError
from seldon_core.transport.rpc import RpcError, Status
from seldon_core.transport.rpc_client import RpcPool
from seldon_core.transport.rpc_health import serving

from .nodes import Node, called

_LOG = logging.getLogger(__name__)
_CHECK_SECONDS = 2.0  # below a probe's time-out (5 s), so that checks of a hanging node do not pile up
_DIAL_SECONDS = 1.0  # below the check's: a host that is gone must not look like a server that is busy


class Readiness:
    """The answer to /ready. Its connections are its own: checks neither take those of requests nor wait for them."""

    def __init__(
        self,
        root: Node,
        *,
        full: bool,
        v2: bool = False,
        dial_seconds: float = _DIAL_SECONDS,
        links: Links | None = None,
    ) -> None:
        own = (HttpPool(limits=ClientLimits(connect_seconds=dial_seconds)), RpcPool())
        self._pool, self._rpc_pool = links or own
        self._nodes = called(root)
        seldon = "/api/v1.0/health/status" if full else "/health/status"
        self._path = "/v2/health/ready" if v2 else seldon
        self._full = full
        self._answered: set[str] = set()
        """Names of the nodes that have answered since they last were away or loading."""
        self._last: str | None = "not asked yet"

    async def ready(self) -> bool:
        """Whether every node can answer. The reason is logged when it changes."""
        checks = (self._rpc_trouble(node) if node.grpc_alone else self._trouble(node) for node in self._nodes)
        troubles = await asyncio.gather(*checks)
        reason = next((trouble for trouble in troubles if trouble is not None), None)
        if reason != self._last:
            _LOG.info("graph is ready" if reason is None else "graph is not ready", extra={"reason": reason})
            self._last = reason
        return reason is None

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.close()
        await self._rpc_pool.close()

    async def _rpc_trouble(self, node: Node) -> str | None:
        try:
            ready = await serving(self._rpc_pool, node.host, node.grpc_port, _CHECK_SECONDS)
        except RpcError as error:
            if error.status is Status.DEADLINE_EXCEEDED and node.name in self._answered and not self._full:
                return None  # busy
            if error.status is not Status.UNAVAILABLE and error.status is not Status.DEADLINE_EXCEEDED:
                return f"{node.name}: {error}" if self._full else None
            ready, reason = False, str(error)
        else:
            reason = "says over gRPC that it does not serve"
        if not ready:
            self._answered.discard(node.name)
            return f"{node.name}: {reason}"
        self._answered.add(node.name)
        return None

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
