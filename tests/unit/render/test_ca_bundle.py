"""The certificates of an own authority in storage initializers: new in this project, so nothing is recorded."""

from typing import Any

import pytest

INIT = "classifier-model-initializer"
FOLDER = "/etc/ssl/custom-certs"
ITEMS = [{"key": "cabundle.crt", "path": "cabundle.crt"}]


def values(**given: str) -> dict[str, Any]:
    return {"storageInitializer": {"caBundle": given}}


@pytest.mark.parametrize(
    ("given", "source"),
    [
        ({"configMapName": "mine"}, {"configMap": {"name": "mine", "items": ITEMS}}),
        ({"secretName": "mine"}, {"secret": {"secretName": "mine", "items": ITEMS}}),
        (
            {"configMapName": "mine", "key": "ca.crt"},
            {"configMap": {"name": "mine", "items": [{"key": "ca.crt", "path": "cabundle.crt"}]}},
        ),
    ],
)
def test_it_is_mounted_where_models_are_fetched(
    build: Any, iris: Any, given: dict[str, str], source: dict[str, Any]
) -> None:
    built = build(iris, values=values(**given))
    init = built.container(INIT)

    env = {entry["name"]: entry["value"] for entry in init["env"]}
    assert env == {"CA_BUNDLE_CONFIGMAP_NAME": "mine", "CA_BUNDLE_VOLUME_MOUNT_POINT": FOLDER}
    assert {"name": "seldon-ca-bundle", "mountPath": FOLDER, "readOnly": True} in init["volumeMounts"]
    assert [v for v in built.pod()["volumes"] if v["name"] == "seldon-ca-bundle"] == [
        {"name": "seldon-ca-bundle", **source}
    ]
    assert "seldon-ca-bundle" not in {mount["name"] for mount in built.container("classifier")["volumeMounts"]}


def test_other_images_have_it_too(build: Any, iris: Any) -> None:
    iris["graph"]["storageInitializerImage"] = "kserve/storage-initializer:v0.16.0"

    env = build(iris, values=values(configMapName="mine")).container(INIT)["env"]

    assert {"name": "CA_BUNDLE_VOLUME_MOUNT_POINT", "value": FOLDER} in env


def test_two_models_of_a_pod_share_the_volume(build: Any, iris: Any) -> None:
    iris["graph"]["children"] = [{"name": "second", "implementation": "SKLEARN_SERVER", "modelUri": "s3://second"}]
    volumes = build(iris, values=values(configMapName="mine")).pod()["volumes"]

    assert [volume["name"] for volume in volumes].count("seldon-ca-bundle") == 1


def test_nothing_without_the_value_or_for_a_claim(build: Any, iris: Any) -> None:
    plain = build(iris).pod()
    assert "seldon-ca-bundle" not in str(plain)
    assert "env" not in build(iris).container(INIT)

    iris["graph"]["modelUri"] = "pvc://claim/iris"
    assert build(iris, values=values(configMapName="mine")).pod() == build(iris).pod()
