"""Manifests become typed values; what is wrong with one is said in a sentence with the field's path."""

from typing import Any

import pytest

from seldon_core.api.decode import ManifestError, load

V1 = "machinelearning.seldon.io/v1"


def manifest(**spec: Any) -> Any:
    return {
        "apiVersion": "machinelearning.seldon.io/v1",
        "kind": "SeldonDeployment",
        "metadata": {"name": "m"},
        "spec": {"predictors": [{"name": "p", "graph": {"name": "c"}}], **spec},
    }


@pytest.mark.parametrize("version", ["v1", "v1alpha2", "v1alpha3"])
def test_every_served_version_means_the_same(version: Any) -> None:
    given = manifest(protocol="seldon", serverType="rpc")
    sdep = load(given | {"apiVersion": f"machinelearning.seldon.io/{version}"})

    assert sdep.spec == load(given).spec
    assert (sdep.spec.protocol, sdep.spec.server_type) == ("seldon", "rpc")


def test_fields_keep_their_names_on_the_wire() -> None:
    graph = {
        "name": "c",
        "modelUri": "s3://b/m",
        "envSecretRefName": "s",
        "storageInitializerImage": "i:1",
        "serviceAccountName": "a",
        "endpoint": {"service_host": "h", "service_port": 1, "httpPort": 2, "grpcPort": 3, "type": "GRPC"},
    }
    unit = load(manifest(predictors=[{"name": "p", "graph": graph}])).spec.predictors[0].graph

    assert (unit.model_uri, unit.env_secret_ref_name, unit.storage_initializer_image) == ("s3://b/m", "s", "i:1")
    assert unit.endpoint is not None
    assert (unit.endpoint.service_host, unit.endpoint.service_port, unit.endpoint.grpc_port) == ("h", 1, 3)


def test_null_stands_for_a_field_that_is_not_there() -> None:
    predictor = {"name": "p", "graph": {"name": "c", "children": None}, "componentSpecs": None, "labels": None}

    assert load(manifest(predictors=[predictor])) == load(manifest())


def test_pod_specs_are_kept_in_full() -> None:
    pod = {"containers": [{"name": "c", "image": "i", "tty": True}], "hostAliases": [{"ip": "1.2.3.4"}]}
    predictor = {"name": "p", "graph": {"name": "c"}, "componentSpecs": [{"spec": pod}]}

    assert load(manifest(predictors=[predictor])).spec.predictors[0].component_specs[0].spec == pod


PODS = "spec.predictors[0].componentSpecs[0]"


def pods(**fields: Any) -> dict[str, Any]:
    return {"predictors": [{"name": "p", "graph": {"name": "c"}, "componentSpecs": [fields]}]}


@pytest.mark.parametrize(
    ("spec", "path", "words"),
    [
        ({"replicas": "two"}, "spec.replicas", "a whole number, and is a string"),
        ({"replicas": 1.5}, "spec.replicas", "a whole number, and is a number with a fraction"),
        ({"replicas": -1}, "spec.replicas", "a whole number of at least 0"),
        ({"replicas": 2**31}, "spec.replicas", "a whole number of at most 2147483647"),
        (
            {"annotations": {"b": "c", "a.b/c": 1}},
            'spec.annotations["a.b/c"]: ',
            "a string, and is a whole number; put it in quotes",
        ),
        (
            {"predictors": [{"name": "p", "graph": {"name": "c"}}, {"name": "p", "labels": {"a": ["b"]}}]},
            'spec.predictors[1].labels["a"]: ',
            "a string, and is a list.",
        ),
        ({"predictors": {"name": "p"}}, "spec.predictors", "a list, and is a mapping"),
        ({"predictors": [{"name": "p", "graph": "c"}]}, "spec.predictors[0].graph", "a mapping, and is a string"),
        (
            {"predictors": [{"name": "p", "graph": {"name": "c"}, "componentSpecs": [{"spec": {"containers": [{}]}}]}]},
            "spec.predictors[0].componentSpecs[0].spec.containers[0].name",
            "is missing",
        ),
        (
            {"predictors": [{"name": "p", "graph": {"name": "c"}, "componentSpecs": [{"spec": {"volumes": []}}]}]},
            "spec.predictors[0].componentSpecs[0].spec.containers",
            "is missing",
        ),
        (
            {"predictors": [{"name": "p", "graph": {"name": "c"}, "svcOrchSpec": {"env": [{"value": "1"}]}}]},
            "spec.predictors[0].svcOrchSpec.env[0].name",
            "is missing",
        ),
        (pods(hpaSpec={}), f"{PODS}.hpaSpec.maxReplicas", "is missing"),
        (pods(hpaSpec={"maxReplicas": 2, "metrics": [{}]}), f"{PODS}.hpaSpec.metrics[0].type", "is missing"),
        (pods(hpaSpec={"maxReplicas": 2, "metricsv2": {}}), f"{PODS}.hpaSpec.metricsv2", "a list, and is a mapping"),
        (pods(kedaSpec={}), f"{PODS}.kedaSpec.triggers", "is missing"),
        (
            {"predictors": [{"name": "p", "graph": {"name": "c"}, "explainer": {"containerSpec": {"image": "i"}}}]},
            "spec.predictors[0].explainer.containerSpec.name",
            "is missing",
        ),
    ],
)
def test_a_wrong_field_is_named_with_what_belongs_there(spec: Any, path: Any, words: Any) -> None:
    with pytest.raises(ManifestError) as caught:
        load(manifest(**spec))

    assert str(caught.value).startswith(path)
    assert words in str(caught.value)


def nested(levels: int) -> Any:
    graph: dict[str, Any] = {"name": "c"}
    for _ in range(levels):
        graph = {"name": "c", "children": [graph]}
    return manifest(predictors=[{"name": "p", "graph": graph}])


@pytest.mark.parametrize("levels", [11, 100, 5000])
def test_a_graph_deeper_than_the_definition_is_refused(levels: int) -> None:
    assert load(nested(10)).spec.predictors

    with pytest.raises(ManifestError, match=r"^spec.predictors\[0\].graph: is nested deeper than 10 children"):
        load(nested(levels))


def test_anything_else_that_is_nested_too_deeply_is_refused() -> None:
    pod: dict[str, Any] = {"containers": []}
    pod["self"] = pod

    with pytest.raises(ManifestError, match="nested too deeply"):
        load(manifest(predictors=[{"name": "p", "graph": {"name": "c"}, "componentSpecs": [{"spec": pod}]}]))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"kind": "Secret"},
            f"The manifest is a {V1} Secret, not a SeldonDeployment: it must say kind: SeldonDeployment",
        ),
        (
            {"apiVersion": "machinelearning.seldon.io/v1beta1"},
            f"apiVersion: must be {V1} (or v1alpha2 or v1alpha3), and is '{V1}beta1'.",
        ),
        (
            {"apiVersion": None},
            f"apiVersion: must be {V1} (or v1alpha2 or v1alpha3), and is missing.",
        ),
    ],
)
def test_another_kind_or_version_is_named(change: Any, sentence: str) -> None:
    with pytest.raises(ManifestError) as caught:
        load(manifest() | change)

    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize(
    "given",
    [
        [],
        {},
        {"apiVersion": "v1", "kind": "Secret"},
        manifest() | {"apiVersion": "machinelearning.seldon.io/v2"},
        manifest() | {"spec": None},
        manifest() | {"metadata": {}},
        manifest() | {"metadata": "m"},
    ],
)
def test_what_is_no_seldon_deployment_is_refused(given: Any) -> None:
    with pytest.raises(ManifestError):
        load(given)
