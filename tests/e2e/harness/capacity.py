"""How much CPU the scheduler can still give away: tests wait for it instead of for pods that stay Pending.

The node of a 2-core machine holds the control plane and about two models.
Source of the sums: the scheduler's own rule, the larger of the containers' sum and the largest init container.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

ENDED = ("Succeeded", "Failed")
SUFFIXES = {"m": 0.001, "k": 1000.0}


def cpus(quantity: str | float | None) -> float:
    """A Kubernetes CPU quantity in CPUs: "500m" is 0.5, "2" is 2.0, "1k" is 1000.0, None is 0.0."""
    if quantity is None:
        return 0.0
    text = str(quantity)
    return float(text.rstrip("mk")) * SUFFIXES.get(text[-1], 1.0)


def requested(pod: Mapping[str, Any]) -> float:
    """The CPUs that the scheduler sets aside for a pod."""
    spec = pod["spec"]
    together = sum(_request(container) for container in spec.get("containers") or ())
    largest = 0.0
    for container in spec.get("initContainers") or ():
        # An init container that restarts always is a sidecar: it runs beside the others.
        if container.get("restartPolicy") == "Always":
            together += _request(container)
        else:
            largest = max(largest, _request(container))
    return max(together, largest) + cpus((spec.get("overhead") or {}).get("cpu"))


def free(
    nodes: Iterable[Mapping[str, Any]], pods: Iterable[Mapping[str, Any]], kept: Mapping[str, float] | None = None
) -> float:
    """CPUs of all nodes that no pod has asked for.

    Pods that have ended count no more, and those that ask for more than there is never do: no node takes them.
    `kept` are CPUs by namespace whose pods may yet ask for so many, together.
    """
    have = sum(cpus(node["status"]["allocatable"]["cpu"]) for node in nodes)
    taken: defaultdict[str, float] = defaultdict(float)
    for pod in pods:
        asked = requested(pod)
        if asked <= have and pod.get("status", {}).get("phase") not in ENDED:
            taken[pod["metadata"]["namespace"]] += asked
    for namespace, height in (kept or {}).items():
        taken[namespace] = max(taken[namespace], height)
    return have - sum(taken.values())


def _request(container: Mapping[str, Any]) -> float:
    resources = container.get("resources") or {}
    # The API server copies limits into requests that are not given.
    return cpus((resources.get("requests") or resources.get("limits") or {}).get("cpu"))
