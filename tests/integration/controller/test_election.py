"""Two controllers of one installation: one works, the other takes over when it is gone."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from seldon_core.kube.resources import LEASES
from tests.integration.controller.manifests import VALUES, state_a
from tests.integration.controller.process import Controller
from tests.integration.controller.world import World
from tests.integration.controlplane import OPERATOR, until

LEASE_SECONDS = 15.0
GRACE_SECONDS = 5.0
NAMESPACE = "election"


@pytest.fixture
def pair(world: World) -> Iterator[dict[str, Controller]]:
    kubeconfig = world.plane.kubeconfig_of(OPERATOR)
    world.namespace(NAMESPACE)
    found = {
        name: Controller(
            world.plane.folder / name,
            kubeconfig=kubeconfig,
            namespace=NAMESPACE,
            watched=NAMESPACE,
            identity=name,
            values=VALUES,
        )
        for name in ("first-controller", "second-controller")
    }
    for controller in found.values():
        controller.start(ready=False)
    for controller in found.values():
        controller.wait_ready()
    yield found
    for controller in found.values():
        controller.close()


def test_when_the_leader_is_killed_the_other_takes_over(world: World, pair: dict[str, Controller]) -> None:
    """Who does not lead writes nothing; after the leader's end the work goes on within the Lease's time and 5 s."""
    leader = until(lambda: _holder(world), 20, "nobody leads")
    other = next(name for name in pair if name != leader)

    killed = time.monotonic()
    pair[leader].kill()
    pair[leader].buried()
    world.apply(NAMESPACE, state_a)
    limit = LEASE_SECONDS + GRACE_SECONDS
    until(lambda: _holder(world) == other, limit, lambda: f"{other} does not lead: {pair[other].tail()}")
    took_over = time.monotonic() - killed
    services = f"/api/v1/namespaces/{NAMESPACE}/services"
    until(lambda: world.plane.items(services), limit - took_over, lambda: f"nothing is made: {pair[other].tail()}")
    worked = time.monotonic() - killed

    print(f"\n{other} leads {took_over:.1f} s after {leader} was killed, and works {worked:.1f} s after")
    assert worked <= limit


def _holder(world: World) -> str:
    leases = world.plane.items(LEASES.path(namespace=NAMESPACE))
    return str(leases[0]["spec"].get("holderIdentity") or "") if leases else ""
