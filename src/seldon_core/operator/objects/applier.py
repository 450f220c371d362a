"""Brings one object to what is wanted: writes only where something differs, and never to what is somebody else's."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from seldon_core.kube import Client, ConflictError, Event, EventType, NotFoundError, Object, Resource, key_of
from seldon_core.kube.resources import DEPLOYMENTS, Key
from seldon_core.operator.log import about
from seldon_core.operator.metrics import Metrics
from seldon_core.operator.report.events import Recorder

from . import compare, keyedlists, ownedfields, takeover
from .caches import Caches
from .inheritance import Inheritance
from .kinds import FIELD_MANAGER
from .memory import Memory
from .overlay import overlay
from .ownership import Owner, controller_of, owner_of

_log = logging.getLogger(__name__)

Fit = Callable[[Mapping[str, Any], Mapping[str, Any]], Mapping[str, Any]]
"""From a wanted manifest and the live object to the manifest that fits it. What it takes over from the live object is
true of that state alone, so it is written on the condition that the object has not changed meanwhile."""


class ForeignObjectError(Exception):
    """An object of a wanted name belongs to somebody else. The text says which, and what to do."""


class WaitingError(Exception):
    """Something has to go before work can go on; an event will tell when. The text says what is waited for."""


class Applier:
    """Writes wanted objects.

    Args:
        client: The API server.
        caches: Live objects.
        recorder: For events on the SeldonDeployment.
        metrics: Counts writes.
    """

    def __init__(self, client: Client, caches: Caches, recorder: Recorder, metrics: Metrics) -> None:
        self._client = client
        self._caches = caches
        self._recorder = recorder
        self._metrics = metrics
        self._memory = Memory()
        self._inheritance = Inheritance(client)
        self.progress: set[Key] = set()
        """SeldonDeployments for which the API server has taken a write since their entry was removed."""
        for informer in caches.owned.values():
            informer.on_event(self._forget_deleted)

    async def ensure(
        self,
        resource: Resource,
        wanted: Mapping[str, Any],
        sdep: Object,
        fit: Fit | None = None,
        *,
        template: bool = True,
    ) -> Object:
        """Make an object what is wanted.

        Args:
            resource: Its kind.
            wanted: The manifest, with its owner.
            sdep: The SeldonDeployment that wants it.
            fit: Adapts the manifest to the live object, where there is one.
            template: The pod template that a former controller made becomes ours, too; else it is kept.

        Returns:
            The live object.

        Raises:
            ForeignObjectError: Its name is taken.
            WaitingError: An object of its name is being deleted.
            ApiError: The API server refuses, or cannot be asked.
        """
        informer = self._caches.owned[resource]
        namespace, name = key_of(wanted)
        live = informer.store.get(name, namespace)
        if live is None:
            # The cache holds only what carries our label. Applying would take over an object without it, silently.
            live = await self.read(resource, name, namespace)
        as_rendered = wanted
        if live is not None:
            self._check_owner(live, resource, sdep)
            live = await self._take_over(resource, live, sdep, template=template)
            if resource == DEPLOYMENTS:
                live = await self._inherit(live, sdep)
            wanted = fit(wanted, live) if fit else wanted
            path = compare.difference(wanted, live, FIELD_MANAGER)
            if path is None or self._memory.is_fulfilled(wanted, live):
                return live
            if _must_be_made_anew(resource, wanted, live):
                self._inheritance.leave(sdep["metadata"]["uid"], as_rendered, live)
                await self._make_way(resource, live, sdep)
            _log.info("%s %s differs at %s", resource.kind, name, path, extra=about(*key_of(sdep)))
        elif resource == DEPLOYMENTS:
            wanted = self._inheritance.before_birth(sdep["metadata"]["uid"], wanted)
        try:
            answer = await self._write(resource, wanted, live, exact=wanted is not as_rendered)
        except ConflictError:
            # The watch may be late by more than this try's patience: the next one is not to fail by the same old news.
            fresh = await self.read(resource, name, namespace)
            if fresh is not None:
                informer.learn(fresh)
            raise
        informer.learn(answer)
        self.progress.add(key_of(sdep))
        self._memory.remember(wanted, answer)
        changed = live is None or answer["metadata"]["resourceVersion"] != live["metadata"]["resourceVersion"]
        if changed:
            verb = "Create" if live is None else "Update"
            self._recorder.normal(sdep, f"{verb}{resource.kind}", f"{verb}d {resource.kind} {name}")
        return await self._inherit(answer, sdep) if resource == DEPLOYMENTS and live is None else answer

    async def _inherit(self, live: Object, sdep: Object) -> Object:
        """A Deployment with what the one that it takes the place of has left to it. See `inheritance`."""
        answer = await self._inheritance.pass_on(sdep["metadata"]["uid"], live)
        if answer is not live:
            self._caches.owned[DEPLOYMENTS].learn(answer)
            self._metrics.writes.increment(kind=DEPLOYMENTS.kind, verb="patch")
        return answer

    async def _take_over(self, resource: Resource, live: Object, sdep: Object, *, template: bool) -> Object:
        """Make ours what a former controller wrote, as if we had: no more changes in this write. See `takeover`."""
        if not takeover.pending(live, template=template):
            return live
        namespace, name = key_of(live)
        # The cache keeps a part of managedFields; what is written has to hold all of it.
        whole = await self.read(resource, name, namespace)
        entries = None
        if whole is not None and whole["metadata"]["uid"] == live["metadata"]["uid"]:
            entries = takeover.adopted(whole, template=template)
        if whole is None or entries is None:
            return live
        version = whole["metadata"]["resourceVersion"]
        patch = {"metadata": {"resourceVersion": version, "managedFields": entries}}
        answer = await self._client.patch(resource, name, patch, namespace)
        self._caches.owned[resource].learn(answer)
        self._metrics.writes.increment(kind=resource.kind, verb="take over")
        _log.info("%s %s is taken over", resource.kind, name, extra=about(*key_of(sdep)))
        return answer

    async def write(self, resource: Resource, wanted: Mapping[str, Any], live: Object, sdep: Object) -> None:
        """Write a manifest over the live object as it is, for a step on the way. The errors are those of `ensure`.

        What has to be made anew is left alone.
        """
        self._check_owner(live, resource, sdep)
        if not _must_be_made_anew(resource, wanted, live):
            self._caches.owned[resource].learn(await self._write(resource, wanted, live, exact=True))

    def is_fulfilled(self, wanted: Mapping[str, Any], live: Object) -> bool:
        """Whether the same was written before, and the object is still what came of it."""
        return self._memory.is_fulfilled(wanted, live)

    async def _write(
        self, resource: Resource, wanted: Mapping[str, Any], live: Object | None, *, exact: bool
    ) -> Object:
        """Server-side apply; or, for a manifest that it refuses, the same written as a whole.

        With `exact` only if the object is still as `live` says (else `ConflictError`).
        """
        whole = keyedlists.has_duplicates(wanted)
        if live is None:
            verb = "create" if whole else "apply"
            answer = await (self._client.create if whole else self._client.apply)(resource, wanted)
        elif whole or ownedfields.owned_by(live, FIELD_MANAGER, "Update"):
            # What was written as a whole once stays so: an apply would not take away what an update has set.
            verb, owned = "replace", ownedfields.owned_by(live, FIELD_MANAGER)
            answer = await self._client.replace(resource, overlay(live, wanted, owned))
        else:
            verb = "apply"
            preconditions = ("uid", "resourceVersion") if exact else ("uid",)
            metadata = {**wanted["metadata"], **{name: live["metadata"][name] for name in preconditions}}
            answer = await self._client.apply(resource, {**wanted, "metadata": metadata})
        self._metrics.writes.increment(kind=resource.kind, verb=verb)
        return answer

    async def remove(self, resource: Resource, live: Object, sdep: Object, why: str) -> None:
        """Delete an object of ours that is no longer wanted; that very one, not a later one of its name."""
        namespace, name = key_of(live)
        try:
            await self._client.delete(resource, name, namespace, uid=live["metadata"]["uid"])
        except NotFoundError:
            _log.debug("%s %s is gone already", resource.kind, name, extra=about(*key_of(sdep)))
        self.progress.add(key_of(sdep))
        if resource in self._caches.owned:
            # What is forgotten here is not told as deleted later.
            self._caches.owned[resource].forget(live)
            self._memory.forget(live["metadata"]["uid"])
        self._metrics.writes.increment(kind=resource.kind, verb="delete")
        self._recorder.normal(sdep, f"Delete{resource.kind}", f"Deleted {resource.kind} {name}: {why}")
        _log.info("deleted %s %s: %s", resource.kind, name, why, extra=about(*key_of(sdep)))

    def _forget_deleted(self, event: Event) -> None:
        if event.type is EventType.DELETED:
            self._memory.forget(event.object["metadata"]["uid"])

    async def read(self, resource: Resource, name: str, namespace: str) -> Object | None:
        """One object, None where it is not there."""
        try:
            return await self._client.get(resource, name, namespace)
        except NotFoundError:
            return None

    def _check_owner(self, live: Object, resource: Resource, sdep: Object) -> None:
        metadata = sdep["metadata"]
        named = f"{resource.kind} {live['metadata']['name']}"
        owner = owner_of(live, metadata["name"], metadata["uid"])
        if owner is Owner.FORMER:
            raise WaitingError(f"Waiting until {named} of the former SeldonDeployment {metadata['name']} is deleted.")
        if owner is Owner.FOREIGN:
            controller = controller_of(live)
            whose = f"belongs to {controller['kind']} {controller['name']}" if controller else "belongs to nobody"
            raise ForeignObjectError(
                f"{named} in namespace {metadata['namespace']} exists already and {whose}: "
                f"delete it, or give this SeldonDeployment or its predictor another name."
            )
        if live["metadata"].get("deletionTimestamp"):
            raise WaitingError(f"Waiting until {named} is deleted, to make it anew.")

    async def _make_way(self, resource: Resource, live: Object, sdep: Object) -> None:
        """Delete a Deployment whose selector cannot be changed, but not its pods: they serve until the new ones do.

        Its ReplicaSets stay behind without an owner; `pruner` takes them away once everything is ready.
        """
        namespace, name = key_of(live)
        await self._client.delete(resource, name, namespace, uid=live["metadata"]["uid"], propagation="Orphan")
        self._metrics.writes.increment(kind=resource.kind, verb="delete")
        text = (
            f"{resource.kind} {name} is made anew, because its selector changed; "
            f"its pods serve until the new ones are ready."
        )
        self._recorder.normal(sdep, f"Delete{resource.kind}", text)
        _log.warning("%s", text, extra=about(*key_of(sdep)))
        raise WaitingError(text)


def _must_be_made_anew(resource: Resource, wanted: Mapping[str, Any], live: Mapping[str, Any]) -> bool:
    """Whether the API server would refuse the change: the selector of a Deployment cannot be changed."""
    return resource == DEPLOYMENTS and bool(wanted["spec"]["selector"] != live["spec"]["selector"])
