"""What would be done, told before: the same as what is done."""

import copy
from typing import Any

import pytest

from seldon_core.api.decode import load
from seldon_core.kube import key_of
from seldon_core.kube.resources import DEPLOYMENTS as DEPLOYMENT_KIND
from seldon_core.kube.resources import SERVICES as SERVICE_KIND
from seldon_core.operator.objects.kinds import owned_resource
from seldon_core.operator.render import Rendered, render
from seldon_core.operator.report.plan import KEPT, PAUSED, Change, plan
from seldon_core.operator.rollout.standing import Hold
from tests.unit.operator.cluster import DEPLOYMENTS, SDEPS, SERVICES, Cluster, cluster, default_config, iris

pytestmark = pytest.mark.asyncio

Object = dict[str, Any]

NAME = "iris-default-0-classifier"


def rendered(sdep: Object) -> Rendered:
    return render(load(sdep), default_config())


def stored(c: Cluster) -> dict[Any, Object]:
    found = [o for (collection, _, _), o in c.api.objects.items() if collection in {DEPLOYMENTS, SERVICES}]
    return {(owned_resource(o), key_of(o)): copy.deepcopy(o) for o in found}


def owner(c: Cluster) -> tuple[str, str]:
    found = c.api.find(SDEPS, "ns", "iris")
    assert found is not None
    return "iris", found["metadata"]["uid"]


def by_name(changes: tuple[Change, ...]) -> dict[str, Change]:
    assert len({each.name for each in changes}) == len(changes)
    return {each.name: each for each in changes}


async def test_a_new_one_is_made() -> None:
    changes = plan(rendered(iris()), {})

    assert {(each.kind, each.action, each.rolls_pods, each.reasons) for each in changes} == {
        ("Service", "create", False, ()),
        ("Deployment", "create", False, ()),
    }


async def test_what_the_controller_made_has_no_change() -> None:
    async with cluster() as c:
        await c.available()

        assert plan(rendered(iris()), stored(c), owner=owner(c)) == ()


async def test_an_edit_says_which_pods_roll_and_why() -> None:
    async with cluster() as c:
        await c.available()
        sdep = iris(modelUri="s3://other")
        sdep["spec"]["predictors"][0]["replicas"] = 3
        changes = by_name(plan(rendered(sdep), stored(c), owner=owner(c)))

        assert set(changes) == {NAME}
        assert (changes[NAME].action, changes[NAME].rolls_pods) == ("update", True)
        assert (
            "init container classifier-model-initializer: args[0] s3://sklearn/iris -> s3://other"
            in changes[NAME].reasons
        )
        assert "spec.replicas 1 -> 3" in changes[NAME].reasons


async def test_what_no_pod_has_to_do_with_rolls_none() -> None:
    async with cluster() as c:
        await c.available()
        sdep = iris()
        sdep["spec"]["predictors"][0]["replicas"] = 3

        (change,) = plan(rendered(sdep), stored(c), owner=owner(c))
        assert (change.kind, change.namespace, change.name) == ("Deployment", "ns", NAME)
        assert (change.action, change.rolls_pods, change.reasons) == ("update", False, ("spec.replicas 1 -> 3",))


async def test_held_pods_are_kept() -> None:
    async with cluster() as c:
        await c.available()
        (change,) = plan(rendered(iris(modelUri="s3://other")), stored(c), owner=owner(c), held={NAME: Hold.PAUSED})

        assert (change.action, change.rolls_pods, change.reasons[0]) == ("keep", False, PAUSED)
        assert len(change.reasons) > 1


async def test_a_former_controllers_pods_are_kept_and_its_fields_taken_over() -> None:
    async with cluster() as c:
        await c.available()
        live = stored(c)
        for obj in live.values():
            for entry in obj["metadata"]["managedFields"]:
                entry |= {"manager": "manager", "operation": "Update"}
        live[DEPLOYMENT_KIND, ("ns", NAME)]["spec"]["template"]["spec"]["containers"][0]["image"] = "former"
        kept = by_name(plan(rendered(iris()), live, owner=owner(c), held={NAME: Hold.KEPT}))
        replaced = by_name(plan(rendered(iris()), live, owner=owner(c), held={"another": Hold.KEPT}))

        assert (kept[NAME].rolls_pods, replaced[NAME].rolls_pods) == (False, True)
        assert KEPT in kept[NAME].reasons
        assert any("image former -> " in reason for reason in kept[NAME].reasons)
        assert KEPT not in replaced[NAME].reasons
        assert kept["iris-default"].reasons == ("is taken over from the controller that made it",)


async def test_another_name_replaces_one_deployment_by_another() -> None:
    async with cluster() as c:
        await c.available()
        sdep = iris()
        sdep["spec"]["predictors"][0]["graph"]["name"] = "regressor"
        changes = by_name(plan(rendered(sdep), stored(c), owner=owner(c)))

        assert (changes[NAME].action, changes[NAME].rolls_pods) == ("delete", True)
        assert changes["iris-default-0-regressor"].action == "create"
        assert changes["iris-default-classifier"].action == "delete"


async def test_a_selector_makes_a_deployment_anew() -> None:
    async with cluster() as c:
        await c.available()
        live = stored(c)
        live[DEPLOYMENT_KIND, ("ns", NAME)]["spec"]["selector"] = {"matchLabels": {"app": "other"}}
        (change,) = plan(rendered(iris()), live, owner=owner(c))

        assert (change.action, change.rolls_pods) == ("replace", True)


async def test_the_controller_does_what_was_told() -> None:
    """Every object that has a change is written, and no other."""
    async with cluster() as c:
        await c.available()
        await c.settled()
        sdep = iris(modelUri="s3://other")
        told = {each.name for each in plan(rendered(sdep), stored(c), owner=owner(c))}
        before = len(c.writes())
        await c.edit(modelUri="s3://other")
        await c.until(lambda status: status.get("observedGeneration") == 2)
        written = {call.path.split("/")[-1] for call in c.writes()[before:] if not call.path.endswith("/status")}

        assert written == told
        assert SERVICE_KIND.plural not in written
