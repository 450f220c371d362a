"""What MLServer reads from its environment. Source: specification 1.4, 1.7."""

from collections.abc import Iterable, Iterator
from typing import Final

from seldon_core.api.defaulting import port_of
from seldon_core.api.shapes import Json
from seldon_core.api.types import PredictiveUnit

from .kinds import MODEL_FOLDER
from .scope import Scope

HTTP_PORT: Final = "MLSERVER_HTTP_PORT"
MODEL_IMPLEMENTATION: Final = "MLSERVER_MODEL_IMPLEMENTATION"
MODEL_NAME: Final = "MLSERVER_MODEL_NAME"
MODEL_URI: Final = "MLSERVER_MODEL_URI"
MODEL_EXTRA: Final = "MLSERVER_MODEL_EXTRA"

_RUNTIMES: Final = {
    "SKLEARN_SERVER": "mlserver_sklearn.SKLearnModel",
    "XGBOOST_SERVER": "mlserver_xgboost.XGBoostModel",
    "MLFLOW_SERVER": "mlserver_mlflow.MLflowRuntime",
    "HUGGINGFACE_SERVER": "mlserver_huggingface.HuggingFaceRuntime",
    "TEMPO_SERVER": "tempo.mlserver.InferenceRuntime",
}


def of_unit(scope: Scope, container: Json, unit: PredictiveUnit) -> list[Json]:
    """MLServer's variables, then the user's others. `container` must have its ports."""
    return overridden(_variables(scope, container, unit), container.get("env") or ())


def overridden(variables: Iterable[tuple[str, str]], given: Iterable[Json]) -> list[Json]:
    """The variables, those that the user gave with the user's value, then the user's others."""
    by_name = {entry["name"]: entry for entry in given}
    first = [by_name.pop(name, {"name": name, "value": value}) for name, value in variables]
    return [*first, *by_name.values()]


def _variables(scope: Scope, container: Json, unit: PredictiveUnit) -> Iterator[tuple[str, str]]:
    yield HTTP_PORT, str(port_of(container, "http") or 0)
    yield "MLSERVER_GRPC_PORT", str(port_of(container, "grpc") or 0)
    # A server of the user's own says itself what it runs.
    if runtime := _RUNTIMES.get(unit.implementation):
        yield MODEL_IMPLEMENTATION, runtime
    yield MODEL_NAME, unit.name
    yield "MLSERVER_MODEL_VERSION", "v1"
    if unit.model_uri:
        yield MODEL_URI, MODEL_FOLDER
    options = f'{{"defaultRuntime": "tempo.seldon.SeldonKubernetesRuntime", "namespace": "{scope.namespace}"}}'
    yield "TEMPO_RUNTIME_OPTIONS", f'{{"k8s_options": {options}}}'
