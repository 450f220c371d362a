"""From a SeldonDeployment to the Kubernetes objects that serve it: pure functions, one module a concern.

No input or output, no clock, no cluster: what must be known of one comes in as `Facts`. Imports api alone, so that
`seldonctl render` shows exactly what the controller applies.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from seldon_core.api import names
from seldon_core.api.advice import advice
from seldon_core.api.defaulting import apply_defaults, units
from seldon_core.api.shapes import Json
from seldon_core.api.types import SeldonDeployment
from seldon_core.api.validation import invalid_message, validate

from . import (
    address,
    autoscaling,
    deployments,
    disruption,
    embedded,
    explainer,
    gateway,
    initializer,
    network,
    routes,
    services,
)
from .address import ServiceStatus
from .ambassador import ANNOTATION as ROUTE_ANNOTATION
from .config import OperatorConfig
from .errors import RenderError
from .facts import NO_FACTS, Facts
from .routes import ObjectKey
from .scope import Scope

__all__ = [
    "ROUTE_ANNOTATION",
    "ObjectKey",
    "RenderError",
    "Rendered",
    "ServiceStatus",
    "render",
    "wanted_service_accounts",
]


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """Everything that a SeldonDeployment needs: objects without owner references, which the controller adds.

    `routes` names those of `objects` that lead requests to the others; they come last. They, and the annotation
    `ROUTE_ANNOTATION` of a Service, are for when all Deployments are ready: nobody is sent to a pod that is not.
    """

    objects: tuple[Json, ...]
    deployments: tuple[str, ...]
    services: tuple[ServiceStatus, ...]
    address_url: str
    routes: tuple[ObjectKey, ...] = ()
    warnings: tuple[str, ...] = ()
    """What the SeldonDeployment says and has no effect here, or not the effect that its writer wants: a sentence each,
    with its place in the manifest."""


def wanted_service_accounts(sdep: SeldonDeployment) -> tuple[str, ...]:
    """The service accounts whose facts change what is rendered: those that models get their credentials from."""
    wanted: set[str] = set()
    for predictor in sdep.spec.predictors:
        pods = {
            container["name"]: component.spec
            for component in predictor.component_specs
            for container in component.spec.get("containers", ())
        }
        first = predictor.component_specs[0].spec if predictor.component_specs else {}
        for unit in units(predictor.graph):
            pod = pods.get(unit.name, first)
            declared = {container["name"] for container in pod.get("initContainers") or ()}
            if unit.model_uri and names.initializer(unit.name) not in declared:
                wanted.add(initializer.service_account(pod, unit))
        if predictor.explainer and predictor.explainer.type and predictor.explainer.model_uri:
            wanted.add(initializer.service_account({}, predictor.explainer))
    return tuple(sorted(wanted))


def render(sdep: SeldonDeployment, config: OperatorConfig, facts: Facts = NO_FACTS) -> Rendered:
    """The objects of a SeldonDeployment, in the order in which they are best applied: Services before Deployments.

    Raises RenderError where the SeldonDeployment is invalid or asks for what this release does not make.
    """
    if errors := validate(sdep, config.predictor_servers):
        raise RenderError(invalid_message(sdep.metadata.name, errors))
    defaulted = apply_defaults(sdep, config.defaults)
    scopes = [
        Scope(sdep=defaulted, predictor=predictor, written=written, config=config, facts=facts)
        for predictor, written in zip(defaulted.spec.predictors, sdep.spec.predictors, strict=True)
    ]
    service_objects = [service for scope in scopes for service in _services(scope)]
    deployment_objects = [deployment for scope in scopes for deployment in deployments.of_predictor(scope)]
    attached = [item for scope in scopes for item in _attached(scope)]
    attached += network.of_deployment(scopes, service_objects, deployment_objects, config)
    route_objects = routes.of_deployment(scopes, service_objects, config)
    service_objects = routes.annotated(scopes, service_objects, config)
    _refuse_twins([*service_objects, *deployment_objects, *attached, *route_objects])
    explained = {explainer.name(scope): scope.key for scope in scopes}
    return Rendered(
        objects=(*service_objects, *deployment_objects, *attached, *route_objects),
        deployments=tuple(deployment["metadata"]["name"] for deployment in deployment_objects),
        services=tuple(address.service_status(service, explained) for service in service_objects),
        address_url=address.url(scopes[0]),
        routes=routes.keys(route_objects),
        warnings=(*advice(sdep), *(text for scope in scopes for text in _warnings(scope))),
    )


def _warnings(scope: Scope) -> Iterator[str]:
    for concern in (autoscaling, embedded, explainer, gateway):
        yield from concern.warnings(scope)


def _services(scope: Scope) -> list[Json]:
    explained = [explainer.service(scope)] if explainer.of(scope) else []
    return [*services.of_predictor(scope), *explained]


def _attached(scope: Scope) -> Iterator[Json]:
    """What belongs to single Deployments of a predictor: their autoscalers and disruption budgets."""
    for index in range(len(scope.predictor.component_specs)):
        yield from autoscaling.of_component(scope, index)
        yield from disruption.of_component(scope, index)


def _refuse_twins(objects: list[Json]) -> None:
    """Names are parts joined by "-", so that two objects can get one name; the second would replace the first."""
    seen: set[tuple[str, str]] = set()
    for item in objects:
        key = (item["kind"], item["metadata"]["name"])
        if key in seen:
            raise RenderError(
                f"Two objects of this SeldonDeployment would be {key[0]} {key[1]}: rename a predictor or a container."
            )
        seen.add(key)
