"""Labels, selectors and annotations. Source: specification 1.2, 1.7."""

from typing import Final

from seldon_core.api import names
from seldon_core.api.types import ComponentSpec, Labels, PredictiveUnit

from .scope import Scope

MANAGED_BY: Final = {"app.kubernetes.io/managed-by": "seldon-core"}
CONTAINS_ENGINE: Final = {"seldon-deployment-contains-svcorch": "true"}
DEPLOYMENT_ID: Final = "seldon-deployment-id"
APP: Final = "seldon-app"

_SHADOW: Final = {"seldon.io/shadow": "true"}
_SCRAPE: Final = {"prometheus.io/scrape": "true"}
_TYPES: Final = {
    "MODEL": "seldon.io/model",
    "ROUTER": "seldon.io/router",
    "COMBINER": "seldon.io/combiner",
    "TRANSFORMER": "seldon.io/transformer",
    "OUTPUT_TRANSFORMER": "seldon.io/output-transformer",
}


def has_engine(scope: Scope, index: int) -> bool:
    """Whether the pods of `componentSpecs[index]` carry the orchestrator."""
    return index == 0 and not scope.separate_engine and not scope.no_engine


def receives_requests(scope: Scope, index: int) -> bool:
    """Whether the predictor's Service sends requests to these pods: to the orchestrator, or to a model without one."""
    return has_engine(scope, index) or (scope.no_engine and index == 0)


def container_selector(scope: Scope, container: str) -> Labels:
    """What selects the pods of one node."""
    return {names.container_label(container): scope.service_of(container)}


def selector(scope: Scope, index: int) -> Labels:
    """`matchLabels` of the Deployment of `componentSpecs[index]`."""
    labels: Labels = {}
    if receives_requests(scope, index):
        labels[APP] = scope.key
    for container, _ in scope.units_in(scope.predictor.component_specs[index]):
        labels |= container_selector(scope, container["name"])
    # Pods without a node of the graph have nothing else that tells them from the others.
    return {DEPLOYMENT_ID: scope.seldon_id} | (labels or {"app": scope.deployment_name(index)})


def unit_type(unit: PredictiveUnit) -> Labels:
    """The label that says what kind of node a pod or a Service holds."""
    return {_TYPES[unit.type]: "true"} if unit.type in _TYPES else {}


def shadow(scope: Scope) -> Labels:
    """The label of everything that belongs to a shadow."""
    return dict(_SHADOW) if scope.predictor.shadow else {}


def pods(scope: Scope, index: int) -> Labels:
    """Labels of the pods of `componentSpecs[index]`. The user's labels win, but for those that are selected by."""
    component = scope.predictor.component_specs[index]
    labels = {"app": scope.deployment_name(index), "fluentd": "true", **MANAGED_BY, **shadow(scope)}
    for _, unit in scope.units_in(component):
        labels |= unit_type(unit)
    return labels | scope.predictor.labels | component.metadata.labels | selector(scope, index)


def user_annotations(scope: Scope, component: ComponentSpec) -> Labels:
    """Annotations that go to a Deployment and its pods: the spec's, then the predictor's, then the componentSpec's."""
    return scope.sdep.spec.annotations | scope.predictor.annotations | component.metadata.annotations


def scraping(scope: Scope) -> Labels:
    """Annotations by which Prometheus finds a pod's metrics."""
    return {"prometheus.io/path": scope.config.executor.prometheus_path, **_SCRAPE}
