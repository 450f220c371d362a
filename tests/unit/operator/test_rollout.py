"""Which pods may be replaced, when, and what the status says about it."""

import copy
import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from seldon_core.api.decode import load
from seldon_core.api.values import load_values
from seldon_core.kube.store import Store
from seldon_core.operator.objects import templates
from seldon_core.operator.objects.kinds import FIELD_MANAGER
from seldon_core.operator.objects.ownership import with_owner
from seldon_core.operator.render import render
from seldon_core.operator.render.config import from_values
from seldon_core.operator.rollout import turns
from seldon_core.operator.rollout.request import ANNOTATION, request_of, value_at
from seldon_core.operator.rollout.rollouts import Rollouts, after_error, worth_a_word
from seldon_core.operator.rollout.standing import Hold, Policy, Standing, stand
from seldon_core.operator.rollout.turns import Turns
from tests.unit.kube import fake_fields
from tests.unit.operator.cluster import DEPLOYMENTS, SDEPS, Cluster, cluster, default_config, iris, is_state

Object = dict[str, Any]

NAME = "iris-default-0-classifier"
KEEP = Policy(takeover="keep", max_concurrent=1)
ROLL = Policy(takeover="roll", max_concurrent=1)
WRITTEN = "2026-11-20T18:24:03Z"


def manifest(generation: int = 1, *, annotation: str = "", status: Object | None = None, **graph: Any) -> Object:
    sdep = iris(**graph)
    sdep["metadata"] |= {"uid": "1", "generation": generation}
    sdep["metadata"]["annotations"] = {ANNOTATION: annotation} if annotation else {}
    return sdep | ({"status": status} if status else {})


def wanted(image: str = "", **graph: Any) -> Object:
    """The rendered Deployment, with the chart's default orchestrator or another."""
    values = {"executor": {"mode": "sidecar"} | ({"image": {"repository": image}} if image else {})}
    objects = render(load(manifest(**graph)), from_values(load_values(values))).objects
    return with_owner(next(each for each in objects if each["kind"] == "Deployment"), "iris", "1")


def live(of: Object, manager: str = FIELD_MANAGER) -> Object:
    """What was written, as one manager wrote it."""
    made = copy.deepcopy(of)
    metadata = {k: v for k, v in made["metadata"].items() if k not in {"name", "namespace"}}
    fields = fake_fields.fields_of({"metadata": metadata, "spec": made["spec"]})
    entry = {"manager": manager, "operation": "Update", "apiVersion": "apps/v1", "time": WRITTEN, "fieldsV1": fields}
    made["metadata"] |= {"managedFields": [entry], "uid": "2"}
    return made


def record(of: Object, generation: int = 1) -> Object:
    return {"podTemplates": {NAME: {"generation": generation, "hash": templates.digest(of)}}}


def judged(sdep: Object, now: Object, there: Object | None, policy: Policy = KEEP, **more: Any) -> Standing:
    return stand(load(sdep), [(now, there)], policy, **more)


def test_a_deployment_that_is_not_there_is_made() -> None:
    standing = judged(manifest(), wanted(), None)

    assert (standing.held, standing.in_turn) == ({}, frozenset())
    assert standing.records == record(wanted())["podTemplates"]


def test_what_is_as_it_is_wanted_waits_for_nothing() -> None:
    standing = judged(manifest(3, annotation="paused"), wanted(), live(wanted()))

    assert (standing.held, standing.in_turn) == ({}, frozenset())
    assert standing.records[NAME]["generation"] == 3


def test_another_configuration_is_carried_out_in_turn() -> None:
    standing = judged(manifest(status=record(wanted())), wanted("new"), live(wanted()))

    assert (standing.held, standing.in_turn) == ({}, {NAME})
    assert standing.holding().held == {NAME: Hold.WAITING}


def test_an_edit_does_not_wait() -> None:
    now = wanted(modelUri="s3://other")
    standing = judged(manifest(2, modelUri="s3://other", status=record(wanted())), now, live(wanted()))

    assert (standing.held, standing.in_turn) == ({}, frozenset())


def test_an_edit_that_has_to_wait_for_something_stays_one() -> None:
    """Such as for routes that have to lead elsewhere first."""
    known = record(wanted())["podTemplates"]
    now = wanted(modelUri="s3://other")
    for status, before in (({"podTemplates": known}, known), (None, {})):
        standing = judged(manifest(2, modelUri="s3://other", status=status), now, live(wanted()))
        assert standing.remembered(carried_out=False) == before
        assert standing.remembered(carried_out=True) == record(now, 2)["podTemplates"]


def test_an_edit_before_the_first_status_does_not_wait() -> None:
    standing = judged(manifest(2, modelUri="s3://other"), wanted(modelUri="s3://other"), live(wanted()))

    assert (standing.held, standing.in_turn) == ({}, frozenset())


def test_an_edit_that_no_pod_has_to_do_with_brings_no_turn_forward() -> None:
    """The configuration changed before, the edit is about replicas."""
    standing = judged(manifest(2, status=record(wanted("new"))), wanted("new"), live(wanted()))

    assert standing.in_turn == {NAME}
    assert standing.records[NAME]["generation"] == 2


def test_what_was_written_and_is_stored_otherwise_is_not_written_again() -> None:
    there = live(wanted())
    standing = judged(manifest(status=record(wanted())), wanted("new"), there, is_fulfilled=lambda _, obj: obj is there)

    assert (standing.held, standing.in_turn) == ({}, frozenset())


@pytest.mark.parametrize("value", ["paused", "soon"])
def test_a_pause_holds_everything_and_an_edit_stays_one(value: str) -> None:
    known = record(wanted())
    now = wanted(modelUri="s3://other")
    sdep = manifest(2, annotation=value, modelUri="s3://other", status=known)
    standing = judged(sdep, now, live(wanted()))

    assert (standing.held, standing.in_turn) == ({NAME: Hold.PAUSED}, frozenset())
    assert standing.records == known["podTemplates"], "the edit would be forgotten"
    assert judged(manifest(2, annotation=value, modelUri="s3://other"), now, live(wanted())).records == {}


@pytest.mark.parametrize(
    ("policy", "annotation", "held"),
    [
        pytest.param(KEEP, "", True, id="kept"),
        pytest.param(KEEP, "2026-11-20T18:24:02Z", True, id="asked before they were made"),
        pytest.param(KEEP, "2026-11-20T18:24:03Z", False, id="asked"),
        pytest.param(KEEP, "2026-11-20T20:30:00+02:00", False, id="asked elsewhere"),
        pytest.param(ROLL, "", False, id="not kept"),
    ],
)
def test_a_former_controllers_pods(policy: Policy, annotation: str, *, held: bool) -> None:
    for status in (None, record(wanted("new"))):
        sdep = manifest(annotation=annotation, status=status)
        standing = judged(sdep, wanted("new"), live(wanted(), "manager"), policy)

        assert standing.held == ({NAME: Hold.KEPT} if held else {})
        assert standing.in_turn == (frozenset() if held else {NAME})


def test_an_edit_replaces_a_former_controllers_pods() -> None:
    now = wanted("new", modelUri="s3://other")
    there = live(wanted(), "manager")

    # Known: the last look was at another generation. Unknown: what the live pods were made from says it.
    for status in (record(wanted("new")), None):
        standing = judged(manifest(2, modelUri="s3://other", status=status), now, there)
        assert (standing.held, standing.in_turn) == ({}, frozenset())


def test_a_request_is_written_as_it_is_read() -> None:
    time = datetime(2026, 11, 21, 8, 0, 1, tzinfo=UTC)

    assert request_of({ANNOTATION: value_at(time)}).at == time
    assert not request_of({}).holds
    assert request_of({ANNOTATION: "Paused!"}).unusable == "Paused!"


def told(name: str, reason: str = "", status: str = "False") -> Object:
    """A SeldonDeployment with a condition."""
    conditions = [{"type": turns.CONDITION, "status": status, "reason": reason, "message": "?"}] if reason else []
    return {"metadata": {"namespace": "ns", "name": name}, "status": {"conditions": conditions}}


def store(*sdeps: Object) -> Store:
    found = Store({turns.INDEX: turns.indexer})
    for sdep in sdeps:
        found.put(sdep)
    return found


def test_turns_are_limited_and_given_on() -> None:
    woken: list[tuple[str, str]] = []
    known = store(told("a", turns.UNDER_WAY), told("b"), told("c"), told("d"))
    given = Turns(2, known, woken.append)

    assert [given.take(("ns", name)) for name in "abcd"] == [True, True, False, False]
    assert given.taken() == [("ns", "a"), ("ns", "b")]
    given.settle(("ns", "b"))  # its status was not written
    assert woken == [("ns", "c")]
    assert given.take(("ns", "c"))
    known.put(told("c", turns.UNDER_WAY))
    given.settle(("ns", "c"))
    assert woken == [("ns", "c")]
    known.put(told("a", "AllPodsUpToDate", "True"))
    given.settle(("ns", "a"))
    assert woken == [("ns", "c"), ("ns", "d")]
    given.settle(("ns", "a"))
    assert len(woken) == 2, "who was woken is not woken again and again"


def test_the_turn_of_another_controllers_is_none() -> None:
    known = store(told("theirs", turns.UNDER_WAY), told("a", turns.UNDER_WAY))
    given = Turns(1, known, lambda _: None, lambda sdep: sdep["metadata"]["name"] != "theirs")

    assert (given.taken(), given.take(("ns", "b"))) == ([("ns", "a")], False)
    known.put(told("a", "AllPodsUpToDate", "True"))
    assert given.take(("ns", "b"))


def test_without_a_limit_everybody_has_a_turn() -> None:
    given = Turns(0, store(), lambda _: None)

    assert all(given.take(("ns", str(number))) for number in range(100))


IN_TURN = Standing(in_turn=frozenset({NAME}))


def test_a_turn_is_said_before_it_is_used() -> None:
    given = Turns(1, store(), lambda _: None)
    rollouts = Rollouts(KEEP, given)
    sdep = manifest(status=record(wanted()))
    pairs = [(wanted("new"), live(wanted()))]
    first = rollouts.stand(load(sdep), sdep, pairs, lambda *_: False)

    assert (first.begins, first.held) == (True, {NAME: Hold.WAITING})
    condition = rollouts.condition(first, sdep, ready=True, failed=False)
    assert condition is not None
    assert condition["reason"] == turns.UNDER_WAY
    sdep["status"]["conditions"] = [condition]
    assert rollouts.stand(load(sdep), sdep, pairs, lambda *_: False).held == {}


@pytest.mark.parametrize(
    ("standing", "before", "ready", "failed", "reason"),
    [
        pytest.param(Standing(), told("a"), True, False, None, id="never anything to tell"),
        pytest.param(Standing(), told("a", "KeptAsMade"), True, False, "AllPodsUpToDate", id="over"),
        pytest.param(Standing(), told("a", "KeptAsMade"), False, False, "Replacing", id="an edit is under way"),
        pytest.param(Standing(), told("a", turns.UNDER_WAY), False, False, "RollingOut", id="under way"),
        pytest.param(Standing(), told("a", turns.UNDER_WAY), True, False, "AllPodsUpToDate", id="done"),
        pytest.param(Standing(), told("a", turns.UNDER_WAY), False, True, "Stalled", id="gave up"),
        pytest.param(Standing(), told("a", "Stalled"), False, True, "Stalled", id="has given up"),
        pytest.param(IN_TURN, told("a", turns.UNDER_WAY), True, False, "RollingOut", id="written just now"),
        pytest.param(IN_TURN.holding(), told("a"), True, False, "WaitingForTurn", id="waits"),
        pytest.param(
            Standing(held={"x": Hold.KEPT}, in_turn=frozenset({NAME})),
            told("a", turns.UNDER_WAY),
            False,
            False,
            "RollingOut",
            id="what is kept ends no turn",
        ),
        pytest.param(
            Standing(held={NAME: Hold.PAUSED}), told("a", turns.UNDER_WAY), False, False, "Paused", id="a pause does"
        ),
    ],
)
def test_the_condition(standing: Standing, before: Object, *, ready: bool, failed: bool, reason: str | None) -> None:
    rollouts = Rollouts(KEEP, Turns(1, store(before, told("z", turns.UNDER_WAY)), lambda _: None))
    condition = rollouts.condition(standing, before, ready=ready, failed=failed)

    assert (condition["reason"] if condition else None) == reason
    if condition:
        assert condition["status"] == ("True" if reason == "AllPodsUpToDate" else "False")
    if reason == "WaitingForTurn":
        assert condition is not None
        assert "ns/z is not over" in condition["message"]
        assert worth_a_word(condition) == condition["message"]


def test_who_cannot_be_fulfilled_gives_the_turn_back() -> None:
    assert (after_error(told("a", turns.UNDER_WAY)["status"]["conditions"]) or {})["reason"] == "Stalled"
    assert (after_error(told("a", "Paused")["status"]["conditions"]) or {})["reason"] == "Paused"
    assert after_error([]) is None


def orchestrator(deployment: Object) -> str:
    return str(deployment["spec"]["template"]["spec"]["containers"][-1]["image"])


def rolled(c: Cluster) -> list[str]:
    return [name for name in "abc" if orchestrator(c.deployment(f"{name}-default-0-classifier")) == "new"]


def upgrade(c: Cluster) -> None:
    """Another orchestrator in the chart's values."""
    config = default_config()
    c.config = replace(config, executor=replace(config.executor, image="new"))
    c.controller.add_all()


async def has_reason(c: Cluster, name: str, reason: str) -> None:
    await c.until(lambda _: c.conditions(name).get(turns.CONDITION, {}).get("reason") == reason, name)


async def three(c: Cluster) -> None:
    for name in "abc":
        await c.api.put(SDEPS, iris(name))
        await c.until(is_state("Creating"), name)
        await c.progress(f"{name}-default-0-classifier", ready=1)
        await c.until(is_state("Available"), name)


@pytest.mark.asyncio
async def test_an_upgrade_replaces_pods_in_turns() -> None:
    async with cluster(policy=KEEP) as c:
        await three(c)
        upgrade(c)
        done: list[str] = []
        for number in itertools.count(1):
            await c.api.reaches(lambda number=number: len(rolled(c)) == number)
            await c.settled("a")
            assert len(rolled(c)) == number
            name = next(each for each in rolled(c) if each not in done)
            waiting = [each for each in "abc" if each not in rolled(c)]
            for each in waiting:
                await has_reason(c, each, "WaitingForTurn")
                assert c.status(each)["description"] == c.conditions(each)[turns.CONDITION]["message"]
                assert c.status(each)["state"] == "Available"
                assert c.conditions(each)["Ready"]["status"] == "True"
            done.append(name)
            await c.progress(f"{name}-default-0-classifier", ready=1)
            await has_reason(c, name, "AllPodsUpToDate")
            if not waiting:
                break
        assert sorted(done) == ["a", "b", "c"]


@pytest.mark.asyncio
async def test_a_restart_in_the_middle_of_an_upgrade_gives_no_second_turn() -> None:
    async with cluster(policy=KEEP) as c:
        await three(c)
        upgrade(c)
        await c.api.reaches(lambda: len(rolled(c)) == 1)
        await c.stop()
        await c.start(policy=KEEP, settle_seconds=0.0)
        for each in "abc":
            await c.settled(each)
        assert len(rolled(c)) == 1


@pytest.mark.asyncio
async def test_held_pods_are_scaled_all_the_same() -> None:
    async with cluster(policy=KEEP) as c:
        await three(c)
        await c.api.change(SDEPS, "ns", "a", lambda o: o["metadata"].update(annotations={ANNOTATION: "paused"}))
        upgrade(c)
        await has_reason(c, "a", "Paused")
        before = c.deployment("a-default-0-classifier")["spec"]["template"]

        def scale(obj: Object) -> None:
            obj["spec"]["predictors"][0]["replicas"] = 4
            obj["metadata"]["generation"] += 1

        await c.api.change(SDEPS, "ns", "a", scale)
        await c.api.reaches(lambda: c.deployment("a-default-0-classifier")["spec"]["replicas"] == 4)
        assert c.deployment("a-default-0-classifier")["spec"]["template"] == before
        await c.settled("a")
        written = len(c.writes())
        await c.worked("a")
        assert len(c.writes()) == written


CHANGES: dict[str, Callable[[Object], None]] = {
    "deleted": lambda _: None,
    "paused": lambda obj: obj["metadata"].update(annotations={ANNOTATION: "paused"}),
}


@pytest.mark.asyncio
@pytest.mark.parametrize("how", CHANGES)
async def test_who_is_in_the_way_of_others_can_be_taken_out_of_it(how: str) -> None:
    async with cluster(policy=KEEP) as c:
        await three(c)
        upgrade(c)
        await c.api.reaches(lambda: len(rolled(c)) == 1)
        first = rolled(c)[0]
        if how == "deleted":
            await c.api.drop(SDEPS, "ns", first)
        else:
            await c.api.change(SDEPS, "ns", first, CHANGES[how])
        await c.api.reaches(lambda: len(rolled(c)) == 2)


@pytest.mark.asyncio
async def test_a_former_controllers_deployment_is_left_as_it_is_made() -> None:
    async with cluster(policy=KEEP) as c:
        await c.available()

        def disown(obj: Object) -> None:
            for entry in obj["metadata"]["managedFields"]:
                entry |= {"manager": "manager", "operation": "Update"}
            obj["spec"]["template"]["spec"]["containers"][-1]["image"] = "former"

        await c.stop()
        await c.api.change(DEPLOYMENTS, "ns", NAME, disown)
        await c.start(policy=KEEP, settle_seconds=0.0)
        await has_reason(c, "iris", "KeptAsMade")
        assert orchestrator(c.deployment()) == "former"
        await c.api.change(
            SDEPS, "ns", "iris", lambda o: o["metadata"].update(annotations={ANNOTATION: "2100-01-01T00:00:00Z"})
        )
        await c.api.reaches(lambda: orchestrator(c.deployment()) != "former")
