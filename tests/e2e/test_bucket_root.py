"""Case j: a model at a bucket's root, and its metadata.yaml."""

from __future__ import annotations

import yaml

from tests.e2e.harness import curl, images, manifests, minio_data
from tests.e2e.harness.workspace import Workspace


def test_j_bucket_root_with_metadata(workspace: Workspace) -> None:
    name, secret = "sklearn-iris-root", "seldon-rclone-secret"
    with minio_data.storage(workspace.kubectl, workspace.timeouts) as client:
        metadata = yaml.safe_load(minio_data.read(client, "mymodel", "metadata.yaml"))
    workspace.apply(manifests.rclone_secret(secret), manifests.iris(name, model_uri="s3://mymodel", env_secret=secret))

    workspace.assert_serves(name, initializer=images.RCLONE_INITIALIZER)

    url = f"{workspace.url(name)}/api/v1.0/metadata/{manifests.UNIT}"
    answer = curl.get(url, seconds=workspace.timeouts.request)
    assert answer.status == 200, str(answer)
    answered = answer.json()
    assert metadata, "metadata.yaml of bucket mymodel is empty: the test would prove nothing"
    assert {key: answered.get(key) for key in metadata} == metadata, str(answer)
