"""Case d: cases b and c while the chart's value `storageInitializer.image` names the kfserving initializer."""

from __future__ import annotations

import pytest

from tests.e2e.harness import images, manifests
from tests.e2e.harness.workspace import Workspace

pytestmark = pytest.mark.release_profile("kfserving")


def test_d_service_account(workspace: Workspace) -> None:
    name = "sklearn-iris-sa"
    workspace.apply(*manifests.service_account(), manifests.iris(name, account="minio-sa"))

    workspace.assert_serves(name, initializer=images.KFSERVING_INITIALIZER)


def test_d_kfserving_secret(workspace: Workspace) -> None:
    name = "sklearn-iris-secret"
    workspace.apply(manifests.kfserving_secret(), manifests.iris(name, env_secret="seldon-kfserving-secret"))

    workspace.assert_serves(name, initializer=images.KFSERVING_INITIALIZER)
