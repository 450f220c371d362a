"""Deployments for the tests of routes: predictors with shares, shadows and explainers."""

from typing import Any

Predictor = dict[str, Any]


def predictor(name: str, traffic: int = 0, **more: Any) -> Predictor:
    """A predictor of one model in a container of the user's."""
    return {
        "name": name,
        "traffic": traffic,
        "graph": {"name": "c", "type": "MODEL"},
        "componentSpecs": [{"spec": {"containers": [{"name": "c", "image": "i:1"}]}}],
        **more,
    }


def canary() -> list[Predictor]:
    """Two predictors that share the requests 75 to 25, and a shadow."""
    return [predictor("main", 75), predictor("canary", 25), predictor("shadow", shadow=True)]


def explained() -> Predictor:
    """A predictor with an explainer."""
    return predictor("p", explainer={"type": "AnchorTabular", "modelUri": "s3://b/e"})
