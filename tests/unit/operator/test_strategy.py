"""Whose is a Deployment's strategy? Read from who set it; in a cluster, a user's own one outlives every change."""

import copy
from typing import Any

import pytest

from seldon_core.kube.resources import DEPLOYMENTS
from seldon_core.operator.objects import inheritance, strategy
from seldon_core.operator.objects.kinds import FIELD_MANAGER
from seldon_core.operator.render.strategy import ROLLING
from tests.unit.kube.fake_api import failure
from tests.unit.operator.cluster import DEPLOYMENTS as COLLECTION
from tests.unit.operator.cluster import cluster

OWNED = {"f:type": {}, "f:rollingUpdate": {"f:maxSurge": {}, "f:maxUnavailable": {}}}


def live(there: Any, owned: Any) -> dict[str, Any]:
    entry = {"manager": FIELD_MANAGER, "operation": "Apply", "fieldsV1": {"f:spec": {"f:strategy": owned}}}
    return {"metadata": {"managedFields": [entry]}, "spec": {"strategy": there}}


def wanted(asked: Any = ROLLING) -> dict[str, Any]:
    return {"metadata": {"name": "d"}, "spec": {"replicas": 1, "strategy": copy.deepcopy(asked)}}


@pytest.mark.parametrize(
    ("there", "owned", "kept"),
    [
        # As we wrote it.
        (ROLLING, OWNED, ROLLING),
        # Ours, and not as we want it any more: an older release's.
        ({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}, OWNED, ROLLING),
        # As we want it, by whomever: v1.17.1's.
        (ROLLING, {}, ROLLING),
        # A user's limit.
        (
            {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 1}},
            {"f:type": {}, "f:rollingUpdate": {"f:maxSurge": {}}},
            {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%"}},
        ),
        # A user's type, which has no limits.
        ({"type": "Recreate"}, {}, None),
    ],
)
def test_what_somebody_set_is_not_asked_for(there: Any, owned: Any, kept: Any) -> None:
    held = strategy.hold(wanted(), live(there, owned))

    assert held["spec"].get("strategy") == kept
    assert held["spec"]["replicas"] == 1


def test_what_the_seldondeployment_asks_for_is_asked_for() -> None:
    asked = wanted({"type": "Recreate"})

    assert strategy.hold(asked, live(ROLLING, {})) is asked


@pytest.mark.asyncio
@pytest.mark.parametrize("refused", [0, 2])
@pytest.mark.parametrize(
    "mine",
    [
        {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}},
        {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 2}},
        {"type": "Recreate"},
    ],
)
async def test_a_users_strategy_outlives_a_deployment_that_is_made_anew(mine: Any, refused: int) -> None:
    async with cluster() as one:
        await one.available()
        name = "iris-default-0-classifier"
        uid = one.deployment()["metadata"]["uid"]
        patch = mine if "rollingUpdate" in mine else mine | {"rollingUpdate": None}
        await one.user.patch(DEPLOYMENTS, name, {"spec": {"strategy": patch}}, "ns")
        await one.settled()
        left = refused

        def refuse(call: Any) -> Any:
            nonlocal left
            if call.query.get("fieldManager") != inheritance.MANAGER or not left:
                return None
            left -= 1
            return failure(503, "away")

        def other_selector(obj: dict[str, Any]) -> None:
            obj["spec"]["selector"] = {"matchLabels": {"old": "labels"}}

        one.api.faults.append(refuse)
        await one.api.change(COLLECTION, "ns", name, other_selector)
        await one.api.reaches(
            lambda: (one.api.find(COLLECTION, "ns", name) or {}).get("metadata", {}).get("uid") not in {None, uid}
        )
        await one.api.reaches(lambda: one.deployment()["spec"].get("strategy") == mine)
        await one.settled()
        assert (one.deployment()["spec"]["strategy"], left) == (mine, 0)

        # It is still somebody's decision: no write of ours undoes it.
        before = len(one.writes())
        await one.worked()
        assert len(one.writes()) == before
        await one.edit(modelUri="s3://other")
        await one.settled()
        assert one.deployment()["spec"]["strategy"] == mine


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "mine",
    [
        {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}},
        {"type": "Recreate"},
    ],
)
async def test_a_users_strategy_outlives_changes_and_costs_no_write(mine: Any) -> None:
    async with cluster() as one:
        await one.available()
        name = "iris-default-0-classifier"
        patch = mine if "rollingUpdate" in mine else mine | {"rollingUpdate": None}
        await one.user.patch(DEPLOYMENTS, name, {"spec": {"strategy": patch}}, "ns")
        await one.settled()
        before = len(one.writes())
        await one.worked()
        assert one.deployment()["spec"]["strategy"] == mine
        assert len(one.writes()) == before

        await one.edit(modelUri="s3://other")
        await one.settled()

        assert one.deployment()["spec"]["strategy"] == mine
        assert "s3://other" in str(one.deployment()["spec"]["template"])
