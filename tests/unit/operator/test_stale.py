"""The controller goes by caches: what it does while these have not heard the news, or will not for a while."""

from dataclasses import replace
from typing import Any

import pytest

from seldon_core.kube.resources import DEPLOYMENTS as DEPLOYMENT_KIND
from seldon_core.operator.objects.kinds import SELDON_DEPLOYMENTS
from seldon_core.operator.rollout.standing import Policy
from tests.unit.kube.fake_api import Call, failure
from tests.unit.operator.cluster import DEPLOYMENTS, SDEPS, Cluster, cluster, default_config, is_state

pytestmark = pytest.mark.asyncio

NAME = "iris-default-0-classifier"


def deafen(c: Cluster, kind: Any) -> None:
    """The watch of a kind is late: its cache stays as it is."""
    informers = [c.caches.seldon_deployments, *c.caches.owned.values()]
    informer = next(each for each in informers if each.selection.resource == kind)
    informer._is_stale = lambda _event: True  # type: ignore[method-assign]


async def test_a_late_watch_is_no_failure() -> None:
    """A write on the condition of what is there goes by what the API server says, once it has been refused."""
    async with cluster() as c:
        await c.available()
        await c.user.patch(DEPLOYMENT_KIND, NAME, {"spec": {"strategy": {"type": "Recreate"}}}, "ns")
        await c.settled()
        deafen(c, DEPLOYMENT_KIND)

        def scaled_by_somebody(obj: dict[str, Any]) -> None:
            obj["metadata"].setdefault("annotations", {})["somebodys"] = "news"

        await c.api.change(DEPLOYMENTS, "ns", NAME, scaled_by_somebody)
        await c.edit(modelUri="s3://other")
        await c.api.reaches(lambda: "s3://other" in str(c.deployment()["spec"]["template"]))
        states = [obj["status"]["state"] for _, coll, _, obj in c.api.log if coll == SDEPS and "status" in obj]
        assert "Failed" not in states


async def test_who_has_gone_before_its_turn_is_not_asked_for_again_and_again() -> None:
    async with cluster(policy=Policy(max_concurrent=1)) as c:
        await c.available()
        await c.settled()
        asked: list[str] = []

        def gone(call: Call) -> Any:
            if not call.path.endswith("/iris/status"):
                return None
            asked.append(call.path)
            return failure(404, "not found")

        c.api.faults.append(gone)
        c.config = replace(c.config, executor=replace(default_config().executor, image="new"))
        c.controller.add_all()
        await c.api.reaches(lambda: bool(asked))
        for _ in range(20):
            # A whole question and answer: time enough for a further look.
            await c.user.get(SELDON_DEPLOYMENTS, "iris", "ns")
        assert len(asked) == 1
        assert is_state("Available")(c.status())
