"""Where nothing changes nothing is written, whoever restarts and however often the same manifests come again."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
import yaml

from seldon_core.operator.objects.kinds import SELDON_DEPLOYMENTS
from tests.integration.controller.manifests import VALUES, state_a, state_c
from tests.integration.controller.process import Controller
from tests.integration.controller.snapshot import is_complete
from tests.integration.controller.world import World
from tests.integration.controlplane import OPERATOR, OPERATOR_NAMESPACE, WRITES, until

SYNCS = 3
STYLES = {"quiet-client-side": (), "quiet-server-side": ("--server-side",)}
"""The namespaces of this test, and how `kubectl apply` writes there."""
SENTINEL = "quiet-sentinel"


@pytest.fixture
def controller(world: World) -> Iterator[Controller]:
    """One that serves the whole cluster: what other tests have left behind, too."""
    found = Controller(
        world.plane.folder / "quiet",
        kubeconfig=world.plane.kubeconfig_of(OPERATOR),
        namespace=OPERATOR_NAMESPACE,
        values=VALUES,
    )
    found.start()
    yield found
    found.close()


def test_an_unchanged_deployment_costs_no_write(world: World, controller: Controller) -> None:
    """Not after a restart of the controller, and not when the same manifests are applied again."""
    manifests = {namespace: state_a(namespace) for namespace in STYLES}
    for namespace, manifest in manifests.items():
        world.namespace(namespace)
        _sync(world, namespace, manifest)
    for namespace, manifest in manifests.items():
        until(partial(is_complete, world.plane, namespace, manifest, VALUES), 60, controller.tail)
    _wait_until_all_is_looked_at(world, controller)
    before = len(_writes(world))

    controller.stop()
    controller.start()
    _wait_until_all_is_looked_at(world, controller)
    looked_at = len(world.plane.items(SELDON_DEPLOYMENTS.path()))
    assert _writes(world)[before:] == [], "a controller that was started again has written"
    print(f"\na restart: {looked_at} SeldonDeployments looked at, no write")

    for _ in range(SYNCS):
        for namespace, manifest in manifests.items():
            _sync(world, namespace, manifest)
            done = world.plane.kubectl(
                "diff", *STYLES[namespace], "-f", "-", stdin=yaml.safe_dump(manifest), check=False
            )
            assert (done.returncode, done.stdout) == (0, ""), f"kubectl diff shows: {done.stdout}{done.stderr}"
    # The controller has seen all that came before this one, too: a watch keeps the order.
    world.namespace(SENTINEL)
    world.apply(SENTINEL, state_c)
    until(lambda: is_complete(world.plane, SENTINEL, state_c(SENTINEL), VALUES), 60, controller.tail)
    written = [entry for entry in _writes(world)[before:] if entry[2] != SENTINEL]
    assert written == [], f"{SYNCS} syncs of the same manifests made the controller write"
    print(f"{SYNCS} syncs with kubectl apply, and with --server-side: no write, kubectl diff is empty")


def _sync(world: World, namespace: str, manifest: dict[str, Any]) -> None:
    world.plane.kubectl("apply", *STYLES[namespace], "-f", "-", stdin=yaml.safe_dump(manifest))


def _wait_until_all_is_looked_at(world: World, controller: Controller) -> None:
    """Until each SeldonDeployment has been reconciled once in this process, and none waits."""
    count = len(world.plane.items(SELDON_DEPLOYMENTS.path()))
    until(
        lambda: (
            controller.metric("seldon_operator_reconciles_total") >= count
            and controller.metric("seldon_operator_queue_depth") == 0
        ),
        60,
        lambda: f"not all {count} are looked at: {controller.tail()}",
    )


def _writes(world: World) -> list[tuple[str, str, str, str]]:
    """Verb, resource, namespace and name of each write of the controller; its Lease apart."""
    found = []
    for entry in world.plane.audit(verbs=WRITES, user=OPERATOR):
        about = entry["objectRef"]
        if about["resource"] != "leases":
            found.append((entry["verb"], about["resource"], about.get("namespace", ""), about.get("name", "")))
    return found
