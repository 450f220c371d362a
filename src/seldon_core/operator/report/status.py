"""What a SeldonDeployment's status says: pure, from what was observed to the JSON that is stored.

Source: specification 1.6.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from seldon_core.operator.render import ServiceStatus
from seldon_core.operator.rollout import rollouts

from .conditions import condition, is_attached, unobserved
from .readiness import Rollout, all_ready

Json = dict[str, Any]

STALLED = "Deployment is no longer progressing and not available."


class State(Enum):
    """The one word of `status.state`."""

    AVAILABLE = "Available"
    CREATING = "Creating"
    FAILED = "Failed"


@dataclass(frozen=True, slots=True)
class PodTrouble:
    """A pod's problem as a sentence.

    Attributes:
        reason: One word.
        sentence: For people.
        failed: A container failed; otherwise something is waited for.
        cause: The same for whatever is the same problem; empty where it is none that an event should tell.
        occurrence: Another one each time that it happens.
    """

    reason: str
    sentence: str
    failed: bool
    cause: str = ""
    occurrence: str = ""


@dataclass(frozen=True, kw_only=True)
class Observed:
    """Everything that a status is made of.

    Attributes:
        generation: Of the SeldonDeployment that was acted upon.
        rollouts: Its Deployments, in the order in which they were rendered.
        services: Its Services.
        services_created: All of them exist.
        attached: The conditions of what is made beside Services and Deployments, from `conditions.observe`.
        address: URL of the first predictor.
        trouble: The problem of the Deployments' present pods, if any.
        waiting: Something has to go before all wanted objects can be there; `trouble` says what.
        rollout: Condition `RolledOut`, from `rollout.Rollouts.condition`; None where there is nothing to tell.
        pod_templates: What is remembered of each Deployment's pods, from `rollout.stand`.
        error: Why nothing could be made of the SeldonDeployment, or empty. The rest is then what was there before.
        error_reason: The same as one word.
    """

    generation: int
    rollouts: Sequence[Rollout] = ()
    services: Sequence[ServiceStatus] = ()
    services_created: bool = False
    attached: Sequence[Json] = field(default_factory=unobserved)
    address: str = ""
    trouble: PodTrouble | None = None
    waiting: bool = False
    rollout: Json | None = None
    pod_templates: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    error: str = ""
    error_reason: str = ""

    @property
    def complete(self) -> bool:
        """Whether nothing is left to wait for."""
        return all_ready(self.rollouts) and not self.waiting

    def state(self) -> State:
        """Failed where nothing serves and something failed; Available where all is ready.

        While a failing update leaves an older version serving, the state stays Available: requests are answered. The
        description then carries the reason, and condition Ready is False.
        """
        if self.error:
            return State.FAILED
        if self.complete:
            return State.AVAILABLE
        failing = (self.trouble is not None and self.trouble.failed) or any(r.failed for r in self.rollouts)
        if not failing:
            return State.CREATING
        return State.AVAILABLE if all(r.serves or not r.wanted for r in self.rollouts) else State.FAILED

    def description(self) -> str:
        """One sentence where something is wrong or waited for, else empty."""
        if self.error:
            return self.error
        if self.complete:
            if self.trouble is not None:
                return f"Not all replicas serve: {self.trouble.sentence}"
            # Pods answer inside the cluster; that nobody leads requests from outside to them is worth a word.
            said = next((each["message"] for each in self.attached if each["status"] != "True"), "")
            return said or rollouts.worth_a_word(self.rollout)
        reason = self._reason()
        if reason and self.state() is State.AVAILABLE:
            if not any(r.outdated for r in self.rollouts if not r.ready):
                return f"Not all replicas serve: {reason}"
            return f"The update does not get ready, the version before it still serves: {reason}"
        return reason

    def _reason(self) -> str:
        if self.trouble is not None:
            return self.trouble.sentence
        return STALLED if any(r.failed for r in self.rollouts) else ""


def compose(observed: Observed, before: Mapping[str, Any], now: str) -> Json:
    """The whole status.

    Args:
        observed: What was seen.
        before: The status as it is stored; conditions keep their time while they stay as they are.
        now: RFC 3339 time for conditions that change.
    """
    status: Json = {
        "state": observed.state().value,
        "description": observed.description(),
        "observedGeneration": observed.generation,
    }
    if observed.error:
        # What serves keeps serving while the newest wish cannot be fulfilled: its entries stay.
        kept = ("replicas", "address", "deploymentStatus", "serviceStatus", "podTemplates")
        status |= {key: before[key] for key in kept if key in before}
    else:
        status |= {
            "replicas": observed.rollouts[0].replicas if observed.rollouts else 0,
            "deploymentStatus": {
                r.name: {"replicas": r.replicas, "availableReplicas": r.available} for r in observed.rollouts
            },
            "serviceStatus": {service.svc_name: _endpoints(service) for service in observed.services},
            "podTemplates": {name: dict(record) for name, record in observed.pod_templates.items()},
        }
        if observed.address:
            status["address"] = {"url": observed.address}
    if not status["description"]:
        del status["description"]
    status["conditions"] = _with_times(_conditions(observed, before), before.get("conditions") or (), now)
    return status


def _endpoints(service: ServiceStatus) -> Json:
    named = {
        "svcName": service.svc_name,
        "httpEndpoint": service.http_endpoint,
        "grpcEndpoint": service.grpc_endpoint,
        "explainerFor": service.explainer_for,
    }
    return {key: value for key, value in named.items() if value}


def _conditions(observed: Observed, before: Mapping[str, Any]) -> list[Json]:
    """Knative style, sorted by type."""
    attached = {c["type"]: c for c in observed.attached}
    if observed.error:
        attached |= {c["type"]: c for c in before.get("conditions") or () if is_attached(c["type"])}
    conditions = [
        _deployments_ready(observed),
        condition(
            "ServicesReady",
            observed.services_created,
            "All services created" if observed.services_created else "Not all services created",
        ),
        *attached.values(),
    ]
    if observed.error:
        ready = condition("Ready", False, observed.error_reason or "Failed", observed.error)
    else:
        blocking = next((c for c in conditions if c["status"] != "True"), None)
        ready = {**(blocking or {"status": "True"}), "type": "Ready"}
    told = rollouts.after_error(before.get("conditions") or ()) if observed.error else observed.rollout
    return sorted([*conditions, ready, *([told] if told else [])], key=lambda c: str(c["type"]))


def _deployments_ready(observed: Observed) -> Json:
    if observed.error and not observed.rollouts:
        return condition("DeploymentsReady", False, observed.error_reason or "Failed", observed.error)
    waiting = next((r for r in observed.rollouts if not r.ready), None)
    if waiting is None:
        return condition("DeploymentsReady", True, "MinimumReplicasAvailable")
    if observed.trouble is not None:
        return condition("DeploymentsReady", False, observed.trouble.reason, observed.trouble.sentence)
    # The Deployment's own word is about availability alone, and stays "available" while an update rolls out.
    if waiting.serves:
        return condition("DeploymentsReady", False, "RolloutInProgress", f"Deployment {waiting.name} is being updated.")
    return condition("DeploymentsReady", False, waiting.reason or "Progressing", waiting.message)


def _with_times(conditions: Iterable[Json], before: Iterable[Mapping[str, Any]], now: str) -> list[Json]:
    old = {c.get("type"): c for c in before}

    def since(condition: Json) -> str:
        known = old.get(condition["type"], {})
        return str(known.get("lastTransitionTime") or now) if known.get("status") == condition["status"] else now

    return [{**c, "lastTransitionTime": since(c)} for c in conditions]


def merge_patch(before: Mapping[str, Any], wanted: Mapping[str, Any]) -> Json:
    """The JSON merge patch (RFC 7396) that makes one object of the other; empty where they are equal."""
    patch: Json = {key: None for key in before if key not in wanted}
    for key, value in wanted.items():
        old = before.get(key)
        if isinstance(value, Mapping) and isinstance(old, Mapping):
            inner = merge_patch(old, value)
            if inner:
                patch[key] = inner
        elif value != old:
            patch[key] = value
    return patch
