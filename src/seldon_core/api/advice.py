"""What a SeldonDeployment says that is allowed, and most likely not what its writer wants: a sentence each.

Nothing here is refused: somebody's installation may work with it.
"""

from collections.abc import Callable, Iterator
from typing import Final

from . import names
from .defaulting import SEPARATE_ENGINE_ANNOTATION, units
from .types import PredictiveUnit, Predictor, SeldonDeployment
from .validation import NO_ENGINE_ANNOTATION
from .validation_units import fetches_itself

_OF_SPEC: Final = (SEPARATE_ENGINE_ANNOTATION, "seldon.io/no-storage-initializer")
EXECUTOR_MODE_ANNOTATION: Final = "seldon.io/executor-mode"
"""Of a predictor: auto, sidecar or embedded, in the place of the installation's value executor.mode."""
_OF_PREDICTOR: Final = (NO_ENGINE_ANNOTATION, EXECUTOR_MODE_ANNOTATION, names.SERVICE_NAME_ANNOTATION)


def advice(sdep: SeldonDeployment) -> tuple[str, ...]:
    """Each sentence, with the place in the manifest that it is about."""
    found = [sentence for rule in (_misplaced_annotations, _service_name) for sentence in rule(sdep)]
    for index, predictor in enumerate(sdep.spec.predictors):
        at = f"spec.predictors[{index}]"
        found += [sentence for rule in _RULES for sentence in rule(predictor, at)]
    return tuple(found)


def _misplaced_annotations(sdep: SeldonDeployment) -> Iterator[str]:
    for key in _OF_SPEC:
        if key in sdep.metadata.annotations and key not in sdep.spec.annotations:
            yield f"metadata.annotations[{key}]: has no effect here; write it below spec.annotations."
        for index, predictor in enumerate(sdep.spec.predictors):
            if key in predictor.annotations and key not in sdep.spec.annotations:
                yield (
                    f"spec.predictors[{index}].annotations[{key}]: has no effect here; write it below spec.annotations."
                )
    for key in _OF_PREDICTOR:
        for place, annotations in (("metadata", sdep.metadata.annotations), ("spec", sdep.spec.annotations)):
            if key in annotations and not any(key in predictor.annotations for predictor in sdep.spec.predictors):
                yield f"{place}.annotations[{key}]: has no effect here; write it below a predictor's annotations."


def _service_name(sdep: SeldonDeployment) -> Iterator[str]:
    """Releases of Kubernetes differ in this: so far all refuse it unless a feature gate is on."""
    for index, predictor in enumerate(sdep.spec.predictors):
        key = names.predictor_key(sdep.metadata.name, predictor)
        if key[:1].isdigit():
            yield (
                f"spec.predictors[{index}]: its Service would be called {key}, and most clusters take no Service whose "
                "name begins with a digit; give the SeldonDeployment another name."
            )


def _idle_pods(predictor: Predictor, at: str) -> Iterator[str]:
    """A container beside a node's is a sidecar. Pods without any node are asked by nobody."""
    nodes = {unit.name for unit in units(predictor.graph)}
    for index, component in enumerate(predictor.component_specs):
        declared = [container["name"] for container in component.spec.get("containers") or ()]
        if declared and nodes.isdisjoint(declared):
            injected = index == 0 and any(unit.is_prepackaged for unit in units(predictor.graph))
            if not injected:
                yield (
                    f"{at}.componentSpecs[{index}]: none of its containers ({', '.join(declared)}) is named like a "
                    f"node of the graph ({names.join(nodes)}), so no request gets there; correct a name, or remove it."
                )


def _replicas(predictor: Predictor, at: str) -> Iterator[str]:
    for index, component in enumerate(predictor.component_specs):
        if component.hpa_spec is not None and component.keda_spec is None and component.replicas is not None:
            yield (
                f"{at}.componentSpecs[{index}].replicas: has no effect beside hpaSpec; "
                "set minReplicas and maxReplicas there."
            )


def _model_uris(predictor: Predictor, at: str) -> Iterator[str]:
    yield from _model_uri(predictor, predictor.graph, f"{at}.graph")
    if predictor.explainer and not predictor.explainer.storage_initializer_image:
        yield from _uri(predictor.explainer.model_uri, f"{at}.explainer")


def _model_uri(predictor: Predictor, unit: PredictiveUnit, at: str) -> Iterator[str]:
    # An init container of the user's, or an image, may understand whatever it likes.
    if not fetches_itself(predictor, unit) and not unit.storage_initializer_image:
        yield from _uri(unit.model_uri, at)
    for index, child in enumerate(unit.children):
        yield from _model_uri(predictor, child, f"{at}.children[{index}]")


def _uri(uri: str, at: str) -> Iterator[str]:
    if uri and ":" not in uri and not uri.startswith("/"):
        yield (
            f"{at}.modelUri: {uri} names no store, such as s3://bucket/folder; most storage initializers take it for "
            "a folder of their own."
        )


_RULES: Final[tuple[Callable[[Predictor, str], Iterator[str]], ...]] = (_idle_pods, _replicas, _model_uris)
