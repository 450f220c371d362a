from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.harness.gateways import GATEWAYS, Route, chosen, retries_in, route_of


def test_the_environment_chooses_gateway_and_port() -> None:
    contour = chosen({"E2E_GATEWAY_PORT": "8003"})
    istio = chosen({"E2E_GATEWAY": "istio", "E2E_GATEWAY_PORT": "8004"})

    assert (contour.name, istio.name) == tuple(gateway.name for gateway in GATEWAYS)
    assert contour.url("ns", "iris") == "http://localhost:8003/seldon/ns/iris"
    assert istio.values["istio"]["enabled"]


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({}, "E2E_GATEWAY_PORT must be the port"),
        ({"E2E_GATEWAY_PORT": "web"}, "E2E_GATEWAY_PORT must be the port"),
        ({"E2E_GATEWAY": "nginx", "E2E_GATEWAY_PORT": "8003"}, "must be one of contour, istio"),
    ],
)
def test_what_it_lacks_is_named(environment: dict[str, str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        chosen(environment)


def test_an_http_routes_shares_and_copies() -> None:
    backends = [{"name": "iris-main", "port": 8000, "weight": 75}, {"name": "iris-canary", "port": 8000, "weight": 25}]
    mirror = {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "iris-shadow", "port": 8000}}}
    rule: dict[str, Any] = {"backendRefs": backends, "filters": [{"type": "URLRewrite"}, mirror]}

    found = route_of({"kind": "HTTPRoute", "spec": {"rules": [rule]}})

    assert found == Route({"iris-main:8000": 75, "iris-canary:8000": 25}, frozenset({"iris-shadow"}))


def test_a_virtual_services_shares_and_copies() -> None:
    def to(service: str) -> dict[str, Any]:
        return {"host": f"{service}.ns.svc.cluster.local", "port": {"number": 8000}, "subset": "main"}

    http = {"route": [{"destination": to("iris-main")}], "mirror": to("iris-shadow")}

    found = route_of({"kind": "VirtualService", "spec": {"http": [http]}})

    assert found == Route({"iris-main:8000": 100}, frozenset({"iris-shadow"}))


def test_retries_are_read_by_backend_and_nothing_else_is() -> None:
    lines = (
        "cluster.a.upstream_rq_retry: 2",
        "cluster.a.upstream_rq_retry_success: 7",
        "cluster.b.upstream_rq_retry: 0",
    )

    assert retries_in("\n".join(lines)) == {"cluster.a.upstream_rq_retry": 2, "cluster.b.upstream_rq_retry": 0}
    assert retries_in("") == {}
