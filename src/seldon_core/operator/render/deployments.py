"""Deployments: one for each componentSpec of a predictor, its explainer, and an orchestrator in pods of its own.

Source: specification 1.2, 1.4 (replicas), 1.7.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from seldon_core.api import names
from seldon_core.api.shapes import Json
from seldon_core.api.types import ComponentSpec, Explainer, Labels

from . import autoscaling, embedded, engine, explainer, labels, placement, pods, strategy
from .scope import Scope


def of_predictor(scope: Scope) -> list[Json]:
    """The Deployments of a predictor: an orchestrator's own, those of the componentSpecs in order, the explainer's."""
    specs = [pods.of_component(scope, component) for component in scope.predictor.component_specs]
    rendered = [
        msgspec.structs.replace(component, spec=spec)
        for component, spec in zip(scope.predictor.component_specs, specs, strict=True)
    ]
    objects = [_orchestrator(scope, rendered)] if scope.separate_engine else []
    for index, component in enumerate(rendered):
        pod = dict(component.spec)
        if labels.has_engine(scope, index):
            pod["containers"] = list(_with_engine(scope, pod, rendered))
        objects.append(_of_component(scope, index, component, pod))
    if explained := explainer.of(scope):
        objects.append(_explainer(scope, explained))
    return objects


def _of_component(scope: Scope, index: int, component: ComponentSpec, pod: Json) -> Json:
    pod_labels = labels.pods(scope, index)
    annotations = labels.user_annotations(scope, component)
    return _deployment(
        scope,
        scope.deployment_name(index),
        labels=pod_labels | (labels.CONTAINS_ENGINE if labels.has_engine(scope, index) else {}),
        annotations=annotations,
        selector=labels.selector(scope, index),
        replicas=autoscaling.replicas(scope, component),
        template={
            "metadata": {"annotations": labels.scraping(scope) | annotations, "labels": pod_labels},
            "spec": pod,
        },
    )


def _with_engine(scope: Scope, pod: Json, components: list[ComponentSpec]) -> Iterator[Json]:
    """The containers of a pod that answers requests: with an orchestrator's, or with a server that does its work."""
    if not embedded.applies(scope):
        yield from (*pod["containers"], engine.container(scope, pod, components))
        return
    for each in pod["containers"]:
        is_server = each["name"] == scope.predictor.graph.name
        yield embedded.container(scope, each, components) if is_server else each


def _orchestrator(scope: Scope, components: list[ComponentSpec]) -> Json:
    """The Deployment of an orchestrator in pods of its own.

    Deviation: its label `seldon-deployment-id` is the SeldonDeployment's, as on every other object, where v1.17.1
    writes the predictor's key (marked Q in specification 1.7).
    """
    name = names.orchestrator(scope.name, scope.predictor.name)
    account = scope.config.executor.service_account
    pod = pods.base(scope, {})
    pod["automountServiceAccountToken"] = False
    if account:
        pod |= {"serviceAccount": account, "serviceAccountName": account}
    pods.add_certificate(scope, pod)
    pod["containers"] = [engine.container(scope, pod, components)]
    selector = {labels.APP: scope.key, labels.DEPLOYMENT_ID: scope.seldon_id}
    pod_labels = {"app": name} | scope.predictor.labels | selector
    return _deployment(
        scope,
        name,
        labels={"fluentd": "true"} | pod_labels | labels.CONTAINS_ENGINE,
        annotations=dict(scope.sdep.spec.annotations),
        selector=selector,
        replicas=scope.first_number(scope.predictor.svc_orch_spec.replicas),
        template={"metadata": {"annotations": labels.scraping(scope), "labels": pod_labels}, "spec": pod},
    )


def _explainer(scope: Scope, explained: Explainer) -> Json:
    annotations = scope.sdep.spec.annotations | scope.predictor.annotations
    metadata: dict[str, Any] = {"labels": explainer.pod_labels(scope)}
    if annotations:
        metadata["annotations"] = annotations
    return _deployment(
        scope,
        explainer.name(scope),
        labels=explainer.pod_labels(scope),
        annotations=annotations,
        selector=explainer.selector(scope),
        replicas=explainer.replicas(scope, explained),
        template={"metadata": metadata, "spec": explainer.pod(scope, explained)},
    )


def _deployment(
    scope: Scope,
    name: str,
    *,
    labels: Labels,
    annotations: Labels,
    selector: Labels,
    replicas: int | None,
    template: Json,
) -> Json:
    metadata: dict[str, Any] = {"name": name, "namespace": scope.namespace, "labels": labels}
    if annotations:
        metadata["annotations"] = annotations
    spec: dict[str, Any] = {
        "selector": {"matchLabels": selector},
        "strategy": strategy.of(annotations, scope.sdep.metadata.annotations),
        "template": {**template, "spec": placement.placed(scope, template["spec"], selector)},
    }
    if replicas is not None:
        spec["replicas"] = replicas
    if scope.predictor.progress_deadline_seconds is not None:
        spec["progressDeadlineSeconds"] = scope.predictor.progress_deadline_seconds
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}
