"""Credentials from a service account's secrets. Facts: specification 1.4; names are what kfserving 0.6.1 reads."""

from typing import Any

import pytest

from seldon_core.api.decode import load
from seldon_core.operator.render import wanted_service_accounts
from seldon_core.operator.render.facts import Facts, SecretFacts, ServiceAccountFacts

INIT = "classifier-model-initializer"
S3_KEYS = frozenset({"awsAccessKeyID", "awsSecretAccessKey"})


def facts(*secrets: Any, account: Any = "minio-sa") -> Any:
    return Facts(service_accounts={account: ServiceAccountFacts(secrets=secrets)})


def s3(prefix: Any = "machinelearning.seldon.io", name: Any = "minio-sa-secret", **annotations: Any) -> Any:
    named = {f"{prefix}/s3-{key}": value for key, value in annotations.items()}
    return SecretFacts(name=name, keys=S3_KEYS, annotations=named)


def with_account(iris: Any, name: Any = "minio-sa") -> Any:
    del iris["graph"]["envSecretRefName"]
    iris["graph"]["serviceAccountName"] = name
    return iris


def settings(result: Any) -> Any:
    return {name: value for name, value in result.env(INIT) if isinstance(value, str)}


def test_keys_are_referred_to_and_never_copied(build: Any, iris: Any) -> None:
    env = dict(build(with_account(iris), facts=facts(s3())).env(INIT))

    assert env["AWS_ACCESS_KEY_ID"] == {"secretKeyRef": {"name": "minio-sa-secret", "key": "awsAccessKeyID"}}
    assert env["AWS_SECRET_ACCESS_KEY"] == {"secretKeyRef": {"name": "minio-sa-secret", "key": "awsSecretAccessKey"}}


@pytest.mark.parametrize("prefix", ["machinelearning.seldon.io", "serving.kubeflow.org"])
def test_settings_come_from_annotations(build: Any, iris: Any, prefix: Any) -> None:
    secret = s3(prefix, endpoint="minio:9000", usehttps="0", region="eu", verifyssl="0", usevirtualbucket="1")

    assert settings(build(with_account(iris), facts=facts(secret))) == {
        "S3_USE_HTTPS": "0",
        "S3_ENDPOINT": "minio:9000",
        "AWS_ENDPOINT_URL": "http://minio:9000",
        "AWS_REGION": "eu",
        "S3_VERIFY_SSL": "0",
        "S3_USE_VIRTUAL_BUCKET": "1",
    }


@pytest.mark.parametrize(
    ("endpoint", "https", "url"),
    [
        ("minio:9000", "", "https://minio:9000"),
        ("minio:9000", "1", "https://minio:9000"),
        ("minio:9000", "false", "http://minio:9000"),
        ("http://minio:9000", "", "http://minio:9000"),
        ("https://minio:9000/", "", "https://minio:9000"),
        ("http://minio:9000", "1", "https://minio:9000"),
    ],
)
def test_the_endpoint_may_be_a_url(build: Any, iris: Any, endpoint: Any, https: Any, url: Any) -> None:
    found = settings(build(with_account(iris), facts=facts(s3(endpoint=endpoint, usehttps=https))))

    assert (found["AWS_ENDPOINT_URL"], found["S3_ENDPOINT"]) == (url, "minio:9000")


def test_our_prefix_wins_where_a_secret_carries_both(build: Any, iris: Any) -> None:
    annotations = {"machinelearning.seldon.io/s3-region": "ours", "serving.kubeflow.org/s3-region": "theirs"}
    secret = SecretFacts(name="s", keys=S3_KEYS, annotations=annotations)

    assert settings(build(with_account(iris), facts=facts(secret)))["AWS_REGION"] == "ours"


def test_a_google_key_file_is_mounted(build: Any, iris: Any) -> None:
    secret = SecretFacts(name="gcp", keys=frozenset({"gcloud-application-credentials.json"}))
    result = build(with_account(iris), facts=facts(secret))

    assert settings(result) == {"GOOGLE_APPLICATION_CREDENTIALS": "/var/secrets/gcloud-application-credentials.json"}
    assert {"name": "user-gcp-sa", "secret": {"secretName": "gcp"}} in result.pod()["volumes"]
    assert {"name": "user-gcp-sa", "mountPath": "/var/secrets/", "readOnly": True} in result.container(INIT)[
        "volumeMounts"
    ]


def test_no_variable_is_given_twice(build: Any, iris: Any) -> None:
    env = build(with_account(iris), facts=facts(s3(name="one"), s3(name="two"))).env(INIT)

    assert [name for name, _ in env] == ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]
    assert dict(env)["AWS_ACCESS_KEY_ID"]["secretKeyRef"]["name"] == "one"


def test_names_of_keys_are_values(build: Any, iris: Any) -> None:
    values = {"credentials": {"s3": {"s3AccessKeyIDName": "id", "s3SecretAccessKeyName": "key"}}}
    secret = SecretFacts(name="s", keys=frozenset({"id", "key"}))
    env = dict(build(with_account(iris), values=values, facts=facts(secret)).env(INIT))

    assert env["AWS_ACCESS_KEY_ID"]["secretKeyRef"]["key"] == "id"


@pytest.mark.parametrize("account", ["unit", "pod", "default"])
def test_the_nearest_service_account_counts(build: Any, iris: Any, account: Any) -> None:
    del iris["graph"]["envSecretRefName"]
    pod = {"containers": [{"name": "classifier"}]}
    if account in {"unit", "pod"}:
        pod["serviceAccountName"] = "pod"
    if account == "unit":
        iris["graph"]["serviceAccountName"] = "unit"
    predictor = {**iris, "componentSpecs": [{"spec": pod}]}
    env = build(predictor, facts=facts(s3(), account=account)).env(INIT)

    assert dict(env)["AWS_ACCESS_KEY_ID"]["secretKeyRef"]["name"] == "minio-sa-secret"


def test_the_pod_runs_as_the_units_service_account_and_keeps_its_token(build: Any, iris: Any) -> None:
    pod = build(with_account(iris)).pod()

    assert pod["serviceAccountName"] == "minio-sa"
    assert "automountServiceAccountToken" not in pod


def test_an_unknown_service_account_changes_nothing_else(build: Any, iris: Any) -> None:
    assert "env" not in build(with_account(iris)).container(INIT)


def test_the_controller_is_told_which_accounts_to_read(iris: Any) -> Any:
    def wanted(*predictors: Any) -> Any:
        manifest = {
            "apiVersion": "machinelearning.seldon.io/v1",
            "kind": "SeldonDeployment",
            "metadata": {"name": "m"},
            "spec": {"predictors": list(predictors)},
        }
        return wanted_service_accounts(load(manifest))

    pod = {"containers": [{"name": "classifier"}], "serviceAccountName": "pod"}
    explicit = {**pod, "initContainers": [{"name": INIT, "image": "i"}]}
    other = {**iris, "graph": {**iris["graph"], "serviceAccountName": "unit"}}

    assert wanted(iris, other) == ("default", "unit")
    assert wanted({**iris, "componentSpecs": [{"spec": pod}]}) == ("pod",)
    assert wanted({**iris, "componentSpecs": [{"spec": explicit}]}) == ()
    assert wanted({"name": "p", "graph": {"name": "c"}}) == ()
    explained = {"type": "AnchorTabular", "modelUri": "s3://b/e", "serviceAccountName": "explainer"}
    assert wanted({**iris, "explainer": explained}) == ("default", "explainer")
    assert wanted({**iris, "explainer": {**explained, "type": ""}}) == ("default",)
