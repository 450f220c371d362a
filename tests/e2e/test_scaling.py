"""An autoscaler's count is its own, a disruption budget guards its own pods, and both go with what asked for them.

The container that the manifest names stays as its user wrote it, so the namespace enforces `baseline`.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.harness import images, manifests
from tests.e2e.harness.waiting import Object, wait_for
from tests.e2e.harness.workspace import Workspace

SECRET = "seldon-rclone-secret"
NAME = "sklearn-iris"
AUTOSCALER = ("autoscaling/v2", "HorizontalPodAutoscaler")
BUDGET = ("policy/v1", "PodDisruptionBudget")


def _iris(**component: Any) -> Object:
    sdep = manifests.iris(NAME, env_secret=SECRET)
    sdep["spec"]["predictors"][0]["componentSpecs"] = [
        {"spec": {"containers": [{"name": manifests.UNIT}]}} | component,
    ]
    return sdep


@pytest.mark.pod_security("baseline")
@pytest.mark.cpus(0.4)
def test_an_autoscaler_and_a_budget_come_and_go(workspace: Workspace) -> None:
    deployment = manifests.model_deployment(NAME)

    def replicas() -> Any:
        live = workspace.cluster.get("apps/v1", "Deployment", deployment, workspace.namespace)
        assert live is not None, "the Deployment is not there"
        return live["spec"]["replicas"]

    def scaled_to(count: int) -> None:
        assert replicas() == count, f"the Deployment has {replicas()} replicas"

    def gone(kind: tuple[str, str]) -> None:
        assert workspace.cluster.get(*kind, deployment, workspace.namespace) is None, f"{kind[1]} is still there"

    workspace.apply(
        manifests.rclone_secret(SECRET),
        _iris(hpaSpec={"minReplicas": 2, "maxReplicas": 3}, pdbSpec={"minAvailable": 1}),
    )
    workspace.wait_available(NAME)

    # The autoscaler wants two; the predictor's own `replicas: 1` must not be written over it.
    wait_for(lambda: scaled_to(2), what="the autoscaler's two replicas", seconds=workspace.timeouts.rollout)
    autoscaler = workspace.cluster.get(*AUTOSCALER, deployment, workspace.namespace)
    assert autoscaler is not None
    assert autoscaler["spec"]["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": deployment}
    budget = workspace.cluster.get(*BUDGET, deployment, workspace.namespace)
    assert budget is not None
    wanted = budget["spec"]["selector"]["matchLabels"]
    assert all(wanted.items() <= pod["metadata"]["labels"].items() for pod in workspace.pods(NAME))
    workspace.assert_serves(NAME, initializer=images.RCLONE_INITIALIZER)
    assert replicas() == 2

    workspace.apply(_iris())

    wait_for(lambda: gone(AUTOSCALER), what="the autoscaler to go", seconds=workspace.timeouts.rollout)
    wait_for(lambda: gone(BUDGET), what="the budget to go", seconds=workspace.timeouts.rollout)
    wait_for(lambda: scaled_to(1), what="the manifest's one replica", seconds=workspace.timeouts.rollout)
    workspace.assert_serves(NAME, initializer=images.RCLONE_INITIALIZER)
