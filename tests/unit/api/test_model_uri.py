"""What the webhook refuses as a model's address, wherever a SeldonDeployment names one."""

from typing import Any

import pytest

from seldon_core.api import model_uri
from seldon_core.api.decode import load
from seldon_core.api.validation import validate
from tests.unit.storage.hostile_uris import HOSTILE, NO_STORE

GOOD = (
    "s3://sklearn/iris",
    "mys3:sklearn/iris",
    "gs://seldon-models/v1.17.1/sklearn/iris",
    "pvc://claim/folder",
    "https://example.org/a%20b/?v=1..2",
    "s3://bucket/a b/ü/50%/x?y=...",
    "hf://org/model",
    "models:/name/Production",
)


def messages(*predictors: dict[str, Any]) -> list[str]:
    manifest = {
        "apiVersion": "machinelearning.seldon.io/v1",
        "kind": "SeldonDeployment",
        "metadata": {"name": "m"},
        "spec": {"predictors": list(predictors)},
    }
    errors = validate(load(manifest), {})
    return [f"{error.path}: {error.message}" for error in errors if "modelUri" in error.message]


def node(uri: str, **fields: Any) -> dict[str, Any]:
    return {"name": "c", "implementation": "SKLEARN_SERVER", "modelUri": uri, **fields}


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_are_refused_on_every_node(text: str) -> None:
    (told,) = messages({"name": "p", "graph": node("s3://a/b", children=[node(text, name="d")])})

    assert told == f"spec.predictors[0].graph[0]: modelUri {model_uri.hostile(text)}"
    assert told.isprintable()
    assert text.strip() in {"", "-", ":", "/"} or text not in told


def test_hostile_texts_are_refused_on_explainers() -> None:
    told = messages({"name": "p", "graph": node("s3://a/b"), "explainer": {"type": "X", "modelUri": "--config=x"}})

    assert told[0].startswith("spec.predictors[0].explainer: modelUri must start with a scheme")


@pytest.mark.parametrize("text", [*GOOD, *(text for text in NO_STORE if text.strip())])
def test_what_an_initializer_may_know_passes(text: str) -> None:
    assert messages({"name": "p", "graph": node(text)}) == []


def test_the_users_own_init_container_makes_it_a_dummy() -> None:
    own = {"initContainers": [{"name": "c-model-initializer"}], "containers": [{"name": "c"}]}

    assert messages({"name": "p", "graph": node("--dummy"), "componentSpecs": [{"spec": own}]}) == []


def test_an_image_of_the_users_is_no_excuse() -> None:
    """`rclone copy MODELURI` of such an image runs what a connection string says."""
    assert messages({"name": "p", "graph": node(":local:/etc", storageInitializerImage="mine")})
