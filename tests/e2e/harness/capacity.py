"""How much CPU the scheduler can still give away: tests wait for it instead of for pods that stay Pending.

The node of a 2-core machine holds the control plane and about two models.
Source of the sums: the scheduler's own rule, the larger of the containers' sum and the largest init container.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

ENDED = ("Succeeded", "Failed")


def cpus(quantity: str | float | None) -> float:
    """A Kubernetes CPU quantity in CPUs: "500m" is 0.5, "2" is 2.0, None is 0.0."""
    if quantity is None:
        return 0.0
    text = str(quantity)
    return float(text[:-1]) / 1000 if text.endswith("m") else float(text)


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


def free(nodes: Iterable[Mapping[str, Any]], pods: Iterable[Mapping[str, Any]]) -> float:
    """CPUs of all nodes that no pod has asked for; pods that have ended count no more."""
    have = sum(cpus(node["status"]["allocatable"]["cpu"]) for node in nodes)
    taken = sum(requested(pod) for pod in pods if pod.get("status", {}).get("phase") not in ENDED)
    return have - taken


def _request(container: Mapping[str, Any]) -> float:
    resources = container.get("resources") or {}
    # The API server copies limits into requests that are not given.
    return cpus((resources.get("requests") or resources.get("limits") or {}).get("cpu"))
