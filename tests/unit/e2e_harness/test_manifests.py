from __future__ import annotations

import pytest

from tests.e2e.harness import manifests


def test_what_is_not_given_is_not_written() -> None:
    graph = manifests.iris("iris")["spec"]["predictors"][0]["graph"]

    assert graph == {"name": "classifier", "implementation": "SKLEARN_SERVER", "modelUri": "s3://sklearn/iris"}
    assert "modelUri" not in manifests.iris("iris", model_uri=None)["spec"]["predictors"][0]["graph"]


def test_the_service_accounts_secret_tells_where_the_storage_is() -> None:
    account, held = manifests.service_account(prefix="serving.kubeflow.org")

    assert account["secrets"] == [{"name": held["metadata"]["name"]}]
    assert held["metadata"]["annotations"] == {
        "serving.kubeflow.org/s3-endpoint": "minio.minio-system.svc.cluster.local:9000",
        "serving.kubeflow.org/s3-usehttps": "0",
    }


def test_an_rclone_secret_names_its_remote() -> None:
    values = manifests.rclone_secret("s", remote="MYS3")["stringData"]

    assert values["RCLONE_CONFIG_MYS3_TYPE"] == "s3"
    assert all(key.startswith("RCLONE_CONFIG_MYS3_") for key in values)


@pytest.mark.parametrize("name", ["explicit-rclone", "explicit-kfserving"])
def test_documents_that_are_written_out_take_their_image(name: str) -> None:
    secret, sdep = manifests.load(name, IMAGE="registry/image:1")

    assert secret["kind"] == "Secret"
    (container,) = sdep["spec"]["predictors"][0]["componentSpecs"][0]["spec"]["initContainers"]
    assert container["name"] == manifests.INITIALIZER
    assert container["image"] == "registry/image:1"
