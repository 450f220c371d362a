"""Makes the objects of one SeldonDeployment, in their order, in two steps: who answers, and who leads requests there.

The second step is for when the first one's Deployments are ready; until then routes stay as they are, those of former
predictors included. Source: specification 1.6; design, decision 3.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from seldon_core.kube import Object, Resource, key_of
from seldon_core.kube.resources import DEPLOYMENTS, SERVICES, Key

from . import ownedfields, scaling
from .applier import Applier, Fit, WaitingError
from .caches import Caches
from .kinds import FIELD_MANAGER, OWNED, ROUTES, owned_resource
from .ownership import with_owner
from .render import ROUTE_ANNOTATION, Rendered


@dataclass(slots=True)
class Made:
    """What became of the rendered objects.

    Attributes:
        wanted: The kind and key of each rendered object.
        objects: Those that exist.
        waiting: What has to go before others can be made, or empty.
        unusable: Kinds that cannot be made here, with the reason as a sentence.
        rerouted: A route was written in this pass.
    """

    wanted: frozenset[tuple[Resource, Key]]
    objects: dict[tuple[Resource, Key], Object] = field(default_factory=dict)
    waiting: str = ""
    unusable: dict[Resource, str] = field(default_factory=dict)
    rerouted: bool = False


class Maker:
    """Applies what was rendered.

    Args:
        caches: Live objects.
        applier: Writes single objects.
    """

    def __init__(self, caches: Caches, applier: Applier) -> None:
        self._caches = caches
        self._applier = applier

    async def serve(self, rendered: Rendered, sdep: Object) -> Made:
        """Everything but routes: Services, autoscalers, disruption budgets, Deployments.

        Raises:
            ForeignObjectError: A name is taken.
            ApiError: The API server refuses, or cannot be asked.
        """
        made = Made(wanted=frozenset((owned_resource(m), key_of(m)) for m in rendered.objects))
        for resource, scaler in list(scaling.obsolete(self._caches, sdep["metadata"]["uid"], made.wanted)):
            await self._applier.remove(resource, scaler, sdep, "its Deployment is to be scaled otherwise")
        fits: dict[Resource, Fit] = {
            SERVICES: _keep_route,
            DEPLOYMENTS: partial(scaling.hold_replicas, scaling.scaled(rendered.objects)),
        }
        for resource in OWNED:
            if resource not in ROUTES:
                manifests = [_without_route(m) for m in _of_kind(resource, rendered)]
                await self._ensure(resource, manifests, sdep, made, fits.get(resource))
        return made

    async def route(self, rendered: Rendered, sdep: Object, made: Made) -> None:
        """The routes, once all Deployments are ready. The errors are those of `serve`."""
        before = self._versions(made)
        await self._ensure(SERVICES, _of_kind(SERVICES, rendered), sdep, made)
        for resource in ROUTES:
            await self._ensure(resource, _of_kind(resource, rendered), sdep, made)
        made.rerouted = before != self._versions(made)

    def _versions(self, made: Made) -> dict[tuple[Resource, Key], str]:
        """What is there of Services and routes."""
        found = {}
        for resource, key in made.wanted:
            informer = self._caches.owned.get(resource) if resource in {SERVICES, *ROUTES} else None
            live = informer.store.at(key) if informer else None
            if live is not None:
                found[resource, key] = live["metadata"]["resourceVersion"]
        return found

    async def _ensure(
        self, resource: Resource, manifests: list[Object], sdep: Object, made: Made, fit: Fit | None = None
    ) -> None:
        """All objects of a kind side by side. All are tried before the first failure counts."""
        if not manifests:
            return
        if reason := self._caches.why_unusable(resource):
            made.unusable[resource] = reason
            return

        async def ensure(manifest: Object) -> None:
            wanted = with_owner(manifest, sdep["metadata"]["name"], sdep["metadata"]["uid"])
            try:
                made.objects[resource, key_of(manifest)] = await self._applier.ensure(resource, wanted, sdep, fit)
            except WaitingError as error:
                made.waiting = made.waiting or str(error)

        for error in await asyncio.gather(*(ensure(each) for each in manifests), return_exceptions=True):
            if error is not None:
                raise error


def _of_kind(resource: Resource, rendered: Rendered) -> list[Object]:
    return [manifest for manifest in rendered.objects if owned_resource(manifest) == resource]


def _without_route(manifest: Object) -> Object:
    """A Service without its route: that may be an annotation, too."""
    metadata = dict(manifest["metadata"])
    if ROUTE_ANNOTATION not in (metadata.get("annotations") or {}):
        return manifest
    annotations = {name: value for name, value in metadata.pop("annotations").items() if name != ROUTE_ANNOTATION}
    return {**manifest, "metadata": metadata | ({"annotations": annotations} if annotations else {})}


def _keep_route(service: Mapping[str, Any], live: Mapping[str, Any]) -> Mapping[str, Any]:
    """A Service with the route that we have given it."""
    owned = ownedfields.inside(ownedfields.owned_by(live, FIELD_MANAGER), "metadata")
    if not ownedfields.is_owned(ownedfields.inside(owned, "annotations"), ROUTE_ANNOTATION):
        return service
    metadata = service["metadata"]
    route = {ROUTE_ANNOTATION: live["metadata"]["annotations"][ROUTE_ANNOTATION]}
    return {**service, "metadata": metadata | {"annotations": (metadata.get("annotations") or {}) | route}}
