"""What a SeldonDeployment means where it is silent: types, labels, servers' containers, ports and endpoints.

Pure: the stored object is never changed. Source: specification 1.3.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from . import names
from .servers import PredictorServer
from .shapes import Json
from .types import (
    UNKNOWN_IMPLEMENTATION,
    ComponentSpec,
    Endpoint,
    PredictiveUnit,
    Predictor,
    SeldonDeployment,
)

DEFAULT_NAMESPACE: Final = "default"
SEPARATE_ENGINE_ANNOTATION: Final = "seldon.io/engine-separate-pod"


@dataclass(frozen=True, kw_only=True)
class DefaultSettings:
    """What an installation decides: prepackaged servers and the first port of each kind."""

    servers: Mapping[str, PredictorServer]
    http_port: int = 9000
    grpc_port: int = 9500
    metrics_port: int = 6000
    metrics_port_name: str = "metrics"


def units(root: PredictiveUnit) -> Iterator[PredictiveUnit]:
    """The nodes of a graph, a parent before its children."""
    yield root
    for child in root.children:
        yield from units(child)


def has_separate_engine(sdep: SeldonDeployment) -> bool:
    """Whether each orchestrator runs in pods of its own: an annotation of the spec. Source: specification 1.7."""
    return sdep.spec.annotations.get(SEPARATE_ENGINE_ANNOTATION) == "true"


def port_of(container: Json, name: str) -> int | None:
    """The number of a container's port of this name."""
    return next((int(p["containerPort"]) for p in container.get("ports") or () if p.get("name") == name), None)


def apply_defaults(sdep: SeldonDeployment, settings: DefaultSettings) -> SeldonDeployment:
    """The SeldonDeployment with every default filled in.

    Implementations without a row in `predictor_servers` keep a container without an image: `validation` names them.
    """
    namespace = sdep.metadata.namespace or DEFAULT_NAMESPACE
    sdep = msgspec.structs.replace(sdep, metadata=msgspec.structs.replace(sdep.metadata, namespace=namespace))
    numbers = _Numbers(settings)
    predictors = tuple(_predictor(sdep, predictor, settings, numbers) for predictor in sdep.spec.predictors)
    return msgspec.structs.replace(sdep, spec=msgspec.structs.replace(sdep.spec, predictors=predictors))


@dataclass
class _Numbers:
    """Port numbers given so far: one pair for each container name, one metrics port for each container of a graph."""

    settings: DefaultSettings
    pairs: dict[str, int] = field(default_factory=dict)
    metrics: int = 0

    def offset(self, container: str) -> int:
        return self.pairs.setdefault(container, len(self.pairs))

    def next_metrics(self) -> int:
        self.metrics += 1
        return self.settings.metrics_port + self.metrics - 1


def _predictor(sdep: SeldonDeployment, predictor: Predictor, settings: DefaultSettings, numbers: _Numbers) -> Predictor:
    graph = _typed(predictor.graph)
    by_name = {unit.name: unit for unit in units(graph)}
    components = [_with_containers(component) for component in predictor.component_specs]
    specs: list[list[Json]] = [
        [
            _container(c, by_name.get(c["name"]), sdep.spec.protocol, settings, numbers)
            for c in component.spec["containers"]
        ]
        for component in components
    ]
    present = {c["name"] for containers in specs for c in containers}
    for unit in units(graph):
        if unit.is_prepackaged and unit.name not in present:
            if not specs:
                components, specs = [_with_containers(ComponentSpec())], [[]]
            specs[0].append(_container({"name": unit.name}, unit, sdep.spec.protocol, settings, numbers))
            present.add(unit.name)
    separate = has_separate_engine(sdep)
    endpoints = {
        container["name"]: _place(sdep, predictor, container, local=index == 0 and not separate)
        for index, containers in enumerate(specs)
        for container in containers
    }
    return msgspec.structs.replace(
        predictor,
        graph=_with_endpoints(graph, endpoints, sdep.spec.transport),
        labels={"version": predictor.name, **predictor.labels},
        component_specs=tuple(
            msgspec.structs.replace(component, spec={**component.spec, "containers": containers})
            for component, containers in zip(components, specs, strict=True)
        ),
    )


def _typed(unit: PredictiveUnit) -> PredictiveUnit:
    silent = not (unit.type or unit.methods or unit.implementation)
    return msgspec.structs.replace(
        unit,
        type="MODEL" if silent or unit.is_prepackaged else unit.type,
        implementation=unit.implementation or UNKNOWN_IMPLEMENTATION,
        children=tuple(_typed(child) for child in unit.children),
    )


def _with_containers(component: ComponentSpec) -> ComponentSpec:
    return msgspec.structs.replace(component, spec={"containers": [], **component.spec})


def _container(
    container: Json, unit: PredictiveUnit | None, protocol: str, settings: DefaultSettings, numbers: _Numbers
) -> Json:
    """The container with its server's image and its ports. One that is on no node of the graph only takes a number."""
    offset = numbers.offset(container["name"])
    if unit is None:
        return container
    filled = dict(container)
    server = settings.servers.get(unit.implementation)
    image = server.image(protocol) if server and not filled.get("image") else None
    if image:
        filled["image"] = image.reference
    filled["ports"] = list(container.get("ports") or ())
    if port_of(container, settings.metrics_port_name) is None:
        filled["ports"].append(_port(settings.metrics_port_name, numbers.next_metrics()))
    for name, first in (("http", settings.http_port), ("grpc", settings.grpc_port)):
        if port_of(container, name) is None:
            filled["ports"].append(_port(name, first + offset))
    return filled


def _port(name: str, number: int) -> dict[str, Any]:
    return {"name": name, "containerPort": number, "protocol": "TCP"}


def _place(sdep: SeldonDeployment, predictor: Predictor, container: Json, *, local: bool) -> Endpoint:
    service = names.container_service(sdep.metadata.name, predictor.name, container["name"])
    return Endpoint(
        service_host="localhost" if local else f"{service}.{sdep.metadata.namespace}.svc.cluster.local",
        http_port=port_of(container, "http") or 0,
        grpc_port=port_of(container, "grpc") or 0,
    )


def _with_endpoints(unit: PredictiveUnit, places: Mapping[str, Endpoint], transport: str) -> PredictiveUnit:
    endpoint = unit.endpoint
    if (place := places.get(unit.name)) is not None:
        kind = endpoint.type if endpoint else ""
        grpc = kind == "GRPC" or transport == "grpc"
        endpoint = msgspec.structs.replace(place, type=kind, service_port=place.grpc_port if grpc else place.http_port)
    return msgspec.structs.replace(
        unit, endpoint=endpoint, children=tuple(_with_endpoints(child, places, transport) for child in unit.children)
    )
