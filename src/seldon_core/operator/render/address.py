"""Where a SeldonDeployment answers, for its status. Source: specification 1.6."""

from collections.abc import Mapping
from dataclasses import dataclass

from seldon_core.api.shapes import Json

from . import services
from .scope import Scope


@dataclass(frozen=True, kw_only=True)
class ServiceStatus:
    """An entry of `status.serviceStatus`. Endpoints are `<service>.<namespace>:<port>`."""

    svc_name: str
    http_endpoint: str
    grpc_endpoint: str
    explainer_for: str = ""


def url(scope: Scope) -> str:
    """The URL that predictions are posted to inside the cluster, for the SeldonDeployment's first predictor."""
    http, _ = services.ports(scope)
    graph = scope.predictor.graph.name
    path = {
        "tensorflow": f"/v1/models/{graph}:predict",
        "v2": f"/v2/models/{graph}/infer",
        "kfserving": f"/v2/models/{graph}/infer",
    }.get(scope.protocol, "/api/v1.0/predictions")
    return f"http://{scope.key}.{scope.namespace}.svc.cluster.local:{http}{path}"


def service_status(service: Json, explained: Mapping[str, str]) -> ServiceStatus:
    """The entry of a rendered Service. `explained` has the predictor's Service for each explainer's."""
    name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
    ports = {port["name"]: port["port"] for port in service["spec"]["ports"]}
    endpoints = {kind: f"{name}.{namespace}:{ports[kind]}" if kind in ports else "" for kind in ("http", "grpc")}
    return ServiceStatus(
        svc_name=name,
        http_endpoint=endpoints["http"],
        grpc_endpoint=endpoints["grpc"],
        explainer_for=explained.get(name, ""),
    )
