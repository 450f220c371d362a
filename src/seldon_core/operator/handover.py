"""Who goes on serving while a Deployment is made anew, and while what it replaced is on its way out.

A Deployment whose selector changes is made anew, and adopts the old pods where they match the new selector: then it
replaces them as soon as its own are ready. Where the orchestrator moves out of these pods, the old ones are the only
ones that answer until the new orchestrator's pods do.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from seldon_core.kube import Object

from . import readiness
from .caches import Caches

_APP: Final = "seldon-app"
_ORCHESTRATOR: Final = "seldon-deployment-contains-svcorch"


def awaited(
    wanted: Mapping[str, Any], live: Mapping[str, Any], all_wanted: Iterable[tuple[Object, Object | None]]
) -> str:
    """The Deployment whose pods must serve before `live` is made anew as `wanted`; empty where none must.

    Args:
        wanted: The rendered Deployment.
        live: The one of its name.
        all_wanted: Each rendered Deployment of the SeldonDeployment, with the live one, None where there is none.
    """
    new, old = wanted["spec"]["selector"]["matchLabels"], live["spec"]["selector"]["matchLabels"]
    if new == old or not new.items() <= old.items() or _APP not in old:
        return ""
    for other, there in all_wanted:
        takes_over = other["spec"]["selector"]["matchLabels"].get(_APP) == old[_APP]
        is_orchestrator = (other["metadata"].get("labels") or {}).get(_ORCHESTRATOR) == "true"
        serves = there is not None and readiness.rollout(there).serves
        if takes_over and is_orchestrator and not serves:
            return str(other["metadata"]["name"])
    return ""


def pods_leave(caches: Caches, deployments: Iterable[Mapping[str, Any]]) -> bool:
    """Whether pods of these Deployments are on their way out: until they have ended they serve, by the old graph."""
    return any(
        pod["metadata"].get("deletionTimestamp")
        for deployment in deployments
        for replica_set in caches.replica_sets.store.by_index("owner", deployment["metadata"]["uid"])
        for pod in caches.pods.store.by_index("owner", replica_set["metadata"]["uid"])
    )
