"""Replicas, autoscalers and disruption budgets. Facts: specification 1.4, 1.5."""

from typing import Any

import pytest

KEDA = {"keda": {"enabled": True}}
TRIGGERS = [{"type": "prometheus", "metadata": {"query": "q"}}]


def predictor(*pods: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A chain of nodes c0, c1, ... with pods of their own."""
    graph: dict[str, Any] = {}
    for index in reversed(range(len(pods))):
        graph = {"name": f"c{index}", "type": "MODEL", "children": [graph] if graph else []}
    component_specs = [
        {"spec": {"containers": [{"name": f"c{index}", "image": "i:1"}]}, **pod} for index, pod in enumerate(pods)
    ]
    return {"name": "p", "graph": graph, "componentSpecs": component_specs, **fields}


def replicas(result: Any) -> list[int | None]:
    return [deployment["spec"].get("replicas") for deployment in result.of_kind("Deployment")]


def metrics(build: Any, **spec: Any) -> Any:
    return build(predictor({"hpaSpec": {"maxReplicas": 3, **spec}})).of_kind("HorizontalPodAutoscaler")[0]["spec"][
        "metrics"
    ]


def test_an_autoscaler_is_named_like_its_deployment_and_takes_the_replicas_over(build: Any) -> None:
    pods = {"hpaSpec": {"minReplicas": 1, "maxReplicas": 3}, "replicas": 7}
    result = build(predictor(pods, {}, replicas=2))

    assert replicas(result) == [None, 2]
    assert result.of_kind("HorizontalPodAutoscaler") == [
        {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "m-p-0-c0", "namespace": "ns", "labels": {"seldon-deployment-id": "m"}},
            "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "m-p-0-c0"},
                "minReplicas": 1,
                "maxReplicas": 3,
            },
        }
    ]


@pytest.mark.parametrize(
    ("kind", "member", "source", "expected"),
    [
        (
            "Resource",
            "resource",
            {"name": "cpu", "targetAverageUtilization": 70},
            {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}},
        ),
        (
            "Resource",
            "resource",
            {"name": "memory", "targetAverageValue": 0.5},
            {"name": "memory", "target": {"type": "AverageValue", "averageValue": "500m"}},
        ),
        (
            "ContainerResource",
            "containerResource",
            {"name": "cpu", "container": "c0", "targetAverageUtilization": 70},
            {"name": "cpu", "container": "c0", "target": {"type": "Utilization", "averageUtilization": 70}},
        ),
        (
            "Pods",
            "pods",
            {"metricName": "qps", "targetAverageValue": "1k", "selector": {"matchLabels": {"a": "b"}}},
            {
                "metric": {"name": "qps", "selector": {"matchLabels": {"a": "b"}}},
                "target": {"type": "AverageValue", "averageValue": "1k"},
            },
        ),
        (
            "Object",
            "object",
            {"target": {"kind": "Service", "name": "s"}, "metricName": "qps", "targetValue": 10},
            {
                "metric": {"name": "qps"},
                "describedObject": {"kind": "Service", "name": "s"},
                "target": {"type": "Value", "value": "10"},
            },
        ),
        (
            "External",
            "external",
            {"metricName": "depth", "metricSelector": {"matchLabels": {"q": "x"}}, "targetAverageValue": "30"},
            {
                "metric": {"name": "depth", "selector": {"matchLabels": {"q": "x"}}},
                "target": {"type": "AverageValue", "averageValue": "30"},
            },
        ),
    ],
)
def test_metrics_of_v2beta1_become_those_of_v2(build: Any, kind: str, member: str, source: Any, expected: Any) -> None:
    assert metrics(build, metrics=[{"type": kind, member: source}]) == [{"type": kind, member: expected}]


V2 = [
    {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 5}}},
    {
        "type": "External",
        "external": {"metric": {"name": "depth"}, "target": {"type": "Value", "value": "3"}},
    },
]


@pytest.mark.parametrize("field", ["metrics", "metricsv2"])
def test_metrics_of_v2_are_passed_on(build: Any, field: str) -> None:
    assert metrics(build, **{field: V2}) == V2


def test_metrics_win_over_metricsv2(build: Any) -> None:
    own = {"type": "Resource", "resource": {"name": "memory", "targetAverageValue": "1Gi"}}

    assert metrics(build, metrics=[own], metricsv2=V2)[0]["resource"]["name"] == "memory"


def test_the_behaviour_of_scaling_is_passed_on(build: Any) -> None:
    behavior = {"scaleDown": {"stabilizationWindowSeconds": 60}}
    result = build(predictor({"hpaSpec": {"maxReplicas": 3, "behavior": behavior}}))

    assert result.of_kind("HorizontalPodAutoscaler")[0]["spec"]["behavior"] == behavior


def test_keda_scales_where_it_is_asked_to(build: Any) -> None:
    given = {"maxReplicaCount": 5, "triggers": TRIGGERS, "advanced": {"restoreToOriginalReplicaCount": True}}
    pods = {"kedaSpec": {**given, "scaleTargetRef": {"name": "x", "envSourceContainerName": "c0"}}}
    result = build(predictor({**pods, "hpaSpec": {"maxReplicas": 3}, "replicas": 4}), values=KEDA)
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "m-p-0-c0", "envSourceContainerName": "c0"}

    assert replicas(result) == [None]
    assert result.of_kind("HorizontalPodAutoscaler") == []
    assert result.of_kind("ScaledObject") == [
        {
            "apiVersion": "keda.sh/v1alpha1",
            "kind": "ScaledObject",
            "metadata": {"name": "m-p-0-c0", "namespace": "ns", "labels": {"seldon-deployment-id": "m"}},
            "spec": {**given, "scaleTargetRef": target},
        }
    ]
    assert result.rendered.warnings == ()


def test_without_keda_the_replicas_count_and_it_is_said(build: Any) -> None:
    result = build(predictor({"kedaSpec": {"triggers": TRIGGERS}, "replicas": 4}))

    assert replicas(result) == [4]
    assert result.of_kind("ScaledObject") == []
    assert len(result.rendered.warnings) == 1
    assert result.rendered.warnings[0].startswith("spec.predictors[0].componentSpecs[0].kedaSpec: has no effect")


def test_without_keda_a_horizontal_autoscaler_takes_its_place(build: Any) -> None:
    result = build(predictor({"kedaSpec": {"triggers": TRIGGERS}, "hpaSpec": {"maxReplicas": 3}, "replicas": 4}))

    assert replicas(result) == [None]
    assert len(result.of_kind("HorizontalPodAutoscaler")) == 1


@pytest.mark.parametrize("budget", [{"minAvailable": 1}, {"maxUnavailable": "50%"}])
def test_a_budget_is_for_the_pods_of_its_own_deployment(build: Any, budget: Any) -> None:
    result = build(predictor({"pdbSpec": budget}, {"pdbSpec": {**budget, "selector": {"matchLabels": {"a": "b"}}}}))
    budgets, deployments = result.of_kind("PodDisruptionBudget"), result.of_kind("Deployment")

    assert [b["metadata"] for b in budgets] == [
        {"name": name, "namespace": "ns", "labels": {"seldon-deployment-id": "m"}} for name in ("m-p-0-c0", "m-p-1-c1")
    ]
    assert [b["spec"] for b in budgets] == [{**budget, "selector": d["spec"]["selector"]} for d in deployments]


def test_an_autoscaler_does_not_reach_the_orchestrators_predictor(build: Any) -> None:
    """Else a change of its limits would roll the pods."""
    plain, scaled = (
        build(predictor({"hpaSpec": spec} if spec else {})).of_kind("Deployment")[0]["spec"]["template"]
        for spec in (None, {"maxReplicas": 3})
    )

    assert plain == scaled


CPU_V1 = {"type": "Resource", "resource": {"name": "cpu", "targetAverageUtilization": 70}}
MEMORY_V2 = {
    "type": "Resource",
    "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "1Gi"}},
}


@pytest.mark.parametrize(
    ("metrics", "resources", "warned"),
    [
        ([CPU_V1], {}, True),
        ([CPU_V1], {"requests": {"memory": "1Gi"}}, True),
        ([CPU_V1], {"requests": {"cpu": "1"}}, False),
        ([CPU_V1], {"limits": {"cpu": "1"}}, False),
        ([MEMORY_V2], {}, False),
    ],
)
def test_a_share_of_what_nobody_requests_is_warned_of(
    build: Any, metrics: Any, resources: Any, *, warned: bool
) -> None:
    container = {"name": "c", "image": "i:1", "resources": resources}
    component = {"spec": {"containers": [container]}, "hpaSpec": {"maxReplicas": 3, "metrics": metrics}}
    predictor = {"name": "p", "graph": {"name": "c", "type": "MODEL"}, "componentSpecs": [component]}
    warnings = build(predictor).rendered.warnings

    assert bool(warnings) is warned
    if warned:
        assert warnings[0].startswith("spec.predictors[0].componentSpecs[0].hpaSpec: nobody scales by the utilization")
        assert "container c has no resources.requests.cpu" in warnings[0]
