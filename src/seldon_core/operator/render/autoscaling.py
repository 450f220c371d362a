"""Who decides about replicas: a KEDA ScaledObject, a HorizontalPodAutoscaler, or a number. Source: specification 1.5.

`hpaSpec.metrics` is written in the shape of autoscaling/v2beta1, which no API server takes any more; it becomes
autoscaling/v2. What is written as autoscaling/v2 (`metricsv2`, `behavior`) is passed on.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from seldon_core.api.shapes import Json
from seldon_core.api.types import ComponentSpec

from . import canonical, labels
from .scope import Scope

# The member of a metric that says what is measured, by the metric's type.
_MEMBERS: Final = {
    "Resource": "resource",
    "ContainerResource": "containerResource",
    "Pods": "pods",
    "Object": "object",
    "External": "external",
}
_OWN_FIELDS: Final = frozenset({"minReplicas", "maxReplicas", "metrics", "metricsv2", "scaleTargetRef"})


def replicas(scope: Scope, component: ComponentSpec) -> int | None:
    """The replicas of a componentSpec's Deployment; None where an autoscaler decides, or nothing is said."""
    if _scaled_by_keda(scope, component) or component.hpa_spec is not None:
        return None
    return scope.first_number(component.replicas)


def of_component(scope: Scope, index: int) -> Iterator[Json]:
    """The autoscaler of the Deployment of `componentSpecs[index]`: KEDA's, or else a HorizontalPodAutoscaler."""
    component = scope.predictor.component_specs[index]
    name = scope.deployment_name(index)
    if component.keda_spec is not None and scope.config.keda:
        target = {**component.keda_spec.get("scaleTargetRef", {}), **_target(name)}
        spec = {**component.keda_spec, "scaleTargetRef": target}
        yield _object(scope, "keda.sh/v1alpha1", "ScaledObject", name, spec)
    elif component.hpa_spec is not None:
        yield _object(scope, "autoscaling/v2", "HorizontalPodAutoscaler", name, _hpa(component.hpa_spec, name))


def warnings(scope: Scope) -> Iterator[str]:
    """What is asked of KEDA where the installation does not use it."""
    for index, component in enumerate(scope.predictor.component_specs):
        if component.keda_spec is not None and not scope.config.keda:
            yield (
                f"{scope.path}.componentSpecs[{index}].kedaSpec: has no effect, because this installation does not use "
                "KEDA; install KEDA and set the chart's value keda.enabled, or set replicas or hpaSpec."
            )
        if component.hpa_spec is not None and not _scaled_by_keda(scope, component):
            yield from _unmeasurable(component, f"{scope.path}.componentSpecs[{index}]")


def _unmeasurable(component: ComponentSpec, path: str) -> Iterator[str]:
    """A utilization is a share of what is requested: of a pod with a container that requests nothing there is none."""
    metrics = _hpa(component.hpa_spec or {}, "").get("metrics") or ()
    wanted = {
        str(metric["resource"].get("name", ""))
        for metric in metrics
        if metric["type"] == "Resource" and metric.get("resource", {}).get("target", {}).get("type") == "Utilization"
    }
    for resource in sorted(wanted):
        silent = [c["name"] for c in component.spec["containers"] if not _requests(c.get("resources") or {}, resource)]
        if silent:
            yield (
                f"{path}.hpaSpec: nobody scales by the utilization of {resource} while container {', '.join(silent)} "
                f"has no resources.requests.{resource}; set it, unless a LimitRange does."
            )


def _requests(resources: Json, name: str) -> bool:
    """Whether an amount is requested; a limit alone is a request, too."""
    return any((resources.get(side) or {}).get(name) is not None for side in ("requests", "limits"))


def _scaled_by_keda(scope: Scope, component: ComponentSpec) -> bool:
    return component.keda_spec is not None and scope.config.keda


def _target(deployment: str) -> dict[str, str]:
    return {"apiVersion": "apps/v1", "kind": "Deployment", "name": deployment}


def _object(scope: Scope, api_version: str, kind: str, name: str, spec: Json) -> Json:
    metadata = {"name": name, "namespace": scope.namespace, "labels": {labels.DEPLOYMENT_ID: scope.seldon_id}}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}


def _hpa(given: Json, name: str) -> Json:
    spec: dict[str, Any] = {"scaleTargetRef": _target(name)}
    if given.get("minReplicas") is not None:
        spec["minReplicas"] = given["minReplicas"]
    spec["maxReplicas"] = given["maxReplicas"]
    if metrics := given.get("metrics") or given.get("metricsv2"):
        spec["metrics"] = [_metric(metric) for metric in metrics]
    return spec | {field: value for field, value in given.items() if field not in _OWN_FIELDS}


def _metric(given: Json) -> Json:
    member = _MEMBERS.get(given["type"], "")
    source = given.get(member)
    if not isinstance(source, Mapping):
        return given
    if "metric" in source or (member in {"resource", "containerResource"} and "target" in source):
        return {**given, member: _canonical(source)}
    return {"type": given["type"], member: _converted(member, source)}


def _canonical(source: Mapping[str, Any]) -> Json:
    target = source.get("target")
    return {**source, "target": _quantities(target)} if isinstance(target, Mapping) else dict(source)


def _quantities(target: Mapping[str, Any]) -> Json:
    return {
        field: canonical.quantity(value) if field in {"value", "averageValue"} else value
        for field, value in target.items()
    }


def _converted(member: str, source: Mapping[str, Any]) -> Json:
    """A source of autoscaling/v2beta1 in the shape of autoscaling/v2."""
    result: dict[str, Any]
    if member in {"resource", "containerResource"}:
        result = {field: source[field] for field in ("name", "container") if field in source}
    else:
        selector = source.get("selector") or source.get("metricSelector")
        metric = {"name": source.get("metricName", "")} | ({"selector": selector} if selector else {})
        result = {"metric": metric}
        if member == "object":
            result["describedObject"] = source.get("target", {})
    return result | {"target": _quantities(_target_of(source))}


def _target_of(source: Mapping[str, Any]) -> Json:
    for kind, field, names in (
        ("Utilization", "averageUtilization", ("targetAverageUtilization",)),
        ("AverageValue", "averageValue", ("targetAverageValue", "averageValue")),
        ("Value", "value", ("targetValue",)),
    ):
        found = next((source[name] for name in names if source.get(name) is not None), None)
        if found is not None:
            return {"type": kind, field: found}
    return {}
