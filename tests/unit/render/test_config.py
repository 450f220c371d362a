"""The configuration of an installation, from values and from the live ConfigMap."""

import json
from typing import Any

import pytest

from seldon_core.api.values import load_values
from seldon_core.operator.render.config import ConfigError, from_values


def test_defaults_are_the_charts() -> None:
    config = from_values(load_values({}))

    assert (config.http_port, config.grpc_port, config.default_user) == (9000, 9500, 8888)
    assert config.storage_initializer.image == "localhost/seldon-core/rclone-storage-initializer:0.1.0"
    assert config.executor.image == "localhost/seldon-core/executor:0.1.0"
    assert config.predictor_servers["SKLEARN_SERVER"].image("").embedded


def test_the_live_config_map_wins_over_the_values_it_was_made_from() -> None:
    live = {
        "predictor_servers": json.dumps({"MINE": {"protocols": {"seldon": {"image": "mine"}}}}),
        "storageInitializer": json.dumps({"image": "init:2", "cpuLimit": "3"}),
        "credentials": json.dumps({"s3": {"s3AccessKeyIDName": "id"}, "gcs": {"gcsCredentialFileName": "file"}}),
        "explainer": json.dumps({"image": "explainer:2"}),
        "another": "not read here",
    }
    config = from_values(load_values({}), live)

    assert set(config.predictor_servers) == {"MINE"}
    assert config.storage_initializer.image == "init:2"
    assert config.storage_initializer.resources.render()["limits"] == {"cpu": "3", "memory": "1Gi"}
    assert (config.credentials.s3_access_key_id, config.credentials.gcs_file) == ("id", "file")
    assert config.explainer.image == "explainer:2"
    assert config.explainer.image_v2 == "seldonio/mlserver:1.3.5-alibi-explain"
    assert config.credentials.s3_secret_access_key == "awsSecretAccessKey"


@pytest.mark.parametrize("live", [False, True])
def test_one_registry_for_our_images_wherever_they_are_named(live: Any) -> None:
    values = load_values({"global": {"imageRegistry": "registry:5000/x"}})
    data = {"predictor_servers": json.dumps(values.predictor_servers)} if live else None
    config = from_values(values, data)

    assert config.executor.image.startswith("registry:5000/x/seldon-core/")
    assert config.storage_initializer.image.startswith("registry:5000/x/seldon-core/")
    assert config.predictor_servers["SKLEARN_SERVER"].image("").reference.startswith("registry:5000/x/")
    assert config.predictor_servers["MLFLOW_SERVER"].image("").reference == "seldonio/mlflowserver:1.17.1"


def test_an_empty_user_id_leaves_it_to_the_image() -> None:
    assert from_values(load_values({"defaultUserID": ""})).default_user is None


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("predictor_servers", "{"),
        ("predictor_servers", "[]"),
        ("predictor_servers", '{"A": {"protocols": {"seldon": {}}}}'),
        ("storageInitializer", "image"),
    ],
)
def test_a_key_that_cannot_be_read_is_named(key: Any, text: Any) -> None:
    with pytest.raises(ConfigError, match=f"seldon-config: .*{key}"):
        from_values(load_values({}), {key: text})
