"""When is a Deployment done? Source: specification 1.6, with its defects put right.

v1.17.1 asked for a ready replica, so a Deployment of 0 replicas never was; it did not ask whether the Deployment's own
status was about the present spec, so a change could look ready before it had begun; and while an autoscaler added pods,
what served was called Creating.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Rollout:
    """What a Deployment's status says.

    Attributes:
        name: The Deployment.
        wanted: Replicas that its spec asks for.
        replicas: Pods there are, of any version.
        outdated: Of these, those of an older version.
        available: Of all, those that serve.
        complete: All wanted pods are of the present version and serve, and no other is left.
        ready: It is complete; or it was since its last change, and an autoscaler adds pods to those that are enough.
        observed: The status is about the present spec.
        failed: The Deployment gave up: its deadline passed and nothing serves.
        replica_failure: Why pods cannot be created (a quota, Pod Security), or empty.
        message: The Deployment's own words about its availability.
        reason: The same as one word.
    """

    name: str
    wanted: int
    replicas: int
    outdated: int
    available: int
    complete: bool
    ready: bool
    observed: bool
    failed: bool
    replica_failure: str
    message: str
    reason: str

    @property
    def serves(self) -> bool:
        """Whether some pod, be it of an older version, answers requests."""
        return self.available > 0


def rollout(deployment: Mapping[str, Any], enough: int | None = None) -> Rollout:
    """Read a live Deployment.

    Args:
        deployment: The live object.
        enough: So many pods that serve are enough, where an autoscaler decides about more; None where all have to.
    """
    status = deployment.get("status") or {}
    wanted = deployment["spec"].get("replicas", 1)
    replicas, available = status.get("replicas", 0), status.get("availableReplicas", 0)
    observed = status.get("observedGeneration", 0) >= deployment["metadata"].get("generation", 0)
    updated = status.get("updatedReplicas", 0)
    current = updated == replicas == wanted
    conditions = {c["type"]: c for c in status.get("conditions") or ()}
    availability = conditions.get("Available", {})
    complete = observed and current and available == wanted and not status.get("unavailableReplicas")
    # The Deployment's controller keeps this reason from the end of a rollout to the next change of the pods.
    rolled_out = conditions.get("Progressing", {}).get("reason") == "NewReplicaSetAvailable" and updated == replicas
    suffices = enough is not None and observed and rolled_out and available >= max(1, min(enough, wanted))
    return Rollout(
        name=deployment["metadata"]["name"],
        wanted=wanted,
        replicas=replicas,
        outdated=max(0, replicas - updated),
        available=available,
        complete=complete,
        ready=complete or suffices,
        observed=observed,
        failed=observed and _is(conditions, "Progressing", "False") and _is(conditions, "Available", "False"),
        replica_failure=_replica_failure(conditions),
        message=availability.get("message", ""),
        reason=availability.get("reason", ""),
    )


def not_there(name: str) -> Rollout:
    """A Deployment that does not exist yet."""
    return Rollout(
        name=name,
        wanted=0,
        replicas=0,
        outdated=0,
        available=0,
        complete=False,
        ready=False,
        observed=False,
        failed=False,
        replica_failure="",
        message="The Deployment does not exist yet.",
        reason="NotFound",
    )


def all_ready(rollouts: Iterable[Rollout]) -> bool:
    """Whether nothing is left to wait for."""
    return all(each.ready for each in rollouts)


def _is(conditions: Mapping[str, Mapping[str, Any]], name: str, status: str) -> bool:
    return conditions.get(name, {}).get("status") == status


def _replica_failure(conditions: Mapping[str, Mapping[str, Any]]) -> str:
    found = conditions.get("ReplicaFailure", {})
    return str(found.get("message", "")) if found.get("status") == "True" else ""
