"""The local copies that reconciling reads, and which SeldonDeployment a change of any of them concerns."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from seldon_core.kube import Client, Event, EventType, Informer, NotFoundError, Object, Resource, Timings, key_of
from seldon_core.kube.client import Selection
from seldon_core.kube.resources import DEPLOYMENTS, EVENTS, NAMESPACES, PODS, REPLICA_SETS, Key
from seldon_core.operator.rollout import turns

from . import takeover
from .kinds import (
    CONTROLLER_ID,
    DEPLOYMENT_ID,
    FIELD_MANAGER,
    LABELLED,
    MANAGED_SELECTOR,
    OPTIONAL,
    REVISION,
    SELDON_DEPLOYMENTS,
)
from .ownership import controller_of, is_seldon

_POD_WARNINGS = frozenset({"FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox", "Failed", "Unhealthy"})
"""Events that say what a pod's own status does not, or says later."""


class Caches:
    """The informers.

    Args:
        client: The API server.
        namespace: The one that is served, or None for all.
        shared: Whether namespaces may belong to another controller by their label.
        owned: The kinds that are made, in the order in which they are applied.
        timings: Of the informers.
    """

    def __init__(
        self,
        client: Client,
        *,
        namespace: str | None,
        owned: Sequence[Resource],
        shared: bool = False,
        timings: Timings | None = None,
    ) -> None:
        def informer(resource: Resource, **options: Any) -> Informer:
            chosen = {k: options.pop(k) for k in ("labels", "fields", "metadata_only") if k in options}
            return Informer(client, Selection(resource, namespace, **chosen), timings=timings, **options)

        self.seldon_deployments = informer(
            SELDON_DEPLOYMENTS, transform=_without_history, indexers={turns.INDEX: turns.indexer}
        )
        self.owned: Mapping[Resource, Informer] = {
            resource: informer(
                resource,
                labels=MANAGED_SELECTOR if resource in LABELLED else "",
                transform=_with_our_history if resource in LABELLED else _of_a_seldon_deployment,
                indexers={"owner": _controller_uid},
            )
            for resource in owned
        }
        self.replica_sets = informer(
            REPLICA_SETS,
            labels=MANAGED_SELECTOR,
            metadata_only=True,
            transform=_names_alone,
            indexers={"owner": _controller_uid, "orphan": _orphan_of},
        )
        self.pods = informer(PODS, labels=MANAGED_SELECTOR, transform=_pod_state, indexers={"owner": _controller_uid})
        self.warnings = informer(
            EVENTS,
            fields="type=Warning,involvedObject.kind=Pod",
            transform=_pod_warning,
            indexers={"pod": _involved_uid},
        )

        self.foreign_namespaces = (
            informer(NAMESPACES, labels=CONTROLLER_ID, metadata_only=True, transform=_names_alone) if shared else None
        )

    @property
    def all(self) -> tuple[Informer, ...]:
        """Every informer."""
        further = (self.foreign_namespaces,) if self.foreign_namespaces else ()
        return (self.seldon_deployments, *self.owned.values(), self.replica_sets, self.pods, self.warnings, *further)

    def is_new(self, key: Key) -> bool:
        """Whether a SeldonDeployment says what nobody has acted upon yet: it goes before those that only change."""
        live = self.seldon_deployments.store.at(key)
        observed = ((live or {}).get("status") or {}).get("observedGeneration")
        return live is not None and observed != live["metadata"].get("generation")

    def is_foreign(self, namespace: str) -> bool:
        """Whether the SeldonDeployments of a namespace are another controller's."""
        return self.foreign_namespaces is not None and self.foreign_namespaces.store.get(namespace) is not None

    def serves(self, sdep: Object, controller_id: str) -> bool:
        """Whether a SeldonDeployment is served by the controller of this id."""
        metadata = sdep["metadata"]
        named = (metadata.get("labels") or {}).get(CONTROLLER_ID, "")
        return bool(named == controller_id) and not self.is_foreign(metadata.get("namespace", ""))

    @property
    def missing(self) -> list[str]:
        """The kinds that reconciling has to wait for. An optional one counts until it is known to be there or not."""
        return [i.selection.resource.rbac_name for i in self.all if not _settled(i).is_set()]

    @property
    def synced(self) -> bool:
        """Whether nothing is missing."""
        return not self.missing

    async def wait_synced(self) -> None:
        """Wait until nothing is missing."""
        await asyncio.gather(*(_settled(informer).wait() for informer in self.all))

    def is_absent(self, resource: Resource) -> bool:
        """Whether the cluster does not know an owned kind, so that there are no objects of it."""
        informer = self.owned[resource]
        return not informer.synced.is_set() and isinstance(informer.last_error, NotFoundError)

    def why_unusable(self, resource: Resource) -> str:
        """Why objects of an owned kind cannot be made now, as a sentence; empty where they can."""
        informer = self.owned[resource]
        if informer.synced.is_set():
            return ""
        if self.is_absent(resource):
            return (
                f"The cluster does not know {resource.rbac_name} of version {resource.version}: "
                "install its CustomResourceDefinition, or switch its use off in the chart's values."
            )
        return f"{resource.kind} objects cannot be listed: {informer.last_error}"

    def on_change(self, concerns: Callable[[Key], None]) -> None:
        """Call a function with the key of a SeldonDeployment whenever something changes that concerns it."""

        def tell(
            keys: Callable[[Object], Iterable[Key]], content: Callable[[Object], Any] = _content
        ) -> Callable[[Event], None]:
            def handler(event: Event) -> None:
                gone = event.type is EventType.DELETED
                if gone or event.old is None or content(event.old) != content(event.object):
                    for key in keys(event.object):
                        concerns(key)

            return handler

        def tell_all() -> None:
            for key in self.seldon_deployments.store.all_keys():
                concerns(key)

        self.seldon_deployments.on_event(tell(lambda obj: (key_of(obj),)))
        for resource, informer in self.owned.items():
            informer.on_event(tell(_seldon_owner))
            if resource in OPTIONAL:
                informer.on_sync(tell_all)
        if self.foreign_namespaces:
            self.foreign_namespaces.on_event(tell(self._in_namespace))
        self.replica_sets.on_event(tell(self._of_replica_set))
        self.pods.on_event(tell(self._of_pod))
        # A probe that fails each second is told once.
        self.warnings.on_event(tell(self._of_warning, lambda event: event.get("message")))

    def pods_of(self, deployment: Object) -> list[Object]:
        """The pods of a Deployment's present version, oldest first; none where its ReplicaSet is not there yet."""
        revision = (deployment["metadata"].get("annotations") or {}).get(REVISION)
        for replica_set in self.replica_sets.store.by_index("owner", deployment["metadata"]["uid"]):
            if revision and (replica_set["metadata"].get("annotations") or {}).get(REVISION) == revision:
                pods = self.pods.store.by_index("owner", replica_set["metadata"]["uid"])
                return sorted(pods, key=lambda pod: (pod["metadata"].get("creationTimestamp") or "", key_of(pod)))
        return []

    def warnings_of(self, pod: Object) -> list[Object]:
        """Warning events about a pod."""
        return self.warnings.store.by_index("pod", pod["metadata"]["uid"])

    def orphans_of(self, namespace: str, deployment_id: str) -> list[Object]:
        """ReplicaSets that carry a SeldonDeployment's label and have no controller."""
        return self.replica_sets.store.by_index("orphan", f"{namespace}/{deployment_id}")

    def _in_namespace(self, obj: Object) -> Iterable[Key]:
        name = obj["metadata"]["name"]
        return [key for key in self.seldon_deployments.store.all_keys() if key[0] == name]

    def _of_replica_set(self, obj: Object) -> Iterable[Key]:
        owner = controller_of(obj)
        namespace = obj["metadata"].get("namespace", "")
        if owner is None:
            return ((namespace, (obj["metadata"].get("labels") or {}).get(DEPLOYMENT_ID, "")),)
        deployment = self.owned[DEPLOYMENTS].store.get(owner["name"], namespace)
        return _seldon_owner(deployment) if deployment else ()

    def _of_pod(self, obj: Object) -> Iterable[Key]:
        owner = controller_of(obj)
        if owner is None:
            return ()
        replica_set = self.replica_sets.store.get(owner["name"], obj["metadata"]["namespace"])
        # Where the ReplicaSet is not known yet, its own event will tell.
        return self._of_replica_set(replica_set) if replica_set else ()

    def _of_warning(self, obj: Object) -> Iterable[Key]:
        about = obj["involvedObject"]
        pod = self.pods.store.get(about.get("name", ""), about.get("namespace", ""))
        return self._of_pod(pod) if pod else ()


def _content(obj: Object) -> Object:
    """An object without what changes at every write."""
    metadata = {k: v for k, v in obj["metadata"].items() if k not in {"resourceVersion", "managedFields"}}
    return {**obj, "metadata": metadata}


def _metadata(obj: Object, *names: str) -> Object:
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp", "deletionTimestamp", *names)
    return {name: obj["metadata"][name] for name in kept if name in obj["metadata"]}


def _without_history(obj: Object) -> Object:
    metadata = {k: v for k, v in obj["metadata"].items() if k != "managedFields"}
    return {**obj, "metadata": metadata}


def _with_our_history(obj: Object) -> Object:
    """Of managedFields only what we own, and what is to become ours: the rest is half of an object's memory."""
    entries = obj["metadata"].get("managedFields") or ()
    ours = [e for e in entries if e.get("manager") == FIELD_MANAGER or takeover.is_former(e)]
    return {**obj, "metadata": {**obj["metadata"], "managedFields": ours}}


def _of_a_seldon_deployment(obj: Object) -> Object | None:
    """An object that a SeldonDeployment owns; of its status what it says about itself, not what it counts."""
    if not any(is_seldon(reference) for reference in obj["metadata"].get("ownerReferences") or ()):
        return None
    kept = _with_our_history(obj)
    status = obj.get("status") or {}
    return {**kept, "status": {name: status[name] for name in ("conditions", "parents") if name in status}}


def _settled(informer: Informer) -> asyncio.Event:
    return informer.answered if informer.selection.resource in OPTIONAL else informer.synced


def _names_alone(obj: Object) -> Object:
    kept = _metadata(obj, "labels", "ownerReferences")
    annotations = obj["metadata"].get("annotations") or {}
    kept["annotations"] = {REVISION: annotations[REVISION]} if REVISION in annotations else {}
    return {"metadata": kept}


def _pod_state(obj: Object) -> Object:
    status = obj.get("status") or {}
    names = ("phase", "reason", "message", "initContainerStatuses", "containerStatuses")
    kept = {name: status[name] for name in names if name in status}
    kept["conditions"] = [c for c in status.get("conditions") or () if c.get("type") == "PodScheduled"]
    return {"metadata": _metadata(obj, "ownerReferences"), "status": kept}


def _pod_warning(obj: Object) -> Object | None:
    if obj.get("reason") not in _POD_WARNINGS:
        return None
    names = ("reason", "message", "involvedObject", "lastTimestamp", "eventTime")
    return {"metadata": _metadata(obj), **{name: obj[name] for name in names if name in obj}}


def _controller_uid(obj: Object) -> Iterable[str]:
    owner = controller_of(obj)
    return (owner["uid"],) if owner else ()


def _orphan_of(obj: Object) -> Iterable[str]:
    metadata = obj["metadata"]
    label = (metadata.get("labels") or {}).get(DEPLOYMENT_ID)
    return (f"{metadata.get('namespace', '')}/{label}",) if label and controller_of(obj) is None else ()


def _involved_uid(obj: Object) -> Iterable[str]:
    return (obj["involvedObject"].get("uid", ""),)


def _seldon_owner(obj: Object) -> Iterable[Key]:
    owner = controller_of(obj)
    if owner is None or not is_seldon(owner):
        return ()
    return ((obj["metadata"].get("namespace", ""), owner["name"]),)
