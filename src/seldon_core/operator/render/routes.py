"""The routes of a SeldonDeployment through every kind of gateway that the installation uses."""

from collections.abc import Sequence
from dataclasses import dataclass

from seldon_core.api.shapes import Json

from . import ambassador, gateway, istio
from .config import OperatorConfig
from .routing import routing
from .scope import Scope


@dataclass(frozen=True, order=True)
class ObjectKey:
    """What one object is called."""

    api_version: str
    kind: str
    namespace: str
    name: str


def of_deployment(scopes: Sequence[Scope], services: Sequence[Json], config: OperatorConfig) -> list[Json]:
    """The objects that lead requests to the Services."""
    found = routing(scopes, services)
    objects: list[Json] = []
    if config.istio:
        objects += istio.objects(found, config.istio)
    if config.ambassador:
        objects += ambassador.objects(found, config.ambassador)
    if config.gateway:
        objects += gateway.objects(found, config.gateway)
    return objects


def annotated(scopes: Sequence[Scope], services: Sequence[Json], config: OperatorConfig) -> list[Json]:
    """The Services, with the annotation that Ambassador 1 reads its routes from."""
    if config.ambassador is None:
        return list(services)
    texts = ambassador.service_annotations(routing(scopes, services), config.ambassador)
    return [_with_annotation(service, texts.get(service["metadata"]["name"], "")) for service in services]


def keys(objects: Sequence[Json]) -> tuple[ObjectKey, ...]:
    """What objects are called, in their order."""
    return tuple(
        ObjectKey(item["apiVersion"], item["kind"], item["metadata"]["namespace"], item["metadata"]["name"])
        for item in objects
    )


def _with_annotation(service: Json, text: str) -> Json:
    if not text:
        return service
    metadata = service["metadata"]
    return service | {
        "metadata": metadata | {"annotations": metadata.get("annotations", {}) | {ambassador.ANNOTATION: text}}
    }
