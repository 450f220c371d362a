"""What is left over of kinds that are switched off goes once, and nothing else does."""

import asyncio
from typing import Any

import pytest

from seldon_core.api.values import load_values
from seldon_core.kube.backoff import Backoff
from seldon_core.operator.objects.kinds import SELDON_DEPLOYMENTS
from seldon_core.operator.objects.sweeper import Sweeper
from seldon_core.operator.render.config import from_values
from tests.unit.kube.fake_api import failure
from tests.unit.operator.cluster import SDEPS, Cluster, cluster, default_config
from tests.unit.operator.test_routes import DESTINATION_RULES, ROUTED, VIRTUAL_SERVICES

NETWORK_POLICIES = "apis/networking.k8s.io/v1/networkpolicies"

pytestmark = pytest.mark.asyncio


async def switch_off(c: Cluster) -> None:
    """The controller is started again with values that enable nothing."""
    await c.stop()
    c.config = default_config()
    await c.start(settle_seconds=0.0)


def sweeper(c: Cluster, **options: Any) -> Sweeper:
    given: dict[str, Any] = {"namespace": None, "controller_id": "", "recorder": c.recorder, "leading": c.leading}
    return Sweeper(c.client, c.caches, backoff=Backoff(first=0.001, longest=0.01), **(given | options))


@pytest.mark.parametrize(("section", "collection", "name"), ROUTED)
async def test_what_is_left_of_a_kind_that_is_switched_off_goes(section: str, collection: str, name: str) -> None:
    async with cluster(section) as c:
        await c.available()
        assert c.api.find(collection, "ns", name) is not None
        await switch_off(c)
        await sweeper(c).run()
        await c.settled()
        await c.recorder.flush()

        left = {coll for coll, _, _ in c.api.objects if "istio" in coll or "getambassador" in coll or "gateway" in coll}
        assert left == set()
        assert c.status()["state"] == "Available"
        assert any(reason.startswith("Delete") for _, reason in c.events())


async def test_network_policies_that_are_switched_off_go() -> None:
    async with cluster() as c:
        await c.stop()
        values = {"executor": {"mode": "sidecar"}, "networkPolicies": {"models": {"enabled": True}}}
        c.config = from_values(load_values(values))
        await c.start(settle_seconds=0.0)
        await c.available()
        assert [name for collection, _, name in c.api.objects if collection == NETWORK_POLICIES]
        await switch_off(c)
        await sweeper(c).run()
        assert [name for collection, _, name in c.api.objects if collection == NETWORK_POLICIES] == []
        assert c.status()["state"] == "Available"


async def test_what_is_not_ours_stays() -> None:
    async with cluster("istio") as c:
        await c.available()
        live = c.api.find(VIRTUAL_SERVICES, "ns", "iris") or {}

        async def put(name: str, *, manager: str = "seldon-core-operator", **metadata: Any) -> None:
            entries = [{"manager": manager, "operation": "Update", "apiVersion": "v1", "fieldsV1": {"f:spec": {}}}]
            known = {"name": name, "namespace": "ns", "managedFields": entries}
            owners = {"ownerReferences": live["metadata"]["ownerReferences"]}
            obj = {"apiVersion": live["apiVersion"], "kind": live["kind"], "metadata": known | owners | metadata}
            await c.api.put(VIRTUAL_SERVICES, obj)

        gone = live["metadata"]["ownerReferences"][0] | {"uid": "gone"}
        await put("somebodys", ownerReferences=[])
        await put("of-a-former-one", ownerReferences=[gone])
        await put("of-a-former-controller", manager="manager")
        await switch_off(c)
        await sweeper(c).run()
        left = {name for coll, _, name in c.api.objects if coll == VIRTUAL_SERVICES}
        assert left == {"somebodys", "of-a-former-one", "of-a-former-controller"}


async def test_what_another_controller_serves_stays() -> None:
    async with cluster("istio") as c:
        await c.available()
        await switch_off(c)
        await sweeper(c, controller_id="other").run()
        assert c.api.find(VIRTUAL_SERVICES, "ns", "iris") is not None


async def test_nothing_is_done_before_it_is_led_and_what_fails_is_tried_again() -> None:
    async with cluster("istio") as c:
        await c.available()
        await switch_off(c)
        c.leading.clear()
        asked = len(c.api.calls)
        task = asyncio.create_task(sweeper(c).run())
        # A whole question and answer of somebody else: time enough for a first call.
        await c.user.get(SELDON_DEPLOYMENTS, "iris", "ns")
        assert [call.path for call in c.api.calls[asked:] if "istio" in call.path] == []

        attempts: list[str] = []

        def fail(call: Any) -> Any:
            if "destinationrules" not in call.path or len(attempts) >= 3:
                return None
            attempts.append(call.path)
            return failure(503, "away")

        c.api.faults.append(fail)
        c.leading.set()
        await asyncio.wait_for(task, 10)
        assert len(attempts) == 3
        assert c.api.find(DESTINATION_RULES, "ns", "iris-default") is None


@pytest.mark.parametrize("status", [403, 404])
async def test_a_kind_that_is_not_there_or_may_not_be_read_is_left_alone(status: int) -> None:
    async with cluster() as c:
        await c.available()
        c.api.faults.append(lambda call: failure(status, "no") if "istio" in call.path else None)
        before = len(c.api.writes())
        await sweeper(c).run()
        assert c.api.writes()[before:] == []
        assert c.api.find(SDEPS, "ns", "iris") is not None
