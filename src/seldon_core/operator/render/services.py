"""Services: one for each node of a predictor's graph, and the predictor's own. Source: specification 1.2, 1.10."""

from collections.abc import Iterator
from typing import Any, Final

from seldon_core.api.defaulting import port_of
from seldon_core.api.shapes import Json
from seldon_core.api.types import Labels

from . import annotations, labels
from .scope import Scope

_HEADLESS: Final = "seldon.io/headless-svc"


def of_predictor(scope: Scope) -> list[Json]:
    """The Services of a predictor: its nodes' in the order of their containers, then its own."""
    return [*_of_nodes(scope), _own(scope)]


def ports(scope: Scope) -> tuple[int, int]:
    """HTTP and gRPC port of the predictor's own Service: the orchestrator's, or the model's where there is none."""
    if scope.no_engine:
        for component in scope.predictor.component_specs:
            for container, _ in scope.units_in(component):
                return port_of(container, "http") or 0, port_of(container, "grpc") or 0
    return scope.config.executor.port, scope.config.executor.grpc_port


def _of_nodes(scope: Scope) -> Iterator[Json]:
    for component in scope.predictor.component_specs:
        for container, unit in scope.units_in(component):
            selector = labels.container_selector(scope, container["name"])
            yield service(
                scope,
                scope.service_of(container["name"]),
                extra=selector | labels.unit_type(unit) | labels.shadow(scope),
                selector=selector,
                http=port_of(container, "http") or 0,
                grpc=port_of(container, "grpc") or 0,
            )


def _own(scope: Scope) -> Json:
    http, grpc = ports(scope)
    extra: Labels = {}
    if scope.no_engine:
        extra = labels.unit_type(scope.predictor.graph)
    own = service(scope, scope.key, extra=extra, selector={labels.APP: scope.key}, http=http, grpc=grpc)
    return public(scope, own)


def public(scope: Scope, given: Json) -> Json:
    """A Service that requests from outside come to: without an address of its own where an annotation says so."""
    return {**given, "spec": {**given["spec"], "clusterIP": "None"}} if _is_headless(scope) else given


def _is_headless(scope: Scope) -> bool:
    return annotations.text(scope.sdep, _HEADLESS, "false") != "false"


def service(scope: Scope, name: str, *, extra: Labels, selector: Labels, http: int, grpc: int | None = None) -> Json:
    """A Service with a port http and, where it is given, one named grpc."""
    base = {labels.APP: scope.key, labels.DEPLOYMENT_ID: scope.seldon_id}
    metadata: dict[str, Any] = {
        "name": name,
        "namespace": scope.namespace,
        "labels": dict(labels.MANAGED_BY) | base | extra,
    }
    if scope.predictor.annotations:
        metadata["annotations"] = dict(scope.predictor.annotations)
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {
            "type": "ClusterIP",
            "selector": selector,
            "ports": [_port("http", http), *([_port("grpc", grpc)] if grpc is not None else [])],
        },
    }


def _port(name: str, number: int) -> dict[str, Any]:
    return {"name": name, "port": number, "protocol": "TCP", "targetPort": number}
