"""The generated definition is one that the API server takes, and says what people may write."""

import json
from typing import Any

import pytest
import yaml

from seldon_core.api.crd import MAX_GRAPH_DEPTH, crd

DEFINITION = crd()
VERSIONS = DEFINITION["spec"]["versions"]
SCHEMA = VERSIONS[0]["schema"]["openAPIV3Schema"]
PREDICTOR = SCHEMA["properties"]["spec"]["properties"]["predictors"]["items"]
POD = PREDICTOR["properties"]["componentSpecs"]["items"]["properties"]["spec"]


def nodes(schema: Any) -> Any:
    yield schema
    below = [*schema.get("properties", {}).values(), schema.get("items"), schema.get("additionalProperties")]
    for child in below:
        if isinstance(child, dict):
            yield from nodes(child)


def accepts(schema: dict[str, Any], value: Any) -> bool:
    """What an API server checks of a structural schema that uses types, required, items and maps only."""
    kinds = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}
    if value is None:
        return bool(schema.get("nullable"))
    if not isinstance(value, kinds[schema["type"]]):
        return False
    if isinstance(value, list):
        return all(accepts(schema["items"], item) for item in value)
    if isinstance(value, int):
        return schema.get("minimum", value) <= value <= schema.get("maximum", value)
    if not isinstance(value, dict):
        return True
    below = schema.get("properties", {})
    free = schema.get("additionalProperties")
    known = all(accepts(below.get(key, free), item) for key, item in value.items() if key in below or free)
    return known and all(key in value for key in schema.get("required", ()))


def depth(unit: Any) -> Any:
    return 1 + depth(unit["properties"]["children"]["items"]) if "children" in unit["properties"] else 0


def manifest(**spec: Any) -> Any:
    return {"metadata": {"name": "m"}, "spec": {"predictors": [{"name": "p", "graph": {"name": "c"}}], **spec}}


def test_all_versions_are_served_with_one_schema_and_one_is_stored() -> None:
    assert [(v["name"], v["served"], v["storage"]) for v in VERSIONS] == [
        ("v1", True, True),
        ("v1alpha2", True, False),
        ("v1alpha3", True, False),
    ]
    assert all(v["schema"] == VERSIONS[0]["schema"] for v in VERSIONS)


def test_names_are_those_of_seldon_core() -> None:
    names = DEFINITION["spec"]["names"]

    assert DEFINITION["metadata"]["name"] == "seldondeployments.machinelearning.seldon.io"
    assert (names["kind"], names["plural"], names["shortNames"]) == ("SeldonDeployment", "seldondeployments", ["sdep"])
    assert DEFINITION["spec"]["scope"] == "Namespaced"


def test_status_and_scale_are_subresources() -> None:
    for version in VERSIONS:
        assert version["subresources"] == {
            "status": {},
            "scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"},
        }


def test_the_schema_is_structural() -> None:
    """Kubernetes: every node has a type, nothing refers, properties and additionalProperties exclude one another."""
    for node in nodes(SCHEMA):
        assert node["type"] in {"object", "array", "string", "integer", "boolean"}
        assert "$ref" not in node
        assert not ("properties" in node and "additionalProperties" in node)
        assert (node["type"] == "array") == ("items" in node)
        assert node.get("x-kubernetes-preserve-unknown-fields", True) is True
        assert set(node.get("required", ())) <= set(node.get("properties", ()))


def test_what_must_be_there_is_required() -> None:
    properties = PREDICTOR["properties"]
    component = properties["componentSpecs"]["items"]["properties"]

    assert SCHEMA["properties"]["spec"]["required"] == ["predictors"]
    assert PREDICTOR["required"] == ["name", "graph"]
    assert properties["graph"]["required"] == ["name"]
    assert properties["graph"]["properties"]["parameters"]["items"]["required"] == ["name", "value", "type"]
    assert component["hpaSpec"]["required"] == ["maxReplicas"]
    assert component["kedaSpec"]["required"] == ["triggers"]
    assert POD["required"] == ["containers"]
    assert POD["properties"]["containers"]["items"]["required"] == ["name"]
    assert properties["explainer"]["properties"]["containerSpec"]["required"] == ["name"]


def test_nothing_inside_a_pod_spec_is_pruned() -> None:
    """The API server prunes again inside each typed property, so every object of a pod must preserve."""
    assert all(node.get("x-kubernetes-preserve-unknown-fields") for node in nodes(POD) if node["type"] == "object")


def test_a_graph_may_be_ten_deep() -> None:
    assert depth(PREDICTOR["properties"]["graph"]) == MAX_GRAPH_DEPTH == 10


def test_it_stays_small() -> None:
    """`kubectl apply` without --server-side copies an object's JSON into an annotation of at most 256 KiB."""
    assert len(json.dumps(DEFINITION)) < 80_000


def test_it_has_no_yaml_aliases() -> None:
    assert "&id" not in yaml.safe_dump(DEFINITION)


@pytest.mark.parametrize(
    ("spec", "valid"),
    [
        ({}, True),
        ({"replicas": 2, "annotations": {"a": "b"}, "protocol": "v2", "transport": "grpc"}, True),
        ({"replicas": "2"}, False),
        ({"replicas": -1}, False),
        ({"replicas": 2**31}, False),
        ({"annotations": {"a": 1}}, False),
        ({"predictors": [{"graph": {"name": "c"}}]}, False),
        ({"predictors": [{"name": "p"}]}, False),
        ({"predictors": [{"name": "p", "graph": {"name": "c", "modelUri": 1}}]}, False),
        ({"predictors": [{"name": "p", "graph": {"name": "c"}, "componentSpecs": [{"spec": {}}]}]}, False),
        (
            {
                "predictors": [
                    {
                        "name": "p",
                        "graph": {"name": "c"},
                        "componentSpecs": [{"spec": {"containers": [{"name": "c", "tty": True}], "hostNetwork": True}}],
                    }
                ]
            },
            True,
        ),
    ],
)
def test_manifests_pass_or_fail_as_they_should(spec: Any, valid: Any) -> None:
    assert accepts(SCHEMA, manifest(**spec)) is valid


def test_annotations_can_be_given() -> None:
    assert crd(annotations={"a": "b"})["metadata"]["annotations"] == {"a": "b"}
