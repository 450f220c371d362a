"""From kfserving's initializer to rclone with `seldonctl migrate storage`, while users send requests, and back.

The first move is to the stock rclone, which knows none of kfserving's variables: what it fetches, the new ones fetched.
"""

from __future__ import annotations

import pytest

from tests.e2e.harness import images, manifests
from tests.e2e.harness.initializers import assert_same_answer, migrate, wait_fetched_by
from tests.e2e.harness.workspace import Workspace

pytestmark = pytest.mark.release_profile("kfserving")

OF_ACCOUNT = "sklearn-iris-sa"
OF_SECRET = "sklearn-iris-secret"


@pytest.mark.alone
@pytest.mark.long(80)
def test_a_service_account_there_and_back(workspace: Workspace) -> None:
    workspace.apply(*manifests.service_account(), manifests.iris(OF_ACCOUNT, account="minio-sa"))
    workspace.assert_serves(OF_ACCOUNT, initializer=images.KFSERVING_INITIALIZER)

    with workspace.load(OF_ACCOUNT) as load:
        with load.during("the credentials move"):
            migrate(workspace, "--verify", "--apply")
            wait_fetched_by(workspace, OF_ACCOUNT, images.KFSERVING_INITIALIZER, "minio-sa-secret")
        assert_same_answer(workspace, OF_ACCOUNT)
        with load.during("the deployment moves to the stock rclone"):
            migrate(workspace, OF_ACCOUNT, "--image", images.RCLONE_EXAMPLE, "--apply")
            wait_fetched_by(workspace, OF_ACCOUNT, images.RCLONE_EXAMPLE, "minio-sa-secret")
        assert_same_answer(workspace, OF_ACCOUNT)
        with load.during("the way back"):
            migrate(workspace, "--rollback")
            wait_fetched_by(workspace, OF_ACCOUNT, images.KFSERVING_INITIALIZER, None)
    assert_same_answer(workspace, OF_ACCOUNT)


def test_a_secret_is_extended_and_no_pod_is_replaced(workspace: Workspace) -> None:
    workspace.apply(manifests.kfserving_secret(), manifests.iris(OF_SECRET, env_secret="seldon-kfserving-secret"))
    workspace.assert_serves(OF_SECRET, initializer=images.KFSERVING_INITIALIZER)
    before = [pod["metadata"]["uid"] for pod in workspace.pods(OF_SECRET)]

    migrate(workspace, "--verify", "--apply")
    migrate(workspace)
    assert [pod["metadata"]["uid"] for pod in workspace.pods(OF_SECRET)] == before

    migrate(workspace, OF_SECRET, "--image", images.RCLONE_INITIALIZER, "--apply")
    wait_fetched_by(workspace, OF_SECRET, images.RCLONE_INITIALIZER, "seldon-kfserving-secret")
    assert_same_answer(workspace, OF_SECRET)
