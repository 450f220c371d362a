"""Manifests become typed values; what is wrong with one is said in a sentence with the field's path."""

from typing import Any

import pytest

from seldon_core.api.decode import ManifestError, load


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


@pytest.mark.parametrize(
    ("spec", "path", "words"),
    [
        ({"replicas": "two"}, "spec.replicas", "a whole number, and is a string"),
        ({"annotations": {"a": 1}}, "spec.annotations", "a string, and is a whole number"),
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
    ],
)
def test_a_wrong_field_is_named_with_what_belongs_there(spec: Any, path: Any, words: Any) -> None:
    with pytest.raises(ManifestError) as caught:
        load(manifest(**spec))

    assert str(caught.value).startswith(path)
    assert words in str(caught.value)


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
