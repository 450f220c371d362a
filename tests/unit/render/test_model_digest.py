"""Digests of models, the shared cache, and claims that are mounted: new in this project, so nothing is recorded."""

from typing import Any

import pytest

from seldon_core.operator.render import RenderError

INIT = "classifier-model-initializer"
ANNOTATION = "seldon.io/model-digest"
DIGEST = f"sha256:{'a1' * 32}"
OTHER = f"sha256:{'b2' * 32}"
MOUNT = {"storageInitializer": {"pvc": "mount"}}
CACHE = {"storageInitializer": {"cache": {"claimName": "models"}}}


def expected(build: Any, predictor: Any, init: str = INIT) -> str | None:
    env = build(predictor).container(init).get("env", [])
    return next((entry["value"] for entry in env if entry["name"] == "SELDON_MODEL_DIGEST"), None)


def test_one_model(build: Any, iris: Any) -> None:
    assert expected(build, iris) is None
    iris["annotations"] = {ANNOTATION: DIGEST}

    assert expected(build, iris) == DIGEST


def test_several_models_are_named(build: Any, iris: Any) -> None:
    below = {"name": "second", "implementation": "SKLEARN_SERVER", "modelUri": "s3://second"}
    iris["graph"]["children"] = [below]
    iris["annotations"] = {ANNOTATION: f"second={OTHER}, classifier={DIGEST.upper().replace('SHA', 'sha')}"}

    assert expected(build, iris) == DIGEST
    assert expected(build, iris, "second-model-initializer") == OTHER

    iris["annotations"] = {ANNOTATION: DIGEST}
    with pytest.raises(RenderError, match="say of which model, classifier, second"):
        build(iris)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("sha256:abc", '"sha256:abc" is no digest; write sha256: and 64 hexadecimal digits'),
        ("latest", '"latest" is no digest'),
        (f"clasifier={DIGEST}", 'there is no model "clasifier"; known are classifier'),
    ],
)
def test_what_is_no_digest(build: Any, iris: Any, text: str, told: str) -> None:
    iris["annotations"] = {ANNOTATION: text}

    with pytest.raises(RenderError, match=told):
        build(iris)


def test_whoever_checks_no_digest_is_not_trusted_with_one(build: Any, iris: Any) -> None:
    iris["annotations"] = {ANNOTATION: DIGEST}
    iris["graph"]["storageInitializerImage"] = "kfserving/storage-initializer:v0.6.1"

    with pytest.raises(RenderError, match=r"kfserving/storage-initializer:v0\.6\.1 checks no digest"):
        build(iris)

    del iris["graph"]["storageInitializerImage"]
    spec = {"containers": [{"name": "classifier"}], "initContainers": [{"name": INIT, "image": "mine"}]}
    iris["componentSpecs"] = [{"spec": spec}]
    with pytest.raises(RenderError, match="init container of your own"):
        build(iris)


def test_a_shared_cache(build: Any, iris: Any) -> None:
    built = build(iris, values=CACHE)
    init = built.container(INIT)

    assert {"name": "SELDON_STORAGE_CACHE", "value": "/mnt/cache"} in init["env"]
    assert {"name": "seldon-model-cache", "mountPath": "/mnt/cache"} in init["volumeMounts"]
    volume = {"name": "seldon-model-cache", "persistentVolumeClaim": {"claimName": "models"}}
    assert [v for v in built.pod()["volumes"] if v["name"] == "seldon-model-cache"] == [volume]
    mounts = built.container("classifier")["volumeMounts"]
    assert "seldon-model-cache" not in {mount["name"] for mount in mounts}


@pytest.mark.parametrize("change", [{"storageInitializerImage": "mine:1"}, {"modelUri": "pvc://claim/iris"}])
def test_no_cache_for_what_cannot_use_it(build: Any, iris: Any, change: Any) -> None:
    iris["graph"].update(change)
    built = build(iris, values=CACHE)

    assert "env" not in built.container(INIT)
    assert "seldon-model-cache" not in {volume["name"] for volume in built.pod()["volumes"]}


@pytest.mark.parametrize(
    ("uri", "sub_path"), [("pvc://claim/a/iris/", "a/iris"), ("pvc://claim", None), ("pvc://claim/", None)]
)
def test_a_claim_is_mounted_where_the_values_say_so(build: Any, iris: Any, uri: str, sub_path: str | None) -> None:
    iris["graph"]["modelUri"] = uri
    built = build(iris, values=MOUNT)

    assert "initContainers" not in built.pod()
    (mount,) = [m for m in built.container("classifier")["volumeMounts"] if m["mountPath"] == "/mnt/models"]
    assert (mount["readOnly"], mount.get("subPath")) == (True, sub_path)
    (volume,) = [v for v in built.pod()["volumes"] if v["name"] == mount["name"]]
    assert volume["persistentVolumeClaim"] == {"claimName": "claim", "readOnly": True}


def test_two_claims_in_a_pod(build: Any, iris: Any) -> None:
    below = {"name": "second", "implementation": "SKLEARN_SERVER", "modelUri": "pvc://other/second"}
    iris["graph"] |= {"modelUri": "pvc://claim/iris", "children": [below]}
    built = build(iris, values=MOUNT)

    claims = [v["persistentVolumeClaim"]["claimName"] for v in built.pod()["volumes"] if "persistentVolumeClaim" in v]
    assert sorted(claims) == ["claim", "other"]


def test_other_stores_and_expected_digests_are_fetched_all_the_same(build: Any, iris: Any) -> None:
    assert build(iris, values=MOUNT).container(INIT)
    iris["graph"]["modelUri"] = "pvc://claim/iris"
    iris["annotations"] = {ANNOTATION: DIGEST}

    assert build(iris, values=MOUNT).container(INIT)["args"] == ["/mnt/pvc/iris", "/mnt/models"]
