"""The rules for what becomes of the user's pods, autoscalers and disruption budgets.

Kubernetes refuses these when the controller makes them, a while after everybody has turned away: v1.17.1 lets them
through, and fails later. Only what every supported release of Kubernetes refuses is refused here. Rendering does not
ask these rules: the API server has the last word. Source: Kubernetes API reference; `pkg/apis/core/validation` and
`pkg/apis/autoscaling/validation` of Kubernetes 1.34.
"""

import re
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final

from . import names
from .defaulting import units
from .errors import FieldError
from .quantity import amount
from .shapes import Json
from .types import ComponentSpec, Predictor, SeldonDeployment

_NAME: Final = r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?"
_LABEL_VALUE: Final = re.compile(f"({_NAME})?")
_LABEL_NAME: Final = re.compile(_NAME)
_PREFIX: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LONGEST_PREFIX: Final = 253
_QUANTITY_RULE: Final = "is no quantity: write a number with a suffix that Kubernetes knows, such as 500m, 2 or 1Gi"
_TARGETS: Final = ("averageValue", "value", "targetAverageValue", "targetValue")
_SOURCES: Final = ("resource", "containerResource", "pods", "object", "external")


def pod_errors(sdep: SeldonDeployment) -> Iterator[FieldError]:
    """Everything about pods that Kubernetes would refuse."""
    yield from _keys(sdep.spec.annotations, "spec.annotations", str.lower)
    for index, predictor in enumerate(sdep.spec.predictors):
        at = f"spec.predictors[{index}]"
        yield from _of_predictor(predictor, at)
        nodes = {unit.name for unit in units(predictor.graph)}
        for place, component in enumerate(predictor.component_specs):
            yield from _of_component(component, nodes, f"{at}.componentSpecs[{place}]")


def _of_predictor(predictor: Predictor, at: str) -> Iterator[FieldError]:
    yield from _labels(predictor.labels, f"{at}.labels")
    yield from _keys(predictor.annotations, f"{at}.annotations", str.lower)
    yield from _version(predictor, at)
    service = predictor.annotations.get(names.SERVICE_NAME_ANNOTATION, "")
    if len(service) > names.MAX_LENGTH:
        text = f"Name of a Service is longer than {names.MAX_LENGTH} characters"
        yield FieldError(f'{at}.annotations["{names.SERVICE_NAME_ANNOTATION}"]', service, text)
    yield from _resources(predictor.svc_orch_spec.resources, f"{at}.svcOrchSpec.resources")
    yield from _resources(predictor.engine_resources, f"{at}.engineResources")
    if predictor.explainer:
        yield from _resources(
            predictor.explainer.container_spec.get("resources"), f"{at}.explainer.containerSpec.resources"
        )
    deadline = predictor.progress_deadline_seconds
    if deadline is not None and deadline < 1:
        yield FieldError(f"{at}.progressDeadlineSeconds", str(deadline), "Must be 1 or more, or be left out")


def _version(predictor: Predictor, at: str) -> Iterator[FieldError]:
    """A predictor's name is the value of its pods' label `version`, unless another one is given."""
    own = [component.metadata.labels.get("version") for component in predictor.component_specs]
    if "version" in predictor.labels or (own and all(own)) or len(predictor.name) <= names.MAX_LENGTH:
        return
    text = (
        f"Name is longer than {names.MAX_LENGTH} characters and cannot be the value of its pods' label version: "
        f"shorten it, or set {at}.labels.version"
    )
    yield FieldError(f"{at}.name", predictor.name, text)


def _of_component(component: ComponentSpec, nodes: AbstractSet[str], at: str) -> Iterator[FieldError]:
    yield from _labels(component.metadata.labels, f"{at}.metadata.labels")
    yield from _keys(component.metadata.annotations, f"{at}.metadata.annotations", str.lower)
    yield from _pod(component.spec, nodes, f"{at}.spec")
    if component.hpa_spec is not None:
        yield from _autoscaler(component.hpa_spec, f"{at}.hpaSpec")
    budget = component.pdb_spec or {}
    if budget.get("minAvailable") is not None and budget.get("maxUnavailable") is not None:
        text = "Has both minAvailable and maxUnavailable: Kubernetes takes one of them"
        yield FieldError(f"{at}.pdbSpec", str(budget["maxUnavailable"]), text)


def _pod(spec: Json, nodes: AbstractSet[str], at: str) -> Iterator[FieldError]:
    policy = spec.get("restartPolicy") or "Always"
    if policy != "Always":
        yield FieldError(f"{at}.restartPolicy", str(policy), "Pods of a Deployment are always restarted: leave it out")
    if spec.get("activeDeadlineSeconds") is not None:
        text = "Pods of a Deployment run without end: leave it out"
        yield FieldError(f"{at}.activeDeadlineSeconds", str(spec["activeDeadlineSeconds"]), text)
    containers = {container["name"] for container in spec.get("containers") or ()}
    seen: set[str] = set()
    for field in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(field) or ()):
            path, name = f"{at}.{field}[{index}]", container["name"]
            if not names.is_label(name) or len(name) > names.MAX_LENGTH:
                text = f"Illegal name of a container: it has at most {names.MAX_LENGTH} characters, {names.LABEL_RULE}"
                yield FieldError(f"{path}.name", name, text)
            if field == "initContainers" and (name in seen or name in containers):
                yield FieldError(f"{path}.name", name, "Duplicate container name: give each one of a pod its own")
            if not container.get("image") and (field == "initContainers" or name not in nodes):
                yield FieldError(f"{path}.image", "", f"Container {name} has no image, and is on no node of the graph")
            seen |= {name} if field == "initContainers" else set()
            yield from _resources(container.get("resources"), f"{path}.resources")


def _resources(given: Any, at: str) -> Iterator[FieldError]:
    """Quantities are quantities, and nobody asks for more than the limit."""
    if not isinstance(given, Mapping):
        return
    sides = {side: value for side in ("requests", "limits") if isinstance(value := given.get(side), Mapping)}
    for side, quantities in sides.items():
        for name, quantity in quantities.items():
            found = amount(quantity)
            if found is None:
                yield FieldError(f"{at}.{side}.{name}", str(quantity), _QUANTITY_RULE)
            elif found < 0:
                yield FieldError(f"{at}.{side}.{name}", str(quantity), "Must not be negative")
    for name, quantity in sides.get("requests", {}).items():
        asked, limit = amount(quantity), amount(sides.get("limits", {}).get(name))
        if asked is not None and limit is not None and asked > limit:
            text = f"Must not be more than the limit, which is {sides['limits'][name]}"
            yield FieldError(f"{at}.requests.{name}", str(quantity), text)


def _autoscaler(given: Json, at: str) -> Iterator[FieldError]:
    most, least = given["maxReplicas"], given.get("minReplicas")
    if most < 1:
        yield FieldError(f"{at}.maxReplicas", str(most), "Must be 1 or more")
    if least is not None and least < 0:
        yield FieldError(f"{at}.minReplicas", str(least), "Must not be negative")
    if least is not None and most >= 1 and least > most:
        yield FieldError(f"{at}.maxReplicas", str(most), f"Must not be less than minReplicas, which is {least}")
    for field in ("metrics", "metricsv2"):
        for index, metric in enumerate(given.get(field) or ()):
            for source in _SOURCES:
                path = f"{at}.{field}[{index}].{source}"
                yield from _targets(metric.get(source), path)


def _targets(source: Any, at: str) -> Iterator[FieldError]:
    if not isinstance(source, Mapping):
        return
    for field in _TARGETS:
        if source.get(field) is not None and amount(source[field]) is None:
            yield FieldError(f"{at}.{field}", str(source[field]), _QUANTITY_RULE)
    yield from _targets(source.get("target"), f"{at}.target")


def _labels(given: Mapping[str, str], at: str) -> Iterator[FieldError]:
    yield from _keys(given, at)
    for key, value in given.items():
        if len(value) > names.MAX_LENGTH or not _LABEL_VALUE.fullmatch(value):
            text = (
                f"Illegal value of a label: it has at most {names.MAX_LENGTH} characters, letters, digits, '-', '_' "
                "and '.', and begins and ends with a letter or digit"
            )
            yield FieldError(f'{at}["{key}"]', value, text)


def _keys(given: Mapping[str, str], at: str, form: Any = str) -> Iterator[FieldError]:
    for key in given:
        prefix, slash, name = form(key).rpartition("/")
        legal = len(name) <= names.MAX_LENGTH and _LABEL_NAME.fullmatch(name)
        if slash:
            legal = legal and len(prefix) <= _LONGEST_PREFIX and _PREFIX.fullmatch(prefix)
        if not legal:
            text = (
                f"Illegal key: it is a name of at most {names.MAX_LENGTH} letters, digits, '-', '_' and '.', with a "
                "domain and '/' before it or not"
            )
            yield FieldError(at, key, text)
