"""The explainer beside a predictor. Facts: specification 1.7."""

import json
from typing import Any

import pytest

from seldon_core.operator.render import RenderError
from seldon_core.operator.render.facts import Facts, SecretFacts, ServiceAccountFacts

NAME = "m-default-explainer"


def explained(iris: Any, **fields: Any) -> Any:
    return iris | {"explainer": {"type": "AnchorTabular", **fields}}


def test_it_has_pods_and_a_service_of_its_own(build: Any, iris: Any) -> None:
    result = build(explained(iris, modelUri="s3://b/e", replicas=2))
    deployment = result.named("Deployment", NAME)
    pods = {
        "app": NAME,
        "app.kubernetes.io/managed-by": "seldon-core",
        "fluentd": "true",
        "seldon-app": NAME,
        "seldon-deployment-id": "m",
        "seldon.io/explainer": "true",
        "version": "default",
    }

    assert deployment["metadata"]["labels"] == pods
    assert deployment["spec"]["template"]["metadata"] == {"labels": pods}
    assert deployment["spec"]["selector"] == {"matchLabels": {"seldon-app": NAME, "seldon-deployment-id": "m"}}
    assert deployment["spec"]["replicas"] == 2
    service = result.named("Service", NAME)
    assert service["metadata"]["labels"]["seldon-app"] == "m-default"
    assert service["spec"]["selector"] == {"seldon-app": NAME}
    assert [(port["name"], port["port"]) for port in service["spec"]["ports"]] == [("http", 9000)]
    assert [(s.http_endpoint, s.grpc_endpoint) for s in result.rendered.services if s.explainer_for == "m-default"] == [
        (f"{NAME}.ns:9000", "")
    ]
    assert NAME in result.rendered.deployments


def test_it_is_told_whom_to_ask(build: Any, iris: Any) -> None:
    config = {"b": "2", "a": "s3://b/e/file"}
    container = build(explained(iris, modelUri="s3://b/e", config=config)).container(NAME)

    assert container["image"] == "seldonio/alibiexplainer:1.17.1"
    assert container["args"] == [
        "--model_name=classifier",
        "--predictor_host=m-default.ns:8000",
        "--protocol=seldon.http",
        "--http_port=9000",
        "--storage_uri=/mnt/models",
        "AnchorTabular",
        "--a=/mnt/models/file",
        "--b=2",
    ]
    assert container["readinessProbe"]["tcpSocket"] == {"port": "http"}


def test_images_are_floats(build: Any, iris: Any) -> None:
    assert build(explained(iris, type="AnchorImages")).container(NAME)["args"][-1] == "--tf_data_type=float32"


@pytest.mark.parametrize(("spec", "endpoint"), [({"transport": "grpc"}, {}), ({}, {"type": "GRPC"})])
def test_it_asks_by_grpc(build: Any, iris: Any, spec: Any, endpoint: Any) -> None:
    arguments = build(explained(iris, endpoint=endpoint), **spec).container(NAME)["args"]

    assert arguments[1:3] == ["--predictor_host=m-default.ns:5001", "--protocol=seldon.grpc"]


def test_it_asks_the_model_where_there_is_no_orchestrator(build: Any, iris: Any) -> None:
    given = explained(iris) | {"annotations": {"seldon.io/no-engine": "true"}}

    assert "--predictor_host=m-default.ns:9000" in build(given).container(NAME)["args"]


def test_its_model_is_fetched_like_a_units(build: Any, iris: Any) -> None:
    secret = SecretFacts(name="s", keys=frozenset({"gcloud-application-credentials.json"}))
    facts = Facts(service_accounts={"sa": ServiceAccountFacts(secrets=(secret,))})
    given = explained(
        iris, modelUri="gs://b/e", envSecretRefName="x", storageInitializerImage="i:1", serviceAccountName="sa"
    )
    result = build(given, facts=facts)
    pod = result.named("Deployment", NAME)["spec"]["template"]["spec"]
    (init,) = pod["initContainers"]

    assert (init["name"], init["image"], init["args"]) == (
        f"{NAME}-model-initializer",
        "i:1",
        ["gs://b/e", "/mnt/models"],
    )
    assert init["envFrom"] == [{"secretRef": {"name": "x"}}]
    assert init["env"][0]["name"] == "GOOGLE_APPLICATION_CREDENTIALS"
    assert [v["name"] for v in pod["volumes"]] == ["seldon-podinfo", f"{NAME}-provision-location", "user-gcp-sa"]
    assert pod["containers"][0]["volumeMounts"] == [
        {"name": f"{NAME}-provision-location", "mountPath": "/mnt/models", "readOnly": True}
    ]


def test_without_a_model_there_is_nothing_to_fetch(build: Any, iris: Any) -> None:
    pod = build(explained(iris)).named("Deployment", NAME)["spec"]["template"]["spec"]

    assert "initContainers" not in pod
    assert "volumeMounts" not in pod["containers"][0]


def test_the_users_container_is_kept(build: Any, iris: Any) -> None:
    given = {
        "name": "mine",
        "image": "mine:1",
        "args": ["lost"],
        "env": [{"name": "A", "value": "b"}],
        "ports": [{"name": "http", "containerPort": 7000}],
        "resources": {"requests": {"cpu": 2}},
        "readinessProbe": {"tcpSocket": {"port": 1}},
    }
    result = build(explained(iris, containerSpec=given, modelUri="s3://b/e"))
    container = result.container("mine")

    assert {key: container[key] for key in ("image", "env", "ports", "readinessProbe")} == {
        key: given[key] for key in ("image", "env", "ports", "readinessProbe")
    }
    assert container["resources"] == {"requests": {"cpu": "2"}}
    assert "--http_port=7000" in container["args"]
    assert result.named("Service", NAME)["spec"]["ports"][0]["targetPort"] == 7000
    assert result.container("mine-model-initializer")
    assert result.rendered.warnings[0].startswith("spec.predictors[0].explainer.containerSpec.args: has no effect")


def test_the_endpoint_names_the_port(build: Any, iris: Any) -> None:
    result = build(explained(iris, endpoint={"service_port": 9123}))

    assert "--http_port=9123" in result.container(NAME)["args"]
    assert result.named("Service", NAME)["spec"]["ports"][0]["port"] == 9123


@pytest.mark.parametrize(
    ("predictor", "spec", "expected"), [(0, 3, 0), (None, 0, 0), (1, 0, 2), (None, None, 2), (3, None, 2)]
)
def test_it_has_no_replicas_where_the_predictor_has_none(
    build: Any, iris: Any, predictor: Any, spec: Any, expected: int
) -> None:
    given = explained(iris, replicas=2) | {"replicas": predictor}

    assert build(given, replicas=spec).named("Deployment", NAME)["spec"]["replicas"] == expected


def test_annotations_are_the_predictors_and_nobody_scrapes_it(build: Any, iris: Any) -> None:
    given = explained(iris) | {"annotations": {"a": "predictor"}}
    deployment = build(given, annotations={"a": "spec", "b": "spec"}).named("Deployment", NAME)

    assert deployment["metadata"]["annotations"] == {"a": "predictor", "b": "spec"}
    assert deployment["spec"]["template"]["metadata"]["annotations"] == {"a": "predictor", "b": "spec"}


@pytest.mark.parametrize("protocol", ["v2", "kfserving"])
def test_with_v2_mlserver_explains(build: Any, iris: Any, protocol: str) -> None:
    given = explained(iris, modelUri="s3://b/e", initParameters='{"b": 1, "a": "<x>"}')
    result = build(given, protocol=protocol)
    container = result.container(NAME)

    assert container["image"] == "seldonio/mlserver:1.3.5-alibi-explain"
    assert "args" not in container
    assert result.env(NAME) == [
        ("MLSERVER_HTTP_PORT", "9000"),
        ("MLSERVER_MODEL_IMPLEMENTATION", "mlserver_alibi_explain.AlibiExplainRuntime"),
        ("MLSERVER_MODEL_NAME", NAME),
        ("MLSERVER_MODEL_URI", "/mnt/models"),
        (
            "MLSERVER_MODEL_EXTRA",
            (
                '{"explainer_type":"anchor_tabular","infer_uri":"http://m-default.ns:8000/v2/models/classifier/infer",'
                '"init_parameters":{"a":"\\u003cx\\u003e","b":1}}'
            ),
        ),
    ]
    assert json.loads(dict(result.env(NAME))["MLSERVER_MODEL_EXTRA"])["init_parameters"] == {"a": "<x>", "b": 1}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"type": "Unknown"}, "spec.predictors[0].explainer.type: Unknown cannot be explained with protocol v2"),
        ({"initParameters": "{"}, "spec.predictors[0].explainer.initParameters: must be a JSON object"),
        ({"initParameters": "[]"}, "spec.predictors[0].explainer.initParameters: must be a JSON object"),
    ],
)
def test_what_no_explainer_can_be_made_of_is_refused(build: Any, iris: Any, fields: Any, words: str) -> None:
    with pytest.raises(RenderError) as caught:
        build(explained(iris, **fields), protocol="v2")

    assert words in str(caught.value)


def test_one_without_a_type_is_none(build: Any, iris: Any) -> None:
    result = build(explained(iris, type=""))

    assert len(result.of_kind("Deployment")) == 1
    assert len(result.of_kind("Service")) == 2


def test_its_edit_does_not_roll_the_model(build: Any, iris: Any) -> None:
    plain, other = (build(given).named("Deployment", "m-default-0-classifier") for given in (iris, explained(iris)))

    assert plain == other
