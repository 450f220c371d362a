"""Bad input that the API server refuses: the fault stands in the answer of `kubectl apply`, and nothing is stored."""

from __future__ import annotations

import pytest

from tests.e2e.harness import manifests
from tests.e2e.harness.waiting import Object
from tests.e2e.harness.workspace import Workspace

NAME = "sklearn-iris"
REFUSED = {
    "unknown-implementation": (manifests.iris(NAME, implementation="NO_SUCH_SERVER"), ("NO_SUCH_SERVER",)),
    "no-model-uri": (manifests.iris(NAME, model_uri=None), ("modelUri", manifests.UNIT)),
    "model-uri-that-leads-out": (manifests.iris(NAME, model_uri="s3://sklearn/../mymodel"), ("modelUri", "segment")),
    "model-uri-with-configuration": (
        manifests.iris(NAME, model_uri=":s3,env_auth=true:sklearn/iris"),
        ("modelUri", "connection strings and options are not allowed"),
    ),
    "no-predictors": (manifests.seldon_deployment(NAME, {}), ("predictors",)),
    "empty-predictors": (manifests.seldon_deployment(NAME, {"predictors": []}), ("predictors",)),
}


@pytest.mark.parametrize(("document", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_apply_is_refused_with_the_reason(workspace: Workspace, document: Object, words: tuple[str, ...]) -> None:
    answer = workspace.try_apply(document)

    assert answer.returncode != 0, answer.stdout
    for word in words:
        assert word in answer.stderr
    assert workspace.seldon_deployment(NAME) is None
