"""Routes through Istio: one VirtualService and, for each Service behind it, a DestinationRule.

Source: specification 1.8.
"""

from typing import Any, Final

from seldon_core.api.shapes import Json

from . import annotations
from .config import IstioConfig
from .routing import Backend, Routing

_API: Final = "networking.istio.io/v1beta1"
_HOST: Final = "seldon.io/istio-host"
_GATEWAY: Final = "seldon.io/istio-gateway"
_RETRIES: Final = "seldon.io/istio-retries"
_RETRIES_TIMEOUT: Final = "seldon.io/istio-retries-timeout"
_RETRY_ON: Final = "gateway-error,connect-failure,refused-stream"
# Requests of the services that a SeldonDeployment may answer over gRPC, by their paths.
_GRPC_PATHS: Final = ".*tensorflow.*|.*seldon.protos.*|.*inference.*"
# Shorter than servers keep an idle connection open, so that none is used that the other side has closed.
_IDLE: Final = {"connectionPool": {"http": {"idleTimeout": "60s"}}}


def objects(routing: Routing, config: IstioConfig) -> list[Json]:
    """The routes of a SeldonDeployment; destinations come before the routes that name their subsets."""
    rules = [_destination_rule(routing, config, _host(routing, one), one, _IDLE) for one in routing.predictors]
    rules += [_destination_rule(routing, config, one.service, one, {}) for one in routing.explainers]
    services = [_virtual_service(routing, config, routing.seldon_id, [_rest(routing), _grpc(routing)])]
    services += [
        _virtual_service(routing, config, f"{one.service}-http", [_explainer(routing, one)])
        for one in routing.explainers
    ]
    return [*rules, *services]


def _host(routing: Routing, backend: Backend) -> str:
    return f"{backend.service}.{routing.namespace}.svc.cluster.local"


def _virtual_service(routing: Routing, config: IstioConfig, name: str, http: list[Json]) -> Json:
    return {
        "apiVersion": _API,
        "kind": "VirtualService",
        "metadata": {"name": name, "namespace": routing.namespace},
        "spec": {
            "hosts": [annotations.text(routing.sdep, _HOST, "*")],
            "gateways": [annotations.text(routing.sdep, _GATEWAY, config.gateway)],
            "http": http,
        },
    }


def _rest(routing: Routing) -> Json:
    return {
        "match": [{"uri": {"prefix": f"/seldon/{routing.namespace}/{routing.name}/"}}],
        "rewrite": {"uri": "/"},
        **_destinations(routing, {one.service: one.http for one in routing.predictors}),
    }


def _grpc(routing: Routing) -> Json:
    headers = {"seldon": {"exact": routing.name}, "namespace": {"exact": routing.namespace}}
    return {
        "match": [{"uri": {"regex": _GRPC_PATHS}, "headers": headers}],
        **_destinations(routing, {one.service: one.grpc for one in routing.predictors}),
    }


def _destinations(routing: Routing, ports: dict[str, int]) -> Json:
    def destination(backend: Backend) -> Json:
        return _destination(_host(routing, backend), ports[backend.service], backend)

    result: dict[str, Any] = {
        "route": [
            {"destination": destination(one), **({"weight": one.traffic} if one.traffic else {})}
            for one in routing.serving
        ]
    }
    if shadow := routing.shadow:
        result["mirror"] = destination(shadow)
        if shadow.traffic:
            result["mirrorPercentage"] = {"value": shadow.traffic}
    if retries := _retries(routing):
        result["retries"] = retries
    return result


def _retries(routing: Routing) -> Json:
    attempts = annotations.number(routing.sdep, _RETRIES)
    seconds = annotations.number(routing.sdep, _RETRIES_TIMEOUT)
    if not attempts:
        return {}
    return {"attempts": attempts, "perTryTimeout": f"{1 if seconds is None else seconds}s", "retryOn": _RETRY_ON}


def _destination(host: str, port: int, backend: Backend) -> Json:
    return {"host": host, "port": {"number": port}, "subset": backend.predictor}


def _destination_rule(routing: Routing, config: IstioConfig, host: str, backend: Backend, policy: Json) -> Json:
    traffic = {"tls": {"mode": config.tls_mode}} if config.tls_mode else policy
    return {
        "apiVersion": _API,
        "kind": "DestinationRule",
        "metadata": {"name": backend.service, "namespace": routing.namespace},
        "spec": {
            "host": host,
            "subsets": [{"name": backend.predictor, "labels": {"version": backend.version}}],
            **({"trafficPolicy": traffic} if traffic else {}),
        },
    }


def _explainer(routing: Routing, backend: Backend) -> Json:
    return {
        "match": [{"uri": {"prefix": f"/seldon/{routing.namespace}/{routing.name}-explainer/{backend.predictor}/"}}],
        "rewrite": {"uri": "/"},
        "route": [{"destination": _destination(backend.service, backend.http, backend), "weight": 100}],
    }
