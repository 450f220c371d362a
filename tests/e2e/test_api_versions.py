"""Case h: the manifest of case a in the API's older versions."""

from __future__ import annotations

import pytest

from tests.e2e.harness import images, manifests
from tests.e2e.harness.workspace import Workspace


@pytest.mark.parametrize("version", ["v1alpha2", "v1alpha3"])
def test_h_older_versions(workspace: Workspace, version: str) -> None:
    name, secret = "sklearn-iris", "seldon-rclone-secret"
    api_version = f"machinelearning.seldon.io/{version}"
    workspace.apply(manifests.rclone_secret(secret), manifests.iris(name, env_secret=secret, api_version=api_version))

    workspace.assert_serves(name, initializer=images.RCLONE_INITIALIZER)

    read_back = workspace.cluster.get(api_version, "SeldonDeployment", name, workspace.namespace)
    assert read_back is not None
    assert read_back["status"]["state"] == "Available"
