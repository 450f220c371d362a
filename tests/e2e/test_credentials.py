"""Cases a, b and c: one model, three ways to give its credentials, the default storage initializer."""

from __future__ import annotations

import pytest

from tests.e2e.harness import curl, images, manifests, prediction
from tests.e2e.harness.workspace import Workspace


def test_a_rclone_secret(workspace: Workspace) -> None:
    name = "sklearn-iris"
    workspace.apply(
        manifests.rclone_secret("seldon-rclone-secret"), manifests.iris(name, env_secret="seldon-rclone-secret")
    )

    workspace.assert_serves(name, initializer=images.RCLONE_INITIALIZER)
    # The predictor's Service answers also where nothing leads to it from outside.
    with workspace.predictor(name) as address:
        answer = curl.post(f"{address}{prediction.PATH}", prediction.REQUEST, seconds=workspace.timeouts.request)
    prediction.assert_iris(answer, unit=manifests.UNIT, image=images.SKLEARN_SERVER)

    status = (workspace.seldon_deployment(name) or {})["status"]
    host = f"{manifests.predictor_service(name)}.{workspace.namespace}.svc.cluster.local"
    assert status["address"]["url"] == f"http://{host}:8000/api/v1.0/predictions"
    assert status["deploymentStatus"][manifests.model_deployment(name)]["availableReplicas"] == 1
    conditions = {condition["type"]: condition["status"] for condition in status["conditions"]}
    assert conditions["Ready"] == "True", conditions


@pytest.mark.parametrize("prefix", ["machinelearning.seldon.io", "serving.kubeflow.org"])
def test_b_service_account(workspace: Workspace, prefix: str) -> None:
    name = "sklearn-iris-sa"
    workspace.apply(*manifests.service_account(prefix=prefix), manifests.iris(name, account="minio-sa"))

    workspace.assert_serves(name, initializer=images.RCLONE_INITIALIZER)


def test_c_kfserving_secret_is_read_by_the_rclone_initializer(workspace: Workspace) -> None:
    name = "sklearn-iris-secret"
    workspace.apply(manifests.kfserving_secret(), manifests.iris(name, env_secret="seldon-kfserving-secret"))

    workspace.assert_serves(name, initializer=images.RCLONE_INITIALIZER)
