"""What `kubectl apply` makes of a live object, without writing it."""

import json
from typing import Any

import pytest

from seldon_core.cli.applying import LAST_APPLIED, applied
from tests.unit.cli.conftest import Object, sdep

SPEC = {"name": "x", "annotations": {"a": "1"}, "predictors": [{"name": "p", "replicas": 1}]}


def live(last: Any, **spec: Any) -> Object:
    """A stored object that was applied as `last`."""
    annotations = {LAST_APPLIED: last if isinstance(last, str) else json.dumps(last)} if last is not None else {}
    return {
        "apiVersion": "machinelearning.seldon.io/v1",
        "metadata": {"name": "x", "generation": 3, "uid": "u", "annotations": annotations},
        "spec": spec,
        "status": {"state": "Available"},
    }


def manifest(**spec: Any) -> Object:
    return {"apiVersion": "machinelearning.seldon.io/v1alpha2", "metadata": {"name": "x"}, "spec": spec, "status": {}}


@pytest.mark.parametrize(
    ("last", "before", "given", "after"),
    [
        # What others have set stays.
        ({"spec": {"name": "x"}}, {"name": "x", "protocol": "v2"}, {"name": "y"}, {"name": "y", "protocol": "v2"}),
        # What was applied once and is not any more goes.
        ({"spec": {"name": "x", "protocol": "v2"}}, {"name": "x", "protocol": "v2"}, {"name": "x"}, {"name": "x"}),
        (
            {"spec": {"annotations": {"a": "1"}}},
            {"annotations": {"a": "1", "b": "2"}},
            {"annotations": {}},
            {"annotations": {"b": "2"}},
        ),
        # A list is one value.
        (
            {},
            {"predictors": [{"name": "a"}, {"name": "b"}]},
            {"predictors": [{"name": "c"}]},
            {"predictors": [{"name": "c"}]},
        ),
        # Null takes a field away, nobody knows what was applied, or it cannot be read.
        ({}, {"name": "x", "protocol": "v2"}, {"name": None}, {"protocol": "v2"}),
        (None, {"name": "x", "protocol": "v2"}, {"name": "y"}, {"name": "y", "protocol": "v2"}),
        ("{", {"name": "x", "protocol": "v2"}, {"name": "y"}, {"name": "y", "protocol": "v2"}),
    ],
)
def test_three_ways(last: Any, before: Object, given: Object, after: Object) -> None:
    found = applied(live(last, **before), manifest(**given))

    assert found["spec"] == after
    assert found["metadata"]["generation"] == 4
    assert found["status"] == {"state": "Available"}
    assert found["apiVersion"] == "machinelearning.seldon.io/v1"


def test_the_same_again_changes_nothing() -> None:
    before = live({"spec": SPEC}, **SPEC)

    assert applied(before, manifest(**SPEC)) == before


def test_what_was_applied_server_side() -> None:
    owned = {"f:spec": {"f:name": {}, "f:protocol": {}}}
    before = live(None, name="x", protocol="v2", transport="rest")
    before["metadata"]["managedFields"] = [
        {"manager": "argocd-controller", "operation": "Apply", "fieldsV1": owned},
        {"manager": "seldon-core-operator", "operation": "Apply", "fieldsV1": {"f:spec": {"f:transport": {}}}},
    ]
    found = applied(before, manifest(name="y"))

    assert found["spec"] == {"name": "y", "transport": "rest"}
    assert found["metadata"]["managedFields"] == before["metadata"]["managedFields"]


def test_a_new_one() -> None:
    assert applied(None, sdep("iris"))["metadata"]["generation"] == 1
