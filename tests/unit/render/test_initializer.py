"""The init container: image, secret, explicit ones, claims. Facts: specification 1.2 and 1.4."""

from typing import Any

import pytest

from seldon_core.operator.render import RenderError

DEFAULT = "localhost/seldon-core/rclone-storage-initializer:0.1.0"
INIT = "classifier-model-initializer"


def test_it_is_given_the_uri_and_the_folder(build: Any, iris: Any) -> None:
    init = build(iris).container(INIT)

    assert (init["image"], init["args"]) == (DEFAULT, ["s3://iris", "/mnt/models"])
    assert init["envFrom"] == [{"secretRef": {"name": "seldon-rclone-secret"}}]
    assert init["volumeMounts"] == [{"name": "classifier-provision-location", "mountPath": "/mnt/models"}]
    assert init["resources"] == {
        "limits": {"cpu": "1", "memory": "1Gi"},
        "requests": {"cpu": "100m", "memory": "100Mi"},
    }
    assert "command" not in init


def test_a_failed_ones_last_words_reach_the_pods_status(build: Any, iris: Any) -> None:
    assert build(iris).container(INIT)["terminationMessagePolicy"] == "FallbackToLogsOnError"


def test_the_units_image_wins_over_the_values(build: Any, iris: Any) -> None:
    values = {"storageInitializer": {"image": "kfserving/storage-initializer:v0.6.1"}}
    from_values = build(iris, values=values).container(INIT)["image"]
    iris["graph"]["storageInitializerImage"] = "mine:1"

    assert from_values == "kfserving/storage-initializer:v0.6.1"
    assert build(iris, values=values).container(INIT)["image"] == "mine:1"


@pytest.mark.parametrize(
    ("unit", "default", "expected"), [("mine", "theirs", "mine"), ("", "theirs", "theirs"), ("", "", None)]
)
def test_the_units_secret_wins_over_the_default_one(
    build: Any, iris: Any, unit: Any, default: Any, expected: Any
) -> None:
    iris["graph"]["envSecretRefName"] = unit
    init = build(iris, values={"predictiveUnit": {"defaultEnvSecretRefName": default}}).container(INIT)

    assert init.get("envFrom") == ([{"secretRef": {"name": expected}}] if expected else None)


@pytest.mark.parametrize(
    ("image", "read_only"),
    [
        (DEFAULT, True),
        ("registry:5000/x/rclone-storage-initializer@sha256:abc", True),
        ("registry:5000/x/rclone-storage-initializer", True),
        ("kfserving/storage-initializer:v0.6.1", False),
        ("rclone-storage-initializer/other:1", False),
    ],
)
def test_only_our_own_image_has_a_read_only_root(build: Any, iris: Any, image: Any, read_only: Any) -> None:
    iris["graph"]["storageInitializerImage"] = image

    assert build(iris).container(INIT)["securityContext"].get("readOnlyRootFilesystem", False) is read_only


def explicit(iris: Any, **more: Any) -> Any:
    mount = {"name": "classifier-provision-location", "mountPath": "/mnt/models"}
    init = {
        "name": INIT,
        "image": "rclone/rclone:latest",
        "args": ["copy", "a:b", "/mnt/models"],
        "volumeMounts": [mount],
    }
    pod = {"containers": [{"name": "classifier"}], "initContainers": [init], **more}
    iris["graph"]["modelUri"] = "dummy value"
    return {**iris, "componentSpecs": [{"spec": pod}]}, init


def test_an_explicit_one_is_left_as_it_is(build: Any, iris: Any) -> None:
    predictor, init = explicit(iris, volumes=[{"name": "classifier-provision-location", "emptyDir": {}}])
    result = build(predictor, values={"predictiveUnit": {"defaultEnvSecretRefName": "default"}})
    pod = result.pod()

    assert pod["initContainers"] == [init]
    assert [volume["name"] for volume in pod["volumes"]] == ["classifier-provision-location", "seldon-podinfo"]
    assert result.container("classifier")["volumeMounts"][-1] == {
        "name": "classifier-provision-location",
        "mountPath": "/mnt/models",
        "readOnly": True,
    }


def test_an_explicit_one_brings_its_own_volume(build: Any, iris: Any) -> None:
    predictor, _ = explicit(iris)

    assert [volume["name"] for volume in build(predictor).pod()["volumes"]] == ["seldon-podinfo"]


def test_a_mount_of_the_users_is_not_doubled(build: Any, iris: Any) -> None:
    mount = {"name": "classifier-provision-location", "mountPath": "/mnt/models", "readOnly": True}
    container = {"name": "classifier", "volumeMounts": [mount]}
    result = build({**iris, "componentSpecs": [{"spec": {"containers": [container]}}]})

    assert [m["mountPath"] for m in result.container("classifier")["volumeMounts"]] == ["/mnt/models", "/etc/podinfo"]


def test_other_init_containers_of_the_users_run_first(build: Any, iris: Any) -> None:
    pod = {"containers": [{"name": "classifier"}], "initContainers": [{"name": "first", "image": "f"}]}

    assert [c["name"] for c in build({**iris, "componentSpecs": [{"spec": pod}]}).pod()["initContainers"]] == [
        "first",
        INIT,
    ]


def test_a_container_of_the_users_with_a_model_gets_one_too(build: Any) -> None:
    pod = {"containers": [{"name": "c", "image": "i"}]}
    result = build({"name": "p", "graph": {"name": "c", "modelUri": "gs://b"}, "componentSpecs": [{"spec": pod}]})

    assert result.container("c-model-initializer")["args"] == ["gs://b", "/mnt/models"]
    assert ("MLSERVER_MODEL_URI", "/mnt/models") in result.env("c")


def test_no_model_no_init_container(build: Any) -> None:
    pod = {"containers": [{"name": "c", "image": "i"}]}

    assert "initContainers" not in build({"name": "p", "graph": {"name": "c"}, "componentSpecs": [{"spec": pod}]}).pod()


def test_a_claim_is_mounted_and_copied_from(build: Any, iris: Any) -> None:
    iris["graph"]["modelUri"] = "pvc://claim/folder/model"
    result = build(iris)
    mount = {"name": "kfserving-pvc-source", "mountPath": "/mnt/pvc", "readOnly": True}

    assert result.container(INIT)["args"] == ["/mnt/pvc/folder/model", "/mnt/models"]
    assert mount in result.container(INIT)["volumeMounts"]
    assert mount in result.container("classifier")["volumeMounts"]
    assert {"name": "kfserving-pvc-source", "persistentVolumeClaim": {"claimName": "claim"}} in result.pod()["volumes"]


@pytest.mark.parametrize(("second", "volumes"), [("pvc://one/b", 1), ("pvc://two/b", 2)])
def test_two_models_of_one_pod_may_lie_in_claims(build: Any, second: Any, volumes: Any) -> None:
    """v1.17.1 gave two volumes one name, which Kubernetes refuses."""
    children = [
        {"name": "a", "implementation": "SKLEARN_SERVER", "modelUri": "pvc://one/a"},
        {"name": "b", "implementation": "SKLEARN_SERVER", "modelUri": second},
    ]
    graph = {"name": "ab", "implementation": "RANDOM_ABTEST", "children": children}
    result = build({"name": "p", "graph": graph})
    claims = [volume["name"] for volume in result.pod()["volumes"] if "persistentVolumeClaim" in volume]
    mounted = [
        m["name"] for m in result.container("b-model-initializer")["volumeMounts"] if m["mountPath"] == "/mnt/pvc"
    ]

    assert len(claims) == len(set(claims)) == volumes
    assert set(mounted) <= set(claims)


def test_a_claim_without_a_name_is_refused(build: Any, iris: Any) -> None:
    iris["graph"]["modelUri"] = "pvc:///folder"

    with pytest.raises(RenderError, match="names no claim; write pvc://"):
        build(iris)
