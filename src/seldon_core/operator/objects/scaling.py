"""Whose are a Deployment's replicas? An autoscaler's, where there is one: then they are never changed here.

Server-side apply takes a field away that was applied once and is not any more, and the API server then fills in its
default: a Deployment that gets an autoscaler would fall back to 1 replica. So what we own of it is held at its live
value until the autoscaler has set another one, which makes the field its own.

When the autoscaler goes and nobody asks for a number, the replicas go back to one, as with v1.17.1. Its last number is
taken back before it goes: so a controller that ends in between is followed by one that finds it, and begins again.
"""

from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any, Final

from seldon_core.kube import Object, Resource, key_of
from seldon_core.kube.resources import DEPLOYMENTS, Key

from . import ownedfields
from .caches import Caches
from .kinds import FIELD_MANAGER, SCALERS, owned_resource

DEFAULT_REPLICAS: Final = 1
"""What the API server makes of a Deployment that says no number."""


def target_of(scaler: Mapping[str, Any]) -> str:
    """The Deployment that an autoscaler, rendered or live, decides about."""
    return str(scaler["spec"].get("scaleTargetRef", {}).get("name", ""))


def scaled(objects: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """The names of the Deployments that have an autoscaler among the rendered objects."""
    return frozenset(target_of(each) for each in objects if owned_resource(each) in SCALERS)


def enough(objects: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """How many pods an autoscaler never goes below, by the name of the Deployment that it decides about."""
    found: dict[str, int] = {}
    for each in objects:
        if owned_resource(each) in SCALERS:
            least = each["spec"].get("minReplicas", each["spec"].get("minReplicaCount"))
            found[target_of(each)] = least if isinstance(least, int) else 1
    return found


def hold_replicas(names: Container[str], wanted: Mapping[str, Any], live: Mapping[str, Any]) -> Mapping[str, Any]:
    """The manifest of a Deployment, fitted to the live one.

    Args:
        names: The Deployments that have an autoscaler.
        wanted: The manifest.
        live: The Deployment.
    """
    owned = ownedfields.inside(ownedfields.owned_by(live, FIELD_MANAGER), "spec")
    if wanted["metadata"]["name"] not in names or not ownedfields.is_owned(owned, "replicas"):
        return wanted
    return with_replicas(wanted, live["spec"]["replicas"])


def with_replicas(deployment: Mapping[str, Any], replicas: int) -> Mapping[str, Any]:
    """The manifest with a number of replicas."""
    return {**deployment, "spec": {**deployment["spec"], "replicas": replicas}}


def silent(objects: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """The names of the rendered Deployments that neither have an autoscaler nor say how many replicas they want."""
    objects = list(objects)
    without = (o for o in objects if owned_resource(o) == DEPLOYMENTS and "replicas" not in o["spec"])
    return frozenset(str(each["metadata"]["name"]) for each in without) - scaled(objects)


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
