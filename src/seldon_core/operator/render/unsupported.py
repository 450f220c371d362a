"""What a SeldonDeployment can ask for and this release does not make yet: said in a sentence, never passed over."""

from collections.abc import Iterator

from seldon_core.api.defaulting import units
from seldon_core.api.types import PredictiveUnit, Predictor, SeldonDeployment

from .errors import RenderError

# Servers that need more than an image: a second container, or arguments of their own.
_SERVERS = ("TENSORFLOW_SERVER", "TRITON_SERVER", "HUGGINGFACE_SERVER", "TEMPO_SERVER")
_PROTOCOLS = ("v2", "kfserving", "tensorflow")


def refuse(sdep: SeldonDeployment) -> None:
    """Raise RenderError for the first thing that is not built yet, with its feature, its field and what can be done."""
    for path, feature, advice in _wanted(sdep):
        raise RenderError(f"{path}: {feature} cannot be made by this release yet; {advice}.")


def _wanted(sdep: SeldonDeployment) -> Iterator[tuple[str, str, str]]:
    if sdep.spec.server_type == "kafka":
        yield "spec.serverType", "an orchestrator that reads from Kafka", "use rpc"
    for index, predictor in enumerate(sdep.spec.predictors):
        path = f"spec.predictors[{index}]"
        yield from _of_predictor(predictor, path)
        for unit in units(predictor.graph):
            yield from _of_unit(unit, sdep.spec.protocol, f"{path}.graph")


def _of_predictor(predictor: Predictor, path: str) -> Iterator[tuple[str, str, str]]:
    if predictor.explainer and predictor.explainer.type:
        yield f"{path}.explainer", "an explainer", "leave it out"
    for index, component in enumerate(predictor.component_specs):
        at = f"{path}.componentSpecs[{index}]"
        for field, value, feature in (
            ("hpaSpec", component.hpa_spec, "a HorizontalPodAutoscaler"),
            ("kedaSpec", component.keda_spec, "a KEDA ScaledObject"),
            ("pdbSpec", component.pdb_spec, "a PodDisruptionBudget"),
        ):
            if value is not None:
                yield f"{at}.{field}", feature, "leave it out and set replicas"


def _of_unit(unit: PredictiveUnit, protocol: str, path: str) -> Iterator[tuple[str, str, str]]:
    if unit.implementation in _SERVERS:
        yield f"{path} ({unit.name})", f"implementation {unit.implementation}", "declare its container yourself"
    elif unit.is_prepackaged and protocol in _PROTOCOLS:
        yield f"{path} ({unit.name})", f"{unit.implementation} with protocol {protocol}", "use protocol seldon"
