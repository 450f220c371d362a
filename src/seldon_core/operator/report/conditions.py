"""Conditions of a SeldonDeployment about what is made beside its Services and Deployments.

An object's own word counts where it gives one: that a gateway refuses a route, or that an autoscaler cannot scale.
Source of types and reasons: specification 1.6.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from seldon_core.kube import Object, Resource
from seldon_core.kube.resources import HORIZONTAL_POD_AUTOSCALERS, POD_DISRUPTION_BUDGETS, Key
from seldon_core.operator.objects.caches import Caches
from seldon_core.operator.objects.kinds import (
    DESTINATION_RULES,
    GRPC_ROUTES,
    HTTP_ROUTES,
    MAPPINGS,
    ROUTES,
    SCALED_OBJECTS,
    TLS_CONTEXTS,
    VIRTUAL_SERVICES,
)

Json = dict[str, Any]

_LISTENERS: Final = (
    "; where the gateway takes no GRPCRoutes beside HTTPRoutes on one listener, name a listener for each in the "
    "chart's values gateway.httpListener and gateway.grpcListener"
)


@dataclass(frozen=True, slots=True)
class Group:
    """The kinds that one condition is about, and its words.

    Attributes:
        type: The condition.
        kinds: What it is about.
        none: Its reason where none is wanted; empty where the condition is left out then.
        lacking: Its reason where something is missing or out of order.
        complete: Its reason where all is well.
    """

    type: str
    kinds: tuple[Resource, ...]
    none: str
    lacking: str
    complete: str


GROUPS: Final = (
    Group(
        "AmbassadorMappingsReady",
        (TLS_CONTEXTS, MAPPINGS),
        "No Ambassador Mappings defined",
        "Not all Ambassador Mappings created",
        "All Ambassador Mappings created",
    ),
    # v1.17.1 knows no Gateway API: who does not use it sees no condition of it.
    Group("GatewayRoutesReady", (HTTP_ROUTES, GRPC_ROUTES), "", "Not all routes accepted", "All routes created"),
    Group("HpasReady", (HORIZONTAL_POD_AUTOSCALERS,), "No HPAs defined", "HPAs not ready", "All HPAs resources ready"),
    Group(
        "KedaReady",
        (SCALED_OBJECTS,),
        "No KEDA resources defined",
        "KEDA resources not ready",
        "All KEDA resources ready",
    ),
    Group("PdbsReady", (POD_DISRUPTION_BUDGETS,), "No PDBs defined", "PDBs not ready", "All PDBs ready"),
    Group(
        "istioVirtualServicesReady",
        (DESTINATION_RULES, VIRTUAL_SERVICES),
        "No VirtualServices defined",
        "Not all VirtualServices created",
        "All VirtualServices created",
    ),
)


def condition(name: str, fulfilled: bool, reason: str, message: str = "") -> Json:  # noqa: FBT001 - the status itself
    """A condition without its time."""
    found = {"type": name, "status": "True" if fulfilled else "False", "reason": reason}
    return found | ({"message": message} if message else {})


def is_attached(name: str) -> bool:
    """Whether a condition is one of those that are made here."""
    return any(group.type == name for group in GROUPS)


def unobserved() -> tuple[Json, ...]:
    """The conditions of a SeldonDeployment that wants none of these kinds."""
    return tuple(condition(group.type, True, group.none) for group in GROUPS if group.none)


def observe(caches: Caches, wanted: Iterable[tuple[Resource, Key]], uid: str) -> tuple[Json, ...]:
    """The conditions, from the live objects.

    Args:
        caches: Live objects.
        wanted: What the SeldonDeployment wants, of all kinds.
        uid: The SeldonDeployment's.
    """
    keys = sorted(wanted, key=lambda each: each[1])
    return tuple(found for group in GROUPS if (found := _of_group(group, caches, keys, uid)))


def _of_group(group: Group, caches: Caches, wanted: list[tuple[Resource, Key]], uid: str) -> Json | None:
    mine = [(resource, key) for resource, key in wanted if resource in group.kinds]
    if not mine:
        return condition(group.type, True, group.none) if group.none else None
    found: list[Object] = []
    for resource, key in mine:
        if reason := caches.why_unusable(resource):
            return condition(group.type, False, group.lacking, reason)
        live = next((o for o in caches.owned[resource].store.by_index("owner", uid) if _key(o) == key), None)
        problem = next(_problems(live), "") if live else _absence(resource, key)
        if problem:
            return condition(group.type, False, group.lacking, problem)
        found += [live] if live else []
    if HTTP_ROUTES in group.kinds and not any(map(_is_taken, found)):
        first = next(each for each in found if each["kind"] == HTTP_ROUTES.kind)
        return condition(group.type, False, group.lacking, _untaken(first))
    return condition(group.type, True, group.complete)


def _key(obj: Object) -> Key:
    return (obj["metadata"].get("namespace") or "", obj["metadata"]["name"])


def _absence(resource: Resource, key: Key) -> str:
    named = f"{resource.kind} {key[1]} does not exist yet"
    return f"{named}: it is made when all Deployments are ready." if resource in ROUTES else f"{named}."


def _problems(live: Object) -> Iterator[str]:
    """What an object says against itself."""
    status = live.get("status") or {}
    for each in status.get("conditions") or ():
        # A HorizontalPodAutoscaler that has no figures yet is no problem of the deployment: its pods serve.
        if each.get("type") in {"AbleToScale", "Ready"} and each.get("status") == "False":
            yield _sentence(live, each)
    for parent in status.get("parents") or ():
        for each in parent.get("conditions") or ():
            current = each.get("observedGeneration", 0) >= live["metadata"].get("generation", 0)
            if current and each.get("type") in {"Accepted", "ResolvedRefs"} and each.get("status") == "False":
                yield _sentence(live, each, advice=_LISTENERS if live["kind"] == GRPC_ROUTES.kind else "")


def _is_taken(live: Mapping[str, Any]) -> bool:
    """Whether a gateway says that it has looked at a route, in this version or an earlier one.

    Until one has, nobody is led by the routes. One route of a SeldonDeployment is word enough for all: a gateway may
    know no GRPCRoutes, and Contour now and then forgets to write a status.
    """
    parents = (live.get("status") or {}).get("parents") or ()
    return any(each.get("type") == "Accepted" for parent in parents for each in parent.get("conditions") or ())


def _untaken(live: Object) -> str:
    parents = ", ".join(str(each.get("name")) for each in live["spec"].get("parentRefs") or ())
    words = f"no gateway has taken it yet; it waits for Gateway {parents}: does that exist, and its controller run?"
    return _sentence(live, {"message": words})


def _sentence(live: Object, said: Mapping[str, Any], advice: str = "") -> str:
    words = " ".join(str(said.get("message") or said.get("reason") or "no reason is given").split())
    return f"{live['kind']} {live['metadata']['name']}: {words}{advice}"
