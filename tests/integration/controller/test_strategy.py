"""A strategy that somebody sets on a live Deployment stays, through every change of its SeldonDeployment."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.integration.controller.manifests import state_a, state_b
from tests.integration.controller.world import World


@pytest.mark.parametrize(
    ("kind", "strategy"),
    [
        ("recreate", {"type": "Recreate", "rollingUpdate": None}),
        ("limits", {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}),
    ],
)
def test_a_strategy_that_somebody_sets_stays(world: World, kind: str, strategy: dict[str, Any]) -> None:
    with world.life(f"strategy-{kind}") as life:
        life.controller.start()
        life.settled(life.apply(state_a))
        deployments = f"/apis/apps/v1/namespaces/{life.namespace}/deployments"
        before = {each["metadata"]["name"]: each["metadata"]["uid"] for each in world.plane.items(deployments)}
        for name in before:
            patch = json.dumps({"spec": {"strategy": strategy}})
            world.plane.kubectl("patch", "deployment", name, "--namespace", life.namespace, "--patch", patch)
        edited = {each["metadata"]["name"]: each["spec"] for each in world.plane.items(deployments)}

        life.settled(life.apply(state_b))

        after = {each["metadata"]["name"]: each for each in world.plane.items(deployments)}
        kept = {name for name, uid in before.items() if name in after and after[name]["metadata"]["uid"] == uid}
        assert {name: after[name]["spec"]["strategy"] for name in kept} == {
            name: edited[name]["strategy"] for name in kept
        }
        assert any(after[name]["spec"]["template"] != edited[name]["template"] for name in kept)
