"""PodDisruptionBudgets. Source: specification 1.5."""

from collections.abc import Iterator

from seldon_core.api.shapes import Json

from . import labels
from .scope import Scope


def of_component(scope: Scope, index: int) -> Iterator[Json]:
    """The budget of the pods of `componentSpecs[index]`, where one is wanted.

    Deviation: each budget selects the pods of its own Deployment, where v1.17.1 selects all pods of the
    SeldonDeployment (marked Q in specification 1.5).
    """
    budget = scope.predictor.component_specs[index].pdb_spec
    if budget is None:
        return
    yield {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {
            "name": scope.deployment_name(index),
            "namespace": scope.namespace,
            "labels": {labels.DEPLOYMENT_ID: scope.seldon_id},
        },
        "spec": {**budget, "selector": {"matchLabels": labels.selector(scope, index)}},
    }
