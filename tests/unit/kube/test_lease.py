"""Leader election: who takes the Lease, who waits, and who must not write any more."""

import asyncio
from typing import Any

import pytest

from seldon_core.kube import Client, Elector, FencedError, LeaseTimings, resources
from tests.unit.kube.fake_api import PATIENCE_SECONDS, Call, FakeApi, failure

pytestmark = pytest.mark.asyncio

LEASES = "apis/coordination.k8s.io/v1/leases"
TIMINGS = LeaseTimings(duration=15.0, renew_deadline=10.0, retry_period=0.001)


class Clock:
    """A clock that goes on when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def elector(client: Client, identity: str, clock: Clock) -> Elector:
    return Elector(client, namespace="sys", name="lock", identity=identity, timings=TIMINGS, clock=clock)


def spec(api: FakeApi) -> dict[str, Any]:
    found: dict[str, Any] = (api.find(LEASES, "sys", "lock") or {}).get("spec", {})
    return found


async def tried(api: FakeApi, times: int = 3) -> None:
    """Wait until the Lease was read some times more."""
    seen = sum(call.method == "GET" for call in api.calls)
    await api.called(lambda calls: sum(call.method == "GET" for call in calls) >= seen + times)


class Running:
    """Electors that run until the block ends."""

    def __init__(self, *electors: Elector) -> None:
        self._electors = electors

    async def __aenter__(self) -> None:
        self._tasks = [asyncio.create_task(each.run()) for each in self._electors]

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def leads(one: Elector) -> None:
    await asyncio.wait_for(one.leading.wait(), PATIENCE_SECONDS)


async def test_the_first_one_makes_the_lease_and_the_second_waits(api: FakeApi, client: Client) -> None:
    clock = Clock()
    first, second = elector(client, "a", clock), elector(client, "b", clock)
    async with Running(first):
        await leads(first)
        async with Running(second):
            await tried(api, 6)
            assert (first.holds(), second.holds(), second.problem) == (True, False, "")
    found = spec(api)
    assert (found["holderIdentity"], found["leaseDurationSeconds"]) == ("a", 15)
    assert found["renewTime"].endswith("Z")


async def test_a_lease_that_is_released_is_taken_at_once(api: FakeApi, client: Client) -> None:
    clock = Clock()
    first, second = elector(client, "a", clock), elector(client, "b", clock)
    async with Running(first, second):
        await leads(first)
        await first.release()
        assert not first.holds()
        await leads(second)
        assert not first.leading.is_set()
    assert (spec(api)["holderIdentity"], spec(api)["leaseTransitions"]) == ("b", 1)


async def test_a_lease_that_is_not_renewed_is_taken_after_its_duration(api: FakeApi, client: Client) -> None:
    clock = Clock()
    old = {"holderIdentity": "gone", "leaseDurationSeconds": 15, "renewTime": "2020-01-01T00:00:00.000000Z"}
    metadata = {"name": "lock", "namespace": "sys"}
    await api.put(LEASES, {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": old})
    one = elector(client, "b", clock)
    async with Running(one):
        await tried(api)
        clock.now += 14.9
        await tried(api)
        assert not one.holds()  # how old the record says it is does not count: clocks differ
        clock.now += 0.2
        await leads(one)
    assert spec(api)["leaseTransitions"] == 1


async def test_who_was_paused_writes_nothing_when_it_comes_back(api: FakeApi, client: Client) -> None:
    clock = Clock()
    first, second = elector(client, "a", clock), elector(client, "b", clock)
    fenced = client.fenced(first.holds)
    config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "sys"}}
    async with Running(first):
        await leads(first)
        await fenced.apply(resources.CONFIG_MAPS, config_map)
    # The first one stands still from here on.
    async with Running(second):
        await tried(api)
        clock.now += 15.1
        await leads(second)
        before = len(api.writes())
        with pytest.raises(FencedError, match="does not hold the Lease"):
            await fenced.apply(resources.CONFIG_MAPS, config_map)
        await fenced.get(resources.CONFIG_MAPS, "c", "sys")
        assert [call for call in api.writes()[before:] if "configmaps" in call.path] == []
        async with Running(first):
            async with asyncio.timeout(PATIENCE_SECONDS):
                while first.leading.is_set():  # noqa: ASYNC110
                    await asyncio.sleep(0)  # its own task notices
        assert spec(api)["holderIdentity"] == "b"


async def test_a_holder_that_cannot_renew_stops_and_goes_on_when_it_can(api: FakeApi, client: Client) -> None:
    clock = Clock()
    one = elector(client, "a", clock)
    async with Running(one):
        await leads(one)
        api.faults.append(lambda _: failure(503, "etcd leader changed"))
        clock.now += 9.0
        assert one.holds()
        clock.now += 1.1
        assert not one.holds()
        api.faults.clear()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not one.holds():  # noqa: ASYNC110
                await asyncio.sleep(0)  # its own task renews
    assert spec(api)["holderIdentity"] == "a"


async def test_of_two_that_write_at_the_same_time_one_wins(api: FakeApi, client: Client) -> None:
    clock = Clock()
    one = elector(client, "a", clock)
    lost: list[Call] = []

    def beaten(call: Call) -> Any:
        if call.method == "POST" and not lost:
            lost.append(call)
            return failure(409, "exists", "AlreadyExists")
        return None

    api.faults.append(beaten)
    async with Running(one):
        await leads(one)
    assert (len(lost), one.problem) == (1, "")


async def test_a_missing_permission_is_said(api: FakeApi, client: Client) -> None:
    message = 'leases is forbidden: User "u" cannot get resource "leases"'
    api.faults.append(lambda _: failure(403, message))
    one = elector(client, "a", Clock())
    async with Running(one):
        await tried(api)
    assert "permission is missing: verb get on leases.coordination.k8s.io in namespace sys" in one.problem


async def test_who_does_not_hold_it_releases_nothing(api: FakeApi, client: Client) -> None:
    clock = Clock()
    first, second = elector(client, "a", clock), elector(client, "b", clock)
    async with Running(first):
        await leads(first)
        await second.release()
        assert spec(api)["holderIdentity"] == "a"


@pytest.mark.parametrize("wrong", [(10.0, 10.0, 2.0), (15.0, 2.0, 2.0), (15.0, 10.0, 0.0)])
async def test_timings_that_cannot_work_are_refused(wrong: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="must be longer than its renew deadline"):
        LeaseTimings(duration=wrong[0], renew_deadline=wrong[1], retry_period=wrong[2])
