"""Differences as they may be shown: no secrets, and JSON in texts taken apart."""

import base64
import json
from typing import Any

import pytest

from seldon_core.operator.objects.compare import MISSING, Difference
from seldon_core.operator.report.disclosure import between, disclosed

ENV = ("spec", "template", "spec", "containers", (("name", "c"),), "env")
Shown = list[tuple[str, Any, Any]]


def shown(*differences: Difference) -> Shown:
    """Place, old and new value of each."""
    return [(str(Difference(each.path, MISSING, MISSING)), each.live, each.wanted) for each in disclosed(differences)]


def packed(value: Any) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        ("AWS_SECRET_ACCESS_KEY", "hunter2", "hunter3", ("***", "***")),
        ("API_TOKEN", "hunter2", MISSING, ("***", MISSING)),
        ("ENDPOINT", "https://me:hunter2@host", "https://host", ("https://***@host", "https://host")),
        ("WORKERS", "4", "8", ("4", "8")),
        ("EMPTY_PASSWORD", "", "hunter2", ("", "***")),
    ],
)
def test_a_variable_goes_by_its_name(name: str, old: Any, new: Any, expected: tuple[Any, Any]) -> None:
    path = (*ENV, (("name", name),), "value")
    ((_, before, after),) = shown(Difference(path, new, old))

    assert (before, after) == expected


def test_a_whole_container_is_shown_without_its_secrets() -> None:
    container = {
        "name": "c",
        "env": [{"name": "PASSWORD", "value": "hunter2"}, {"name": "A", "value": "b"}],
        "args": ["--token=hunter2", "s3://bucket"],
        "resources": {"limits": {"cpu": 1}},
    }
    ((_, before, after),) = shown(Difference(ENV[:-1], container, MISSING))

    assert before is MISSING
    assert "hunter2" not in json.dumps(after)
    assert after["env"] == [{"name": "PASSWORD", "value": "***"}, {"name": "A", "value": "b"}]
    assert after["args"] == ["--token=***", "s3://bucket"]


def test_what_is_encoded_is_told_place_by_place() -> None:
    old = {"name": "p", "graph": {"modelUri": "s3://a", "parameters": [{"name": "password", "value": "hunter2"}]}}
    new = {"name": "p", "graph": {"modelUri": "s3://b", "parameters": [{"name": "password", "value": "hunter3"}]}}
    path = (*ENV, (("name", "ENGINE_PREDICTOR"),), "value")
    place = "spec.template.spec.containers[name=c].env[name=ENGINE_PREDICTOR]"

    assert shown(Difference(path, packed(new), packed(old))) == [
        (f"{place}.graph.modelUri", "s3://a", "s3://b"),
        (f"{place}.graph.parameters[name=password].value", "***", "***"),
    ]
    # What repeats the pods themselves is left out, where there is anything else.
    both = packed(new | {"componentSpecs": [1]}), packed(old | {"componentSpecs": [2]})
    assert all("componentSpecs" not in where for where, *_ in shown(Difference(path, *both)))
    only = packed({"componentSpecs": [1]}), packed({"componentSpecs": [2]})
    assert shown(Difference(path, *only)) == [(f"{place}.componentSpecs[0]", 2, 1)]


def test_encoded_secrets_are_hidden_where_one_side_is_missing() -> None:
    hidden = packed({"parameters": [{"name": "password", "value": "hunter2"}]})
    found = shown(Difference((*ENV, (("name", "X"),), "value"), hidden, MISSING))

    assert found[0][2] == {"parameters": [{"name": "password", "value": "***"}]}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": True}, [("a", 1, True)]),
        ([{"name": "x"}, {"name": "y"}], [{"name": "y"}], [("[name=x]", {"name": "x"}, MISSING)]),
        ([{"name": "x"}, {"name": "x"}], [{"name": "x"}], [("[1]", {"name": "x"}, MISSING)]),
        ([1, 2], [1, 3, 4], [("[1]", 2, 3), ("[2]", MISSING, 4)]),
        ([], {}, [("", [], {})]),
    ],
)
def test_between_two_values(old: Any, new: Any, expected: Shown) -> None:
    assert [(str(each), each.live, each.wanted) for each in between(old, new)] == expected
