"""The upgrade from kfserving's storage initializer to the rclone one, and the way back, while users send requests.

The seeds' document "Upgrade to rclone-based Storage Initializer": two deployments, one with a secret, one with a
service account. The pods are replaced by the controller itself, because the chart's value changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.e2e.harness import images, manifests
from tests.e2e.harness.initializers import assert_same_answer, migrate, states, wait_fetched_by
from tests.e2e.harness.load import during
from tests.e2e.harness.release import DEFAULT, Release
from tests.e2e.harness.waiting import Object
from tests.e2e.harness.workspace import Workspace

pytestmark = [pytest.mark.release_profile("kfserving"), pytest.mark.alone, pytest.mark.cpus(0.4)]

OF_ACCOUNT, ACCOUNT, ACCOUNTS_SECRET = "sklearn-iris-sa", "minio-sa", "minio-sa-secret"
OF_SECRET, SECRET = "sklearn-iris-secret", "seldon-kfserving-secret"
NAMES = (OF_SECRET, OF_ACCOUNT)
OLD, NEW = images.KFSERVING_INITIALIZER, images.RCLONE_INITIALIZER
RECORD = "seldon-storage-migration"


def deploy(workspace: Workspace) -> None:
    """Both deployments, served by the old initializer."""
    workspace.apply(
        manifests.kfserving_secret(SECRET),
        *manifests.service_account(ACCOUNT),
        manifests.iris(OF_SECRET, env_secret=SECRET),
        manifests.iris(OF_ACCOUNT, account=ACCOUNT),
    )
    for name in NAMES:
        workspace.assert_serves(name, initializer=OLD)


class Users:
    """Those who go on asking both deployments, through all changes of a test."""

    def __init__(self, workspace: Workspace, stack: ExitStack) -> None:
        self._workspace = workspace
        self._loads = [stack.enter_context(workspace.load(name)) for name in NAMES]

    @contextmanager
    def during(self, change: str) -> Iterator[None]:
        """The block is a change; after it the answers are what they were."""
        with during(change, *self._loads):
            yield
        for name in NAMES:
            assert_same_answer(self._workspace, name)


def wait_fetched(workspace: Workspace, initializer: str, *, accounts: str | None) -> None:
    """Wait until both deployments' pods were made by this initializer; `accounts` is the secret that it got of one."""
    wait_fetched_by(workspace, OF_SECRET, initializer, SECRET)
    wait_fetched_by(workspace, OF_ACCOUNT, initializer, accounts)


def uids(workspace: Workspace) -> set[str]:
    """The pods that are there."""
    return {pod["metadata"]["uid"] for name in NAMES for pod in workspace.pods(name)}


def held(workspace: Workspace) -> dict[str, Object]:
    """What the secrets hold."""
    found = {
        name: workspace.cluster.get("v1", "Secret", name, workspace.namespace) for name in (SECRET, ACCOUNTS_SECRET)
    }
    return {name: secret["data"] for name, secret in found.items() if secret}


def test_migrated_upgraded_and_back(workspace: Workspace, release: Release) -> None:
    deploy(workspace)
    secrets = held(workspace)
    assert states(workspace) == dict.fromkeys(NAMES, "migrate")

    with ExitStack() as stack:
        users = Users(workspace, stack)
        with users.during("seldonctl migrate storage --verify --apply"):
            migrate(workspace, "--verify", "--apply")
            wait_fetched(workspace, OLD, accounts=ACCOUNTS_SECRET)
        assert states(workspace) == dict.fromkeys(NAMES, "done")
        with users.during("helm upgrade to the rclone initializer"):
            release.ensure(DEFAULT)
            wait_fetched(workspace, NEW, accounts=ACCOUNTS_SECRET)
        with users.during("helm rollback"):
            release.roll_back()
            wait_fetched(workspace, OLD, accounts=ACCOUNTS_SECRET)
        with users.during("seldonctl migrate storage --rollback"):
            migrate(workspace, "--rollback")
            wait_fetched(workspace, OLD, accounts=None)

    assert held(workspace) == secrets
    assert workspace.cluster.get("v1", "ConfigMap", RECORD, workspace.namespace) is None


def test_not_migrated_and_values_reused(workspace: Workspace, release: Release) -> None:
    """The new initializer reads the old credentials; the values of the former release stay until others are given."""
    deploy(workspace)
    pods = uids(workspace)

    with ExitStack() as stack:
        users = Users(workspace, stack)
        with users.during("helm upgrade --reuse-values"):
            release.upgrade_reusing_values()
        assert uids(workspace) == pods, "pods were replaced"
        with users.during("helm upgrade --reuse-values with the rclone initializer"):
            release.upgrade_reusing_values({"storageInitializer": {"image": NEW}})
            wait_fetched(workspace, NEW, accounts=None)
