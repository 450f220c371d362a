"""Routes through the Gateway API: an HTTPRoute and a GRPCRoute, and an HTTPRoute for each explainer.

Every default that the API server fills in is written out, so that what is read back equals what was applied. Source:
Gateway API v1.3.0, standard channel (gateway.networking.k8s.io/v1); paths and headers as in specification 1.8.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from seldon_core.api.shapes import Json

from . import labels
from .config import GatewayConfig
from .routing import Backend, Routing
from .scope import Scope

_GROUP: Final = "gateway.networking.k8s.io"
_API: Final = f"{_GROUP}/v1"
_ALL: Final = 100


def objects(routing: Routing, config: GatewayConfig) -> list[Json]:
    """The routes of a SeldonDeployment."""
    rest = {one.service: one.http for one in routing.predictors}
    grpc = {one.service: one.grpc for one in routing.predictors}
    path = f"/seldon/{routing.namespace}/{routing.name}"
    return [
        _route(routing, config, "HTTPRoute", routing.seldon_id, _http_rule(routing, path, **_targets(routing, rest))),
        _route(routing, config, "GRPCRoute", routing.seldon_id, _grpc_rule(routing, **_targets(routing, grpc))),
        *(
            _route(
                routing,
                config,
                "HTTPRoute",
                explainer.service,
                _http_rule(
                    routing,
                    f"{path}-explainer/{explainer.predictor}",
                    backends=[_reference(explainer.service, explainer.http) | {"weight": _ALL}],
                    mirrors=[],
                ),
            )
            for explainer in routing.explainers
        ),
    ]


def warnings(scope: Scope) -> Iterator[str]:
    """What a gateway has to be told besides: whom to trust is said in no SeldonDeployment."""
    if scope.config.gateway and scope.certificate:
        yield (
            f"{scope.path}.ssl: the gateway speaks plain HTTP to Service {scope.key}, which serves TLS, until a "
            "BackendTLSPolicy for that Service names its hostname and certificate authority; make one."
        )


def duration(milliseconds: int) -> str:
    """Milliseconds as the Gateway API writes them: at most five digits a unit, so large units come first (GEP-2257)."""
    rest, parts = milliseconds, []
    for unit, size in (("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def _route(routing: Routing, config: GatewayConfig, kind: str, name: str, rule: Json) -> Json:
    parent = {"group": _GROUP, "kind": "Gateway", "name": config.name}
    if config.namespace:
        parent["namespace"] = config.namespace
    if kind in config.listeners:
        parent["sectionName"] = config.listeners[kind]
    return {
        "apiVersion": _API,
        "kind": kind,
        "metadata": {
            "name": name,
            "namespace": routing.namespace,
            "labels": dict(labels.MANAGED_BY) | {labels.DEPLOYMENT_ID: routing.seldon_id},
        },
        "spec": {"parentRefs": [parent], "rules": [rule]},
    }


def _http_rule(routing: Routing, path: str, *, backends: list[Json], mirrors: list[Json]) -> Json:
    """A rule for everything below `path`; a prefix matches whole elements, with or without the "/" at its end."""
    rewrite = {"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}}}
    rule: dict[str, Any] = {
        "matches": [{"path": {"type": "PathPrefix", "value": path}}],
        "filters": [rewrite, *mirrors],
        "backendRefs": backends,
    }
    if routing.rest_timeout is not None:
        rule["timeouts"] = {"request": duration(routing.rest_timeout)}
    return rule


def _grpc_rule(routing: Routing, *, backends: list[Json], mirrors: list[Json]) -> Json:
    headers = {"seldon": routing.name, "namespace": routing.namespace}
    rule: dict[str, Any] = {
        "matches": [{"headers": [{"type": "Exact", "name": name, "value": value} for name, value in headers.items()]}],
        "backendRefs": backends,
    }
    if mirrors:
        rule["filters"] = mirrors
    return rule


def _targets(routing: Routing, ports: Mapping[str, int]) -> dict[str, list[Json]]:
    """Who answers, with weights, and who gets copies. `ports` are by the Service's name."""
    return {
        "backends": [
            _reference(one.service, ports[one.service]) | {"weight": routing.weight(one)} for one in routing.serving
        ],
        "mirrors": [_mirror(routing.shadow, ports[routing.shadow.service])] if routing.shadow else [],
    }


def _mirror(shadow: Backend, port: int) -> Json:
    """All requests are copied where no percentage is given; one of 100 is left out, older gateways do not know it."""
    mirror: dict[str, Any] = {"backendRef": _reference(shadow.service, port)}
    if 0 < shadow.traffic < _ALL:
        mirror["percent"] = shadow.traffic
    return {"type": "RequestMirror", "requestMirror": mirror}


def _reference(service: str, port: int) -> dict[str, Any]:
    return {"group": "", "kind": "Service", "name": service, "port": port}
