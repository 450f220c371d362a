"""Services of pods that are held."""

from typing import Any

import pytest

from seldon_core.api.decode import load
from seldon_core.api.values import load_values
from seldon_core.operator.render import Rendered, render
from seldon_core.operator.render.config import from_values
from seldon_core.operator.rollout.holding import with_held_services
from tests.unit.operator.cluster import SDEPS, SERVICES, cluster, iris, is_state
from tests.unit.operator.test_rollout import KEEP

Object = dict[str, Any]

NAME = "iris-default-0-classifier"


def rendered(port: int = 8000) -> Rendered:
    return render(load(iris()), from_values(load_values({"executor": {"mode": "sidecar", "port": port}})))


def one(of: Rendered, kind: str, name: str) -> Object:
    return next(each for each in of.objects if (each["kind"], each["metadata"]["name"]) == (kind, name))


def held(before: Rendered, after: Rendered, *names: str) -> tuple[Rendered, bool]:
    pairs = [(one(after, "Deployment", NAME), one(before, "Deployment", NAME))]
    services = {each["metadata"]["name"]: each for each in before.objects if each["kind"] == "Service"}
    return with_held_services(after, pairs, names, services.get)


def test_ports_stay_while_the_pods_do() -> None:
    result, waits = held(rendered(), rendered(8001), NAME)

    assert waits
    assert one(result, "Service", "iris-default")["spec"]["ports"][0]["port"] == 8000


def test_ports_change_with_the_pods() -> None:
    result, waits = held(rendered(), rendered(8001))

    assert not waits
    assert one(result, "Service", "iris-default")["spec"]["ports"][0]["port"] == 8001


def test_where_no_port_changes_nothing_is_held() -> None:
    result, waits = held(rendered(), rendered(), NAME)

    assert not waits
    assert result == rendered()


@pytest.mark.asyncio
async def test_a_service_waits_for_the_turn_of_its_pods() -> None:
    async with cluster(policy=KEEP) as c:
        for name in "ab":
            await c.api.put(SDEPS, iris(name))
            await c.until(is_state("Creating"), name)
            await c.progress(f"{name}-default-0-classifier", ready=1)
            await c.until(is_state("Available"), name)
        c.config = from_values(load_values({"executor": {"mode": "sidecar", "port": 8001}}))
        c.controller.add_all()

        def moved(name: str) -> tuple[bool, bool]:
            """The pods, and their Service."""
            service = c.api.find(SERVICES, "ns", f"{name}-default")
            assert service is not None
            container = c.deployment(f"{name}-default-0-classifier")["spec"]["template"]["spec"]["containers"][-1]
            return container["ports"][0]["containerPort"] == 8001, service["spec"]["ports"][0]["port"] == 8001

        await c.api.reaches(lambda: sorted(map(moved, "ab")) == [(False, False), (True, True)])
        for name in "ab":
            await c.settled(name)
        assert sorted(map(moved, "ab")) == [(False, False), (True, True)]
        first = next(name for name in "ab" if moved(name)[0])
        await c.progress(f"{first}-default-0-classifier", ready=1)
        await c.api.reaches(lambda: all(moved(name) == (True, True) for name in "ab"))
