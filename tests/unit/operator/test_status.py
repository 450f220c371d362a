"""What a SeldonDeployment's status says of what was observed."""

from typing import Any

import pytest

from seldon_core.operator.render import ServiceStatus
from seldon_core.operator.report.readiness import Rollout, not_there, rollout
from seldon_core.operator.report.status import STALLED, Observed, PodTrouble, State, compose, merge_patch

NOW = "2026-11-21T00:00:00Z"
FAILED = PodTrouble("InitContainerFailed", "init container i of pod p failed with exit code 1: no bucket", failed=True)
WAITS = PodTrouble("Unschedulable", "pod p finds no node: no room", failed=False)
GAVE_UP = (
    {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"},
    {"type": "Available", "status": "False", "reason": "MinimumReplicasUnavailable", "message": "none"},
)
ROLLED_OUT = ({"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"},)


def of(
    *,
    wanted: int = 1,
    ready: int = 0,
    old: int = 0,
    conditions: tuple[dict[str, str], ...] = (),
    enough: int | None = None,
) -> Rollout:
    return rollout(
        {
            "metadata": {"name": "d", "generation": 1},
            "spec": {"replicas": wanted},
            "status": {
                "observedGeneration": 1,
                "replicas": wanted + old,
                "updatedReplicas": wanted,
                "availableReplicas": ready + old,
                "unavailableReplicas": wanted - ready,
                "conditions": list(conditions),
            },
        },
        enough,
    )


@pytest.mark.parametrize(
    ("seen", "ready"),
    [
        (of(wanted=3, ready=1, conditions=ROLLED_OUT), False),  # nobody scales: all have to serve
        (of(wanted=3, ready=1, enough=1, conditions=ROLLED_OUT), True),
        (of(wanted=3, ready=1, enough=2, conditions=ROLLED_OUT), False),
        (of(wanted=3, ready=0, enough=0, conditions=ROLLED_OUT), False),
        (of(wanted=1, ready=1, enough=2, conditions=ROLLED_OUT), True),  # the autoscaler has not begun
        (of(wanted=0, enough=0), True),
        (of(wanted=3, ready=1, enough=1), False),  # the first rollout
        (of(wanted=3, ready=1, old=1, enough=1, conditions=ROLLED_OUT), False),  # an update
    ],
)
def test_enough_is_enough_while_an_autoscaler_adds_pods(seen: Rollout, *, ready: bool) -> None:
    assert seen.ready is ready


@pytest.mark.parametrize(
    ("observed", "state", "description"),
    [
        (Observed(generation=1, rollouts=[of()]), State.CREATING, ""),
        (Observed(generation=1, rollouts=[not_there("d")]), State.CREATING, ""),
        (Observed(generation=1, rollouts=[of(ready=1)]), State.AVAILABLE, ""),
        (Observed(generation=1, rollouts=[of(wanted=0)]), State.AVAILABLE, ""),
        (
            Observed(generation=1, rollouts=[of(wanted=3, ready=1, enough=1, conditions=ROLLED_OUT)], trouble=WAITS),
            State.AVAILABLE,
            f"Not all replicas serve: {WAITS.sentence}",
        ),
        (Observed(generation=1, rollouts=[of()], trouble=FAILED), State.FAILED, FAILED.sentence),
        (Observed(generation=1, rollouts=[of()], trouble=WAITS), State.CREATING, WAITS.sentence),
        (Observed(generation=1, rollouts=[of(old=1)]), State.CREATING, ""),
        (
            Observed(generation=1, rollouts=[of(old=1)], trouble=FAILED),
            State.AVAILABLE,
            f"The update does not get ready, the version before it still serves: {FAILED.sentence}",
        ),
        (Observed(generation=1, rollouts=[of(ready=1), of()], trouble=FAILED), State.FAILED, FAILED.sentence),
        (
            Observed(generation=1, rollouts=[of(wanted=2, ready=1)], trouble=FAILED),
            State.AVAILABLE,
            f"Not all replicas serve: {FAILED.sentence}",
        ),
        (
            Observed(generation=1, rollouts=[of(ready=1)], trouble=WAITS, waiting=True),
            State.CREATING,
            WAITS.sentence,
        ),
        (Observed(generation=1, rollouts=[of(conditions=GAVE_UP)]), State.FAILED, STALLED),
        (Observed(generation=1, rollouts=[of(conditions=GAVE_UP)], trouble=WAITS), State.FAILED, WAITS.sentence),
        (Observed(generation=1, rollouts=[of(ready=1)], error="spec is wrong"), State.FAILED, "spec is wrong"),
    ],
)
def test_state_and_description(observed: Observed, state: State, description: str) -> None:
    assert (observed.state(), observed.description()) == (state, description)
    assert compose(observed, {}, NOW).get("description", "") == description


def conditions(observed: Observed, before: dict[str, Any] | None = None) -> dict[str, dict[str, Any]]:
    return {c["type"]: c for c in compose(observed, before or {}, NOW)["conditions"]}


def test_conditions_are_sorted_and_spelled_right() -> None:
    status = compose(Observed(generation=3, rollouts=[of(ready=1)], services_created=True), {}, NOW)

    assert [(c["type"], c["status"], c.get("reason")) for c in status["conditions"]] == [
        ("AmbassadorMappingsReady", "True", "No Ambassador Mappings defined"),
        ("DeploymentsReady", "True", "MinimumReplicasAvailable"),
        ("HpasReady", "True", "No HPAs defined"),
        ("KedaReady", "True", "No KEDA resources defined"),
        ("PdbsReady", "True", "No PDBs defined"),
        ("Ready", "True", None),
        ("ServicesReady", "True", "All services created"),
        ("istioVirtualServicesReady", "True", "No VirtualServices defined"),
    ]
    assert status["observedGeneration"] == 3


def test_ready_says_what_is_not() -> None:
    waiting = Observed(generation=1, rollouts=[of(old=1)], services_created=True, trouble=FAILED)
    ready = conditions(waiting)["Ready"]

    assert (ready["status"], ready["reason"], ready["message"]) == ("False", FAILED.reason, FAILED.sentence)
    assert conditions(Observed(generation=1, rollouts=[of(ready=1)]))["Ready"]["reason"] == "Not all services created"
    error = conditions(Observed(generation=1, error="spec is wrong", error_reason="Render"))["Ready"]
    assert (error["status"], error["reason"], error["message"]) == ("False", "Render", "spec is wrong")
    rolling = conditions(Observed(generation=1, rollouts=[of(old=1)]))["DeploymentsReady"]
    assert (rolling["status"], rolling["reason"]) == ("False", "RolloutInProgress")


def test_a_condition_keeps_its_time_while_it_stays_as_it_is() -> None:
    then = "2020-01-01T00:00:00Z"
    before = compose(Observed(generation=1, rollouts=[of()], services_created=True), {}, then)
    after = conditions(Observed(generation=1, rollouts=[of(ready=1)], services_created=True), before)

    assert after["ServicesReady"]["lastTransitionTime"] == then
    assert after["DeploymentsReady"]["lastTransitionTime"] == NOW
    assert after["Ready"]["lastTransitionTime"] == NOW


def test_an_error_keeps_what_is_known_of_what_serves() -> None:
    services = (ServiceStatus(svc_name="s", http_endpoint="s.ns:8000", grpc_endpoint=""),)
    good = Observed(generation=1, rollouts=[of(ready=1)], services=services, address="http://s")
    before = compose(good, {}, NOW)
    after = compose(Observed(generation=2, error="spec is wrong"), before, NOW)

    kept = ("replicas", "address", "deploymentStatus", "serviceStatus")
    assert {k: after[k] for k in kept} == {k: before[k] for k in kept}
    assert after["serviceStatus"] == {"s": {"svcName": "s", "httpEndpoint": "s.ns:8000"}}
    assert (after["state"], after["observedGeneration"]) == ("Failed", 2)


@pytest.mark.parametrize(
    ("before", "wanted", "patch"),
    [
        ({"a": 1}, {"a": 1}, {}),
        ({"a": 1, "b": 2}, {"a": 1}, {"b": None}),
        ({"d": {"x": {"n": 1}, "y": {"n": 2}}}, {"d": {"x": {"n": 3}}}, {"d": {"x": {"n": 3}, "y": None}}),
        ({"l": [1]}, {"l": [1, 2]}, {"l": [1, 2]}),
        ({}, {"d": {"x": 1}}, {"d": {"x": 1}}),
    ],
)
def test_the_patch_is_what_differs(before: dict[str, Any], wanted: dict[str, Any], patch: dict[str, Any]) -> None:
    assert merge_patch(before, wanted) == patch
