"""A misspelt field is named, with the one that was probably meant; what Kubernetes owns is left alone."""

from typing import Any

import pytest

from seldon_core.api.unknown import unknown_fields

GRAPH = {"name": "c", "implementation": "SKLEARN_SERVER", "modelUri": "s3://b/m"}


def found(predictor: Any, **spec: Any) -> tuple[str, ...]:
    return unknown_fields({"metadata": {"name": "m"}, "spec": {"predictors": [predictor], **spec}})


@pytest.mark.parametrize(
    ("predictor", "path", "advice"),
    [
        ({"replica": 3}, "spec.predictors[0].replica: ", "did you mean replicas?"),
        ({"graph": {"modelURI": "s3://b/m"}}, "spec.predictors[0].graph.modelURI: ", "did you mean modelUri?"),
        (
            {"graph": {"children": [{"envSecretRef": "s"}]}},
            "spec.predictors[0].graph.children[0].envSecretRef: ",
            "did you mean envSecretRefName?",
        ),
        (
            {"componentSpecs": [{"containers": []}]},
            "spec.predictors[0].componentSpecs[0].containers: ",
            "known here are hpaSpec, kedaSpec, metadata, pdbSpec, replicas, spec.",
        ),
        ({"svcOrchSpec": {"resource": {}}}, "spec.predictors[0].svcOrchSpec.resource: ", "did you mean resources?"),
        ({3: 4}, "spec.predictors[0].3: ", "known here are annotations, "),
    ],
)
def test_an_unknown_field_is_named(predictor: Any, path: str, advice: str) -> None:
    (sentence,) = found(predictor)

    assert sentence.startswith(path)
    assert advice in sentence


def test_what_is_known_and_what_kubernetes_owns_passes() -> None:
    pod = {"containers": [{"name": "c", "anything": 1}], "hostAliases": []}
    component = {"metadata": {"name": "x", "labels": {"a": "b"}}, "spec": pod, "hpaSpec": {"anything": 1}}
    labels = {"any": "label"}

    assert found({"name": "p", "graph": GRAPH, "labels": labels, "componentSpecs": [component]}, oauth_key="k") == ()


@pytest.mark.parametrize("spec", [None, [], "text", {"predictors": "text"}, {"predictors": [None]}])
def test_what_is_wrong_otherwise_is_no_matter(spec: Any) -> None:
    assert unknown_fields({"spec": spec}) == ()
