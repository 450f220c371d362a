"""Cases e and f: an init container that the user writes, and an initializer image that the manifest names.

The user's own containers stay as written and set no security context, so their namespaces enforce `baseline`.
"""

from __future__ import annotations

import pytest

from tests.e2e.harness import images, manifests
from tests.e2e.harness.workspace import Workspace


@pytest.mark.pod_security("baseline")
def test_e_explicit_stock_rclone(workspace: Workspace) -> None:
    workspace.apply(*manifests.load("explicit-rclone", IMAGE=images.RCLONE))

    workspace.assert_serves("explicit-init-definition", initializer=images.RCLONE)


@pytest.mark.pod_security("baseline")
def test_e_explicit_kfserving(workspace: Workspace) -> None:
    workspace.apply(*manifests.load("explicit-kfserving", IMAGE=images.KFSERVING_INITIALIZER))

    workspace.assert_serves("custom-init-container", initializer=images.KFSERVING_INITIALIZER)


def test_f_storage_initializer_image(workspace: Workspace) -> None:
    name, secret = "rclone-as-default-init-container", "seldon-rclone-secret"
    workspace.apply(
        manifests.rclone_secret(secret, remote="MYS3"),
        manifests.iris(name, model_uri="mys3:sklearn/iris", env_secret=secret, initializer_image=images.RCLONE_EXAMPLE),
    )

    workspace.assert_serves(name, initializer=images.RCLONE_EXAMPLE)
