"""Bad input of the storage kind: one sentence in the SeldonDeployment's `status.description` says what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.e2e.harness import images, manifests, minio_data
from tests.e2e.harness.cluster import Cluster
from tests.e2e.harness.session import Session
from tests.e2e.harness.workspace import Workspace

SECRET = "seldon-rclone-secret"
WRONG_PASSWORD = "wrong-password-of-the-test"
# A Service that no cluster has: the name is not found, at once.
NOWHERE = "no-such-minio.minio-system.svc.cluster.local"
BUCKET = "e2e-broken-models"
OBJECTS = {"empty/": b"", "no-joblib/model.joblib": b"This is a text and no model.\n"}


@dataclass(frozen=True)
class Fault:
    """An input that cannot work and the words that the description must have."""

    patterns: tuple[str, ...]
    uri: str = manifests.IRIS
    password: str = manifests.PASSWORD
    endpoint: str = manifests.MINIO_URL


FAULTS = {
    "wrong-key": Fault((r"credential|access key|secret|denied|signature|403", r"s3|sklearn"), password=WRONG_PASSWORD),
    "unreachable-endpoint": Fault((NOWHERE,), endpoint=f"http://{NOWHERE}:9000"),
    "missing-bucket": Fault((r"bucket", r"no-such-bucket"), uri="s3://no-such-bucket/iris"),
    "missing-path": Fault((r"sklearn/no-such-path",), uri="s3://sklearn/no-such-path"),
    "empty-folder": Fault((rf"{BUCKET}/empty", r"empty|no file|no object"), uri=f"s3://{BUCKET}/empty"),
    "no-joblib": Fault((r"model\.joblib", r"joblib|load|read"), uri=f"s3://{BUCKET}/no-joblib"),
}


@pytest.fixture(scope="module")
def broken_models(cluster: Cluster, session: Session) -> Iterator[None]:
    """A bucket with an empty folder and with a file that is no joblib, while this module's tests run."""
    kubectl = session.tool("kubectl", cluster)
    with minio_data.storage(kubectl, session.timeouts) as client:
        minio_data.fill(client, BUCKET, OBJECTS)
    yield
    if not session.keep:
        with minio_data.storage(kubectl, session.timeouts) as client:
            minio_data.remove(client, BUCKET)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_description_names_the_fault(workspace: Workspace, broken_models: None, fault: Fault) -> None:
    name = "sklearn-iris"
    workspace.apply(
        manifests.rclone_secret(SECRET, password=fault.password, endpoint=fault.endpoint),
        manifests.iris(name, model_uri=fault.uri, env_secret=SECRET),
    )

    description = workspace.wait_failed(name, fault.patterns)

    assert_one_sentence(description)
    assert WRONG_PASSWORD not in description


def test_missing_secret_is_named_and_mended_by_making_it(workspace: Workspace) -> None:
    name = "sklearn-iris"
    workspace.apply(manifests.iris(name, env_secret=SECRET))

    description = workspace.wait_failed(name, (SECRET, r"not found|missing|no secret|does not exist|not there"))
    assert_one_sentence(description)

    workspace.apply(manifests.rclone_secret(SECRET))
    workspace.wait_available(name, tolerate_failed=True)
    workspace.assert_serves(name, initializer=images.RCLONE_INITIALIZER)


def assert_one_sentence(description: str) -> None:
    """It is a line of words for people, no trace of a program."""
    assert "\n" not in description.strip(), description
    assert 5 <= len(description.split()) <= 100, description
    assert "Traceback" not in description, description
