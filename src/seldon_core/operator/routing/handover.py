"""Who goes on serving while a Deployment is made anew, and while what it replaced is on its way out.

A Deployment whose selector changes is made anew, and adopts the old pods where they match the new selector: then it
replaces them as soon as its own are ready. Where the orchestrator moves out of these pods, the old ones are the only
ones that answer until the new orchestrator's pods do.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from seldon_core.kube import Object
from seldon_core.operator.objects.caches import Caches
from seldon_core.operator.objects.takeover import time_of
from seldon_core.operator.report import readiness

LATE_SECONDS: Final = 30.0
"""A pod's deletionTimestamp is the time at which it is to have ended; kubelets, and clocks, are late by so much."""

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


def seconds_of_leaving(caches: Caches, deployments: Iterable[Mapping[str, Any]], now: datetime) -> float:
    """How long pods of these Deployments may be on their way out still: until they end, they serve the old graph.

    Args:
        caches: Live objects.
        deployments: The live ones.
        now: The present time.

    Returns:
        Seconds, 0 where there are none. A pod of a node that is lost stays for ever: it is waited for no longer than
        it was given.
    """
    ends = (
        time_of(pod["metadata"]["deletionTimestamp"])
        for deployment in deployments
        for replica_set in caches.replica_sets.store.by_index("owner", deployment["metadata"]["uid"])
        for pod in caches.pods.store.by_index("owner", replica_set["metadata"]["uid"])
        if pod["metadata"].get("deletionTimestamp")
    )
    left = [(end - now).total_seconds() + LATE_SECONDS for end in ends if end]
    return max(0.0, *left) if left else 0.0
