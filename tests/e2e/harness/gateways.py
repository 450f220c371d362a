"""The gateway that leads users' requests to the models: which one the cluster has, and the addresses behind it.

`E2E_GATEWAY` names it, `E2E_GATEWAY_PORT` is the port of this machine that it answers on. Both environments, `tox -e
e2e` and `tox -e e2e-istio`, run the same tests through it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from . import curl
from .portforward import port_forward

if TYPE_CHECKING:
    from .cluster import Cluster
    from .timeouts import Timeouts
    from .tools import Tool
    from .waiting import Object

ENV = "E2E_GATEWAY"
PORT_ENV = "E2E_GATEWAY_PORT"
_RETRIES = "upstream_rq_retry"


@dataclass(frozen=True)
class Route:
    """Where requests go: the share in percent of each `SERVICE:PORT`, and the Services that get copies."""

    shares: Mapping[str, int]
    copies: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Gateway:
    """A gateway.

    Attributes:
        name: What `E2E_GATEWAY` calls it.
        values: What the chart is told of it.
        namespace: Of its Deployment `gateway`.
        statistics: The port of that Deployment's pods that Envoy's statistics are read from.
        kind: apiVersion and kind of the route of a SeldonDeployment, which has that one's name.
        reports: Whether it says in a route's status that it has taken the route, so that the SeldonDeployment is Ready
            no earlier.
        address: `http://localhost:PORT`.
    """

    name: str
    values: Mapping[str, Any]
    namespace: str
    statistics: int
    kind: tuple[str, str]
    reports: bool
    address: str = ""

    def url(self, namespace: str, name: str) -> str:
        """The users' address of a SeldonDeployment, without the path of the API."""
        return f"{self.address}/seldon/{namespace}/{name}"

    @property
    def rpc_target(self) -> str:
        """Where it takes gRPC: `HOST:PORT`."""
        return self.address.removeprefix("http://")

    @staticmethod
    def rpc_headers(namespace: str, name: str) -> dict[str, str]:
        """By which it knows the SeldonDeployment that a call is for. Source: specification 1.8."""
        return {"seldon": name, "namespace": namespace}

    def route(self, cluster: Cluster, namespace: str, name: str) -> Route:
        """Where the live route leads. Raises AssertionError where there is none."""
        live = cluster.get(*self.kind, name, namespace)
        assert live is not None, f"{self.kind[1]} {name} is not there"
        return route_of(live)

    def assert_no_retries(self, kubectl: Tool, timeouts: Timeouts) -> None:
        """Envoy has sent no request once more, by its counters of all the backends that it knows at this moment."""
        target, seconds = "deployment/gateway", timeouts.port_forward
        with port_forward(kubectl, self.namespace, target, self.statistics, seconds=seconds) as address:
            answer = curl.get(f"{address}/stats?filter={_RETRIES}", seconds=timeouts.request)
        assert answer.status == 200, str(answer)
        retried = retries_in(answer.body.decode())
        assert retried, f"Envoy counts no retries at all: {answer}"
        assert not any(retried.values()), f"Envoy has sent requests twice: {retried}"


def route_of(live: Object) -> Route:
    """Read an HTTPRoute or a VirtualService; a backend without a share is the only one and gets all."""
    spec = live["spec"]
    if live["kind"] == "HTTPRoute":
        rule = spec["rules"][0]
        mirrors = [f["requestMirror"]["backendRef"] for f in rule.get("filters") or () if f["type"] == "RequestMirror"]
        return Route(
            {f"{backend['name']}:{backend['port']}": backend.get("weight", 1) for backend in rule["backendRefs"]},
            frozenset(mirror["name"] for mirror in mirrors),
        )
    http = spec["http"][0]
    shares = {
        f"{_service(to)}:{to['port']['number']}": entry.get("weight", 100)
        for entry in http["route"]
        for to in (entry["destination"],)
    }
    return Route(shares, frozenset([_service(http["mirror"])] if "mirror" in http else []))


def retries_in(statistics: str) -> dict[str, int]:
    """How many requests were sent once more by backend, from lines such as `cluster.iris.upstream_rq_retry: 0`."""
    counters = (line.rpartition(": ") for line in statistics.splitlines())
    return {name: int(value) for name, _, value in counters if name.endswith(f".{_RETRIES}")}


def _service(destination: Mapping[str, Any]) -> str:
    return str(destination["host"]).partition(".")[0]


GATEWAYS = (
    Gateway(
        name="contour",
        values={"gateway": {"enabled": True, "name": "seldon-gateway", "namespace": "seldon-gateway"}},
        namespace="seldon-gateway",
        statistics=8002,
        kind=("gateway.networking.k8s.io/v1", "HTTPRoute"),
        reports=True,
    ),
    Gateway(
        name="istio",
        values={"istio": {"enabled": True, "gateway": "istio-system/seldon-gateway"}},
        namespace="istio-system",
        statistics=15000,
        kind=("networking.istio.io/v1beta1", "VirtualService"),
        reports=False,
    ),
)
"""The first is the one where none is named."""


def chosen(environment: Mapping[str, str]) -> Gateway:
    """The gateway that the environment names. Raises ValueError, saying which variable must hold what."""
    known = {gateway.name: gateway for gateway in GATEWAYS}
    name = environment.get(ENV) or GATEWAYS[0].name
    if name not in known:
        raise ValueError(f"{ENV} is {name!r}; it must be one of {', '.join(known)}.")
    port = environment.get(PORT_ENV, "")
    if not port.isdigit():
        raise ValueError(f"{PORT_ENV} must be the port of this machine that leads to the cluster's gateway.")
    return replace(known[name], address=f"http://localhost:{port}")
