"""Models on a PersistentVolumeClaim, copied or mounted, and a claim on which models are kept for the next pod.

A real claim of the cluster's default StorageClass. The Job that makes it usable runs as root, which `restricted` does
not allow; the models' pods need no more than ever.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.e2e.harness import claims, images, manifests
from tests.e2e.harness.initializers import log_of
from tests.e2e.harness.pods import describe
from tests.e2e.harness.release import CACHE_CLAIM
from tests.e2e.harness.waiting import assert_described, wait_for
from tests.e2e.harness.workspace import Workspace

pytestmark = pytest.mark.pod_security("baseline")

CLAIM, NO_CLAIM = "trained-models", "no-such-claim"
MODEL = f"pvc://{CLAIM}/{claims.FOLDER}"
NO_FOLDER = f"pvc://{CLAIM}/irsi"
FAILED = rf"init container {manifests.INITIALIZER} of pod \S+ failed with exit code 4: storage: "


def wait_told(workspace: Workspace, name: str, state: str, patterns: Sequence[str]) -> None:
    """Wait until the status has this state, and a description that matches every pattern."""
    wait_for(
        lambda: assert_described(workspace.seldon_deployment(name), name, state, patterns),
        what=f"SeldonDeployment {name} to name its fault",
        seconds=workspace.timeouts.failure,
        detail=lambda: describe(workspace.pods(name)),
    )


def test_copied_from_a_claim(workspace: Workspace) -> None:
    claims.make(workspace, CLAIM)
    uris = {"copied": MODEL, "no-folder": NO_FOLDER, "no-claim": f"pvc://{NO_CLAIM}/{claims.FOLDER}"}
    workspace.apply(*(manifests.iris(name, model_uri=uri) for name, uri in uris.items()))

    workspace.assert_serves("copied", initializer=images.RCLONE_INITIALIZER)
    wait_told(workspace, "no-folder", "Failed", [rf'{FAILED}there is no "irsi" on the claim: nearest: iris/'])
    wait_told(workspace, "no-claim", "Creating", [rf'persistentvolumeclaim "{NO_CLAIM}" not found'])


@pytest.mark.release_profile("claims")
def test_mounted_and_kept(workspace: Workspace) -> None:
    """With `storageInitializer.pvc: mount` and `storageInitializer.cache.claimName`."""
    claims.make(workspace, CLAIM, CACHE_CLAIM)
    workspace.apply(
        manifests.iris("mounted", model_uri=MODEL),
        manifests.iris("no-folder", model_uri=NO_FOLDER),
        manifests.iris("first", env_secret=claims.SECRET),
    )

    workspace.assert_serves("mounted", initializer=None)
    wait_told(workspace, "no-folder", "Failed", [r"model\.joblib"])
    workspace.assert_serves("first", initializer=images.RCLONE_INITIALIZER)
    assert "kept in the cache as listed-" in log_of(workspace, "first")

    workspace.apply(manifests.iris("second", env_secret=claims.SECRET))
    workspace.assert_serves("second", initializer=images.RCLONE_INITIALIZER)
    assert f"{manifests.IRIS} comes from the cache" in log_of(workspace, "second")
