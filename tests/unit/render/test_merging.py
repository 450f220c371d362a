"""What the user wrote stays; the rest is added around it. Facts: specification 1.4."""

from typing import Any

import pytest

PROBE = {"httpGet": {"path": "/x", "port": 1}}


def own(**container: Any) -> Any:
    spec = {"containers": [{"name": "c", "image": "i:1", **container}]}
    return {"name": "p", "graph": {"name": "c"}, "componentSpecs": [{"spec": spec}]}


@pytest.mark.parametrize(
    "name",
    [
        "PREDICTIVE_UNIT_HTTP_SERVICE_PORT",
        "PREDICTIVE_UNIT_GRPC_SERVICE_PORT",
        "MLSERVER_HTTP_PORT",
        "MLSERVER_MODEL_URI",
        "PREDICTIVE_UNIT_PARAMETERS",
        "PREDICTIVE_UNIT_ID",
    ],
)
def test_a_variable_of_the_users_stays_and_so_does_everything_else(build: Any, iris: Any, name: Any) -> None:
    """v1.17.1 lost all variables listed before one of these (Q in specification 1.4)."""
    iris["graph"]["parameters"] = [{"name": "method", "value": "predict", "type": "STRING"}]
    container = {"name": "classifier", "env": [{"name": "MINE", "value": "1"}, {"name": name, "value": "theirs"}]}
    plain = build(iris).env("classifier")
    env = build({**iris, "componentSpecs": [{"spec": {"containers": [container]}}]}).env("classifier")

    assert env[:2] == [("MINE", "1"), (name, "theirs")]
    assert dict(env) == dict(plain) | {"MINE": "1", name: "theirs"}
    assert len(env) == len(dict(env))


@pytest.mark.parametrize("field", ["livenessProbe", "readinessProbe", "startupProbe"])
def test_probes_of_the_users_stay(build: Any, field: Any) -> None:
    assert build(own(**{field: PROBE})).container("c")[field] == PROBE


def test_other_fields_of_the_users_stay(build: Any) -> None:
    given = {
        "lifecycle": {"postStart": {"exec": {"command": ["true"]}}},
        "securityContext": {"runAsUser": 0},
        "resources": {"limits": {"cpu": "1"}},
        "imagePullPolicy": "Always",
        "command": ["run"],
        "tty": True,
    }
    container = build(own(**given)).container("c")

    assert {field: container[field] for field in given} == given


def test_a_container_beside_the_graph_stays_as_it_is(build: Any) -> None:
    side = {"name": "side", "image": "s:1"}
    predictor = own()
    predictor["componentSpecs"][0]["spec"]["containers"].append(side)

    assert build(predictor).container("side") == side


def test_the_pod_spec_stays(build: Any) -> None:
    predictor = own()
    given = {
        "nodeSelector": {"disk": "ssd"},
        "tolerations": [{"key": "gpu", "operator": "Exists"}],
        "securityContext": {"fsGroup": 1},
        "terminationGracePeriodSeconds": 1,
        "automountServiceAccountToken": True,
        "volumes": [{"name": "v", "emptyDir": {}}],
    }
    predictor["componentSpecs"][0]["spec"] |= given
    pod = build(predictor).pod()

    assert {field: pod[field] for field in given if field != "volumes"} == {
        field: value for field, value in given.items() if field != "volumes"
    }
    assert [volume["name"] for volume in pod["volumes"]] == ["v", "seldon-podinfo"]


def test_labels_and_annotations_come_from_three_places_and_the_nearest_wins(build: Any) -> None:
    predictor = own() | {"annotations": {"a": "predictor", "b": "predictor"}, "labels": {"l": "predictor", "k": "1"}}
    predictor["componentSpecs"][0]["metadata"] = {"annotations": {"b": "pod"}, "labels": {"l": "pod"}}
    metadata = {"annotations": {"d": "object"}, "labels": {"d": "object"}}
    deployment = build(predictor, annotations={"a": "spec", "c": "spec"}, metadata=metadata).of_kind("Deployment")[0]
    template = deployment["spec"]["template"]["metadata"]

    assert deployment["metadata"]["annotations"] == {"a": "predictor", "b": "pod", "c": "spec"}
    assert template["annotations"].items() >= deployment["metadata"]["annotations"].items()
    assert (template["labels"]["l"], template["labels"]["k"]) == ("pod", "1")
    assert "d" not in template["labels"]


def test_a_label_of_the_users_cannot_break_the_selector(build: Any) -> None:
    predictor = own() | {"labels": {"seldon-app": "x", "seldon-deployment-id": "y"}}
    spec = build(predictor).of_kind("Deployment")[0]["spec"]

    assert spec["selector"]["matchLabels"].items() <= spec["template"]["metadata"]["labels"].items()


@pytest.mark.parametrize(
    ("component", "predictor", "spec", "expected"),
    [(4, 3, 2, 4), (None, 3, 2, 3), (None, None, 2, 2), (None, None, None, None), (0, 3, 2, 0)],
)
def test_the_nearest_replicas_win(build: Any, component: Any, predictor: Any, spec: Any, expected: Any) -> None:
    given = own() | {"replicas": predictor}
    given["componentSpecs"][0]["replicas"] = component

    assert build(given, replicas=spec).of_kind("Deployment")[0]["spec"].get("replicas") == expected


def test_quantities_and_empty_variables_are_written_as_they_are_stored(build: Any) -> None:
    resources = {"limits": {"nvidia.com/gpu": 1}, "requests": {"cpu": "0.5"}}
    container = build(own(resources=resources, env=[{"name": "NOTHING", "value": ""}])).container("c")

    assert container["resources"] == {"limits": {"nvidia.com/gpu": "1"}, "requests": {"cpu": "500m"}}
    assert container["env"][0] == {"name": "NOTHING"}
