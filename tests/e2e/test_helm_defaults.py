"""Case g: secret and initializer image come from the chart's values; the manifest says but the modelUri."""

from __future__ import annotations

import pytest

from tests.e2e.harness import images, manifests
from tests.e2e.harness.workspace import Workspace

pytestmark = pytest.mark.release_profile("own-defaults")


def test_g_defaults_from_values(workspace: Workspace) -> None:
    name = "sklearn-iris-defaults"
    workspace.apply(
        manifests.rclone_secret("seldon-rclone-secret", remote="MYS3"),
        manifests.iris(name, model_uri="mys3:sklearn/iris"),
    )

    workspace.assert_serves(name, initializer=images.RCLONE_EXAMPLE)
