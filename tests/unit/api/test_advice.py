"""What is allowed and most likely a mistake."""

from typing import Any

import pytest

from seldon_core.api.advice import advice
from seldon_core.api.decode import load

PREDICTOR = "spec.predictors[0]"


def sentences(
    *, name: str = "m", metadata: Any = None, spec: Any = None, predictor: Any = None, graph: Any = None
) -> tuple[str, ...]:
    unit = {"name": "c", "implementation": "SKLEARN_SERVER", "modelUri": "s3://b/m"} | (graph or {})
    manifest = {
        "apiVersion": "machinelearning.seldon.io/v1",
        "kind": "SeldonDeployment",
        "metadata": {"name": name, "annotations": metadata or {}},
        "spec": {"predictors": [{"name": "p", "graph": unit, **(predictor or {})}], "annotations": spec or {}},
    }
    return advice(load(manifest))


def pods(*names: str, **component: Any) -> Any:
    return {"spec": {"containers": [{"name": each, "image": "i"} for each in names]}, **component}


SEPARATE, ALONE, SERVICE = "seldon.io/engine-separate-pod", "seldon.io/no-engine", "seldon.io/svc-name"


@pytest.mark.parametrize(
    ("given", "place", "words"),
    [
        ({"metadata": {SEPARATE: "true"}}, f"metadata.annotations[{SEPARATE}]", "below spec.annotations"),
        (
            {"predictor": {"annotations": {SEPARATE: "true"}}},
            f"{PREDICTOR}.annotations[{SEPARATE}]",
            "below spec.annotations",
        ),
        ({"spec": {ALONE: "true"}}, f"spec.annotations[{ALONE}]", "below a predictor's annotations"),
        ({"metadata": {SERVICE: "x"}}, f"metadata.annotations[{SERVICE}]", "below a predictor's annotations"),
        ({"name": "1st"}, PREDICTOR, "called 1st-p"),
        ({"predictor": {"componentSpecs": [pods("c"), pods("d", "e")]}}, f"{PREDICTOR}.componentSpecs[1]", "(d, e)"),
        (
            {"predictor": {"componentSpecs": [pods("c", replicas=2, hpaSpec={"maxReplicas": 3})]}},
            f"{PREDICTOR}.componentSpecs[0].replicas",
            "no effect beside hpaSpec",
        ),
        ({"graph": {"modelUri": "iris"}}, f"{PREDICTOR}.graph.modelUri", "names no store"),
        (
            {"graph": {"children": [{"name": "d", "modelUri": "iris"}]}},
            f"{PREDICTOR}.graph.children[0].modelUri",
            "names no store",
        ),
        (
            {"predictor": {"explainer": {"type": "AnchorTabular", "modelUri": "iris"}}},
            f"{PREDICTOR}.explainer.modelUri",
            "names no store",
        ),
    ],
)
def test_each_is_one_sentence_with_its_place(given: Any, place: str, words: str) -> None:
    (sentence,) = sentences(**given)

    assert sentence.startswith(f"{place}: ")
    assert words in sentence
    assert sentence.endswith(".")


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"spec": {SEPARATE: "true"}, "metadata": {SEPARATE: "true"}},
        {"predictor": {"annotations": {ALONE: "true", SERVICE: "x"}}},
        {"predictor": {"componentSpecs": [pods("c", "sidecar")]}},
        {"predictor": {"componentSpecs": [pods("sidecar")]}},  # the server's container is added there
        {"graph": {"modelUri": "/mnt/pvc/m"}},
        {"graph": {"modelUri": "dummy", "storageInitializerImage": "mine"}},
        {
            "graph": {"modelUri": "dummy"},
            "predictor": {
                "componentSpecs": [
                    {"spec": {"containers": [], "initContainers": [{"name": "c-model-initializer", "image": "i"}]}}
                ]
            },
        },
    ],
)
def test_what_is_usual_gets_no_advice(given: Any) -> None:
    assert sentences(**given) == ()
