"""Whose are a Deployment's replicas? An autoscaler's, where there is one: then they are never changed here.

Server-side apply takes a field away that was applied once and is not any more, and the API server then fills in its
default: a Deployment that gets an autoscaler would fall back to 1 replica. So what we own of it is held at its live
value until the autoscaler has set another one, which makes the field its own.
"""

from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any

from seldon_core.kube import Object, Resource, key_of
from seldon_core.kube.resources import DEPLOYMENTS, Key

from . import ownedfields
from .caches import Caches
from .kinds import FIELD_MANAGER, SCALERS, owned_resource


def target_of(scaler: Mapping[str, Any]) -> str:
    """The Deployment that an autoscaler, rendered or live, decides about."""
    return str(scaler["spec"].get("scaleTargetRef", {}).get("name", ""))


def scaled(objects: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """The names of the Deployments that have an autoscaler among the rendered objects."""
    return frozenset(target_of(each) for each in objects if owned_resource(each) in SCALERS)


def hold_replicas(names: Container[str], wanted: Mapping[str, Any], live: Mapping[str, Any]) -> Mapping[str, Any]:
    """The manifest of a Deployment, fitted to the live one where it is among those that have an autoscaler."""
    owned = ownedfields.inside(ownedfields.owned_by(live, FIELD_MANAGER), "spec")
    if wanted["metadata"]["name"] not in names or not ownedfields.is_owned(owned, "replicas"):
        return wanted
    return {**wanted, "spec": {**wanted["spec"], "replicas": live["spec"]["replicas"]}}


def obsolete(caches: Caches, uid: str, wanted: Iterable[tuple[Resource, Key]]) -> Iterator[tuple[Resource, Object]]:
    """Autoscalers that are no longer wanted although their Deployment is.

    They have to go before that Deployment gets replicas of its own, or another autoscaler: two would pull at it.
    """
    keys = set(wanted)
    for resource in SCALERS:
        informer = caches.owned.get(resource)
        for scaler in informer.store.by_index("owner", uid) if informer else ():
            namespace, _ = key = key_of(scaler)
            kept = (DEPLOYMENTS, (namespace, target_of(scaler))) in keys
            if kept and (resource, key) not in keys and not scaler["metadata"].get("deletionTimestamp"):
                yield resource, scaler
