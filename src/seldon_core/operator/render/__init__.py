"""From a SeldonDeployment to the Kubernetes objects that serve it: pure functions, one module a concern.

No input or output, no clock, no cluster: what must be known of one comes in as `Facts`. Imports api alone, so that
`seldonctl render` shows exactly what the controller applies.
"""

from dataclasses import dataclass

from seldon_core.api import names
from seldon_core.api.defaulting import apply_defaults, units
from seldon_core.api.shapes import Json
from seldon_core.api.types import SeldonDeployment
from seldon_core.api.validation import invalid_message, validate

from . import address, deployments, initializer, services, unsupported
from .address import ServiceStatus
from .config import OperatorConfig
from .errors import RenderError
from .facts import NO_FACTS, Facts
from .scope import Scope

__all__ = ["RenderError", "Rendered", "ServiceStatus", "render", "wanted_service_accounts"]


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """Everything that a SeldonDeployment needs: objects without owner references, which the controller adds."""

    objects: tuple[Json, ...]
    deployments: tuple[str, ...]
    services: tuple[ServiceStatus, ...]
    address_url: str


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
    return tuple(sorted(wanted))


def render(sdep: SeldonDeployment, config: OperatorConfig, facts: Facts = NO_FACTS) -> Rendered:
    """The objects of a SeldonDeployment, in the order in which they are best applied: Services before Deployments.

    Raises RenderError where the SeldonDeployment is invalid or asks for what this release does not make.
    """
    if errors := validate(sdep, config.predictor_servers):
        raise RenderError(invalid_message(sdep.metadata.name, errors))
    unsupported.refuse(sdep)
    defaulted = apply_defaults(sdep, config.defaults)
    scopes = [
        Scope(sdep=defaulted, predictor=predictor, written=written, config=config, facts=facts)
        for predictor, written in zip(defaulted.spec.predictors, sdep.spec.predictors, strict=True)
    ]
    service_objects = [service for scope in scopes for service in services.of_predictor(scope)]
    deployment_objects = [deployment for scope in scopes for deployment in deployments.of_predictor(scope)]
    _refuse_twins([*service_objects, *deployment_objects])
    return Rendered(
        objects=(*service_objects, *deployment_objects),
        deployments=tuple(deployment["metadata"]["name"] for deployment in deployment_objects),
        services=tuple(address.service_status(service) for service in service_objects),
        address_url=address.url(scopes[0]),
    )


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
