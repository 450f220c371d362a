"""Rules of a CustomResourceDefinition that the API server does not say at once."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from release.structural import faults

OURS = Path(__file__).parents[3] / "charts" / "seldon-core-operator" / "files" / "crd.yaml"
SCHEMA = "spec.versions[0].schema.openAPIV3Schema"


def definition(spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "metadata": {"name": "things.example.org"},
        "spec": {
            "group": "example.org",
            "names": {"plural": "things"},
            "versions": [
                {
                    "name": "v1",
                    "storage": True,
                    "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}},
                }
            ],
        },
    }


def test_our_own_is_structural() -> None:
    assert list(faults(yaml.safe_load(OURS.read_text()))) == []


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({}, "has no type"),
        ({"type": "array"}, "an array must say what its items are"),
        ({"type": "object", "additionalProperties": False}, "additionalProperties must not be false"),
        (
            {"type": "object", "properties": {}, "additionalProperties": {"type": "string"}},
            "has both properties and additionalProperties",
        ),
        ({"type": "object", "properties": {"a": {"type": "string", "$ref": "#/x"}}}, "$ref may not be used"),
        ({"type": "array", "items": {"type": "string"}, "uniqueItems": True}, "uniqueItems must not be true"),
        ({"type": "string", "anyOf": [{"type": "string"}]}, "type may not stand below allOf, anyOf, oneOf or not"),
        ({"type": "integer", "default": "many"}, "the default 'many' is no integer"),
    ],
)
def test_each_rule_is_kept(spec: dict[str, Any], said: str) -> None:
    found = list(faults(definition(spec)))

    assert said in [what for _, what in found]
    assert all(path.startswith(f"{SCHEMA}.properties.spec") for path, _ in found)


@pytest.mark.parametrize(
    "spec",
    [
        {"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, {"type": "string"}]},
        {"x-kubernetes-preserve-unknown-fields": True},
        {"type": "object", "additionalProperties": {"type": "string"}},
        {"type": "object", "properties": {"a": {"type": "integer", "default": 3}}, "anyOf": [{"required": ["a"]}]},
    ],
)
def test_what_is_allowed_passes(spec: dict[str, Any]) -> None:
    assert list(faults(definition(spec))) == []


def test_one_version_is_stored_and_the_name_is_made_of_the_names() -> None:
    wrong = copy.deepcopy(definition({"type": "object"}))
    wrong["metadata"]["name"] = "thing.example.org"
    wrong["spec"]["versions"][0]["storage"] = False

    assert [path for path, _ in faults(wrong)] == ["spec.versions", "metadata.name"]
