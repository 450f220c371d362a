"""Makes the objects of one SeldonDeployment, in their order, in two steps: who answers, and who leads requests there.

The second step is for when the first one's Deployments are ready; until then routes stay as they are, those of former
predictors included. Source: specification 1.6; design, decision 3.
"""

import asyncio
from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from seldon_core.kube import Object, Resource, key_of
from seldon_core.kube.resources import DEPLOYMENTS, SERVICES, Key

from .objects import ownedfields, scaling, strategy, templates
from .objects.applier import Applier, Fit, WaitingError
from .objects.caches import Caches
from .objects.kinds import DESTINATION_RULES, FIELD_MANAGER, GRPC_ROUTES, HTTP_ROUTES, OWNED, ROUTES, owned_resource
from .objects.ownership import with_owner
from .render import ROUTE_ANNOTATION, Rendered
from .routing import detour, handover, shifting


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
        rerouted: Told the uid of a SeldonDeployment whose route was written, also where a later write fails.
    """

    def __init__(self, caches: Caches, applier: Applier, rerouted: Callable[[str], object]) -> None:
        self._caches = caches
        self._applier = applier
        self._rerouted = rerouted

    async def deployments(self, rendered: Rendered, sdep: Object) -> list[tuple[Object, Object | None]]:
        """Each rendered Deployment as it would be written, with the live one, None where there is none.

        Raises:
            ApiError: The API server cannot be asked.
        """
        metadata, known = sdep["metadata"], (sdep.get("status") or {}).get("deploymentStatus") or {}
        scaled = scaling.scaled(rendered.objects)
        pairs: list[tuple[Object, Object | None]] = []
        for manifest in _of_kind(DEPLOYMENTS, rendered):
            wanted = with_owner(manifest, metadata["name"], metadata["uid"])
            key = key_of(manifest)
            live = self._caches.owned[DEPLOYMENTS].store.at(key)
            if live is None and key[1] in known:
                # Old releases made some without the label that the cache goes by.
                live = await self._applier.read(DEPLOYMENTS, key[1], key[0])
            pairs.append((dict(scaling.hold_replicas(scaled, wanted, live)) if live else wanted, live))
        return pairs

    async def serve(self, rendered: Rendered, sdep: Object, held: Container[str] = ()) -> Made:
        """Everything but routes: Services, autoscalers, disruption budgets, Deployments.

        Args:
            rendered: What is wanted.
            sdep: The SeldonDeployment.
            held: Names of Deployments whose pods stay as they are.

        Raises:
            ForeignObjectError: A name is taken.
            ApiError: The API server refuses, or cannot be asked.
        """
        made = Made(wanted=frozenset((owned_resource(m), key_of(m)) for m in rendered.objects))
        fits: dict[Resource, Fit] = {
            SERVICES: _keep_route,
            DEPLOYMENTS: partial(self._fit_deployment, rendered, held, scaling.scaled(rendered.objects)),
        }
        obsolete = list(scaling.obsolete(self._caches, sdep["metadata"]["uid"], made.wanted))
        released = frozenset(scaling.target_of(scaler) for _, scaler in obsolete) & scaling.silent(rendered.objects)
        for manifest in _of_kind(DEPLOYMENTS, rendered):
            name = manifest["metadata"]["name"]
            if name in released and name not in held:
                await self._reset_replicas(manifest, sdep, fits[DEPLOYMENTS])
        for resource, scaler in obsolete:
            await self._applier.remove(resource, scaler, sdep, "its Deployment is to be scaled otherwise")
        for resource in OWNED:
            if resource not in ROUTES:
                manifests = [_without_route(m) for m in _of_kind(resource, rendered)]
                await self._ensure(resource, manifests, sdep, made, fit=fits.get(resource), held=held)
        # A route that names a new destination must find it known by then; one that is there changes with its route.
        rules = _of_kind(DESTINATION_RULES, rendered)
        if rules:
            known = self._caches.owned[DESTINATION_RULES].store
            await self._ensure(DESTINATION_RULES, [m for m in rules if known.at(key_of(m)) is None], sdep, made)
        return made

    async def route(self, rendered: Rendered, sdep: Object, made: Made, *, may_step: bool = True) -> None:
        """The routes, once all Deployments are ready. The errors are those of `serve`.

        Args:
            rendered: What is wanted.
            sdep: The SeldonDeployment.
            made: What `serve` made.
            may_step: Gateways have had the time to follow the last change of these routes.
        """
        with self._telling(made, sdep):
            await self._ensure(SERVICES, _of_kind(SERVICES, rendered), sdep, made)
            for resource in ROUTES:
                fit = _fit_route(resource, may_step=may_step)
                await self._ensure(resource, _of_kind(resource, rendered), sdep, made, fit=fit)

    async def lead_round(self, rendered: Rendered, sdep: Object, *, may_step: bool) -> Made | None:
        """Lead the requests past Services whose ports are about to change; None where none is led there.

        What is made is what is there, and waits. The arguments and errors are those of `route`.
        """
        namespace, uid = sdep["metadata"]["namespace"], sdep["metadata"]["uid"]
        services = self._caches.owned[SERVICES].store
        moved = detour.moves(_of_kind(SERVICES, rendered), lambda name: services.get(name, namespace))
        if not moved:
            return None
        made = Made(wanted=frozenset((owned_resource(m), key_of(m)) for m in rendered.objects))
        with self._telling(made, sdep):
            for resource in ROUTES:
                informer = self._caches.owned.get(resource)
                routes = informer.store.by_index("owner", uid) if informer else []
                led = [detour.led_round(route, moved) for route in routes if detour.leads_to(route, moved)]
                await self._ensure(resource, led, sdep, made, fit=_fit_route(resource, may_step=may_step))
                if led or not may_step:
                    made.waiting = made.waiting or (
                        f"Requests are led past Service {', '.join(sorted(moved))} before its ports change."
                    )
        for resource, key in made.wanted:
            live = self._caches.owned[resource].store.at(key) if resource in self._caches.owned else None
            if live is not None:
                made.objects[resource, key] = live
        return made

    @contextmanager
    def _telling(self, made: Made, sdep: Object) -> Iterator[None]:
        """Tell of a route that this block writes, also where a refusal ends it: gateways follow what is written."""
        before = self._versions(made)
        try:
            yield
        finally:
            made.rerouted = before != self._versions(made)
            if made.rerouted:
                self._rerouted(sdep["metadata"]["uid"])

    async def _reset_replicas(self, manifest: Object, sdep: Object, fit: Fit) -> None:
        """Take an autoscaler's number of replicas back, right before it goes; see `scaling`."""
        live = self._caches.owned[DEPLOYMENTS].store.at(key_of(manifest))
        if live is None or live["spec"]["replicas"] == scaling.DEFAULT_REPLICAS:
            return
        wanted = with_owner(manifest, sdep["metadata"]["name"], sdep["metadata"]["uid"])
        try:
            fitted = fit(wanted, live)
        except WaitingError:
            # It is made anew, and has the default then.
            return
        await self._applier.write(DEPLOYMENTS, scaling.with_replicas(fitted, scaling.DEFAULT_REPLICAS), live, sdep)

    def _fit_deployment(
        self,
        rendered: Rendered,
        held: Container[str],
        scaled: Container[str],
        wanted: Mapping[str, Any],
        live: Mapping[str, Any],
    ) -> Mapping[str, Any]:
        """A Deployment with the replicas and the strategy, and where they are to stay the pods, that it has.

        Raises:
            WaitingError: It is to be made anew, and another one has to serve before.
        """
        wanted = strategy.hold(scaling.hold_replicas(scaled, wanted, live), live)
        if wanted["metadata"]["name"] in held:
            return templates.held(wanted, live)
        store = self._caches.owned[DEPLOYMENTS].store
        if first := handover.awaited(wanted, live, ((m, store.at(key_of(m))) for m in _of_kind(DEPLOYMENTS, rendered))):
            raise WaitingError(
                f"Waiting until Deployment {first} serves, before Deployment {wanted['metadata']['name']} is made anew."
            )
        return wanted

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
        self,
        resource: Resource,
        manifests: list[Object],
        sdep: Object,
        made: Made,
        *,
        fit: Fit | None = None,
        held: Container[str] = (),
    ) -> None:
        """All objects of a kind side by side. All are tried before the first failure counts."""
        if not manifests:
            return
        if reason := self._caches.why_unusable(resource):
            made.unusable[resource] = reason
            return

        async def ensure(manifest: Object) -> None:
            wanted = with_owner(manifest, sdep["metadata"]["name"], sdep["metadata"]["uid"])
            template = resource != DEPLOYMENTS or manifest["metadata"]["name"] not in held
            try:
                made.objects[resource, key_of(manifest)] = await self._applier.ensure(
                    resource, wanted, sdep, fit, template=template
                )
            except WaitingError as error:
                made.waiting = made.waiting or str(error)

        for error in await asyncio.gather(*(ensure(each) for each in manifests), return_exceptions=True):
            if error is not None:
                raise error


def _fit_route(resource: Resource, *, may_step: bool) -> Fit | None:
    return partial(shifting.shifted, may_step=may_step) if resource in {HTTP_ROUTES, GRPC_ROUTES} else None


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
