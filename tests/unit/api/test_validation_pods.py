"""What Kubernetes would refuse of the user's pods, and where it is said."""

from typing import Any

import pytest

from seldon_core.api.decode import load
from seldon_core.api.validation_pods import pod_errors

COMPONENT = "spec.predictors[0].componentSpecs[0]"
CONTAINER = f"{COMPONENT}.spec.containers[0]"
LONG = "x" * 64


def errors(
    *, component: Any = None, container: Any = None, pod: Any = None, predictor: Any = None, spec: Any = None
) -> list[tuple[str, str, str]]:
    pods = {"containers": [{"name": "c", "image": "i", **(container or {})}], **(pod or {})}
    one = {
        "name": "p",
        "graph": {"name": "c", "type": "MODEL"},
        "componentSpecs": [{"spec": pods, **(component or {})}],
        **(predictor or {}),
    }
    manifest = {
        "apiVersion": "machinelearning.seldon.io/v1",
        "kind": "SeldonDeployment",
        "metadata": {"name": "m"},
        "spec": {"predictors": [one], **(spec or {})},
    }
    return [(error.path, error.value, error.message) for error in pod_errors(load(manifest))]


def resources(**sides: Any) -> Any:
    return {"container": {"resources": sides}}


def hpa(**fields: Any) -> Any:
    return {"component": {"hpaSpec": {"maxReplicas": 3} | fields}}


NO_QUANTITY = "is no quantity"
BROKEN: list[tuple[str, Any, str, str, str]] = [
    ("request", resources(requests={"cpu": "half"}), f"{CONTAINER}.resources.requests.cpu", "half", NO_QUANTITY),
    ("limit", resources(limits={"memory": "1 Gi"}), f"{CONTAINER}.resources.limits.memory", "1 Gi", NO_QUANTITY),
    ("suffix", resources(limits={"memory": "1GB"}), f"{CONTAINER}.resources.limits.memory", "1GB", NO_QUANTITY),
    ("negative", resources(limits={"cpu": "-1"}), f"{CONTAINER}.resources.limits.cpu", "-1", "not be negative"),
    (
        "more than the limit", resources(requests={"cpu": "1.5"}, limits={"cpu": "1000m"}),
        f"{CONTAINER}.resources.requests.cpu", "1.5", "Must not be more than the limit, which is 1000m",
    ),
    (
        "init container",
        {"pod": {"initContainers": [{"name": "i", "image": "x", "resources": {"limits": {"cpu": ""}}}]}},
        f"{COMPONENT}.spec.initContainers[0].resources.limits.cpu", "", NO_QUANTITY,
    ),
    (
        "orchestrator", {"predictor": {"svcOrchSpec": {"resources": {"requests": {"cpu": "x"}}}}},
        "spec.predictors[0].svcOrchSpec.resources.requests.cpu", "x", NO_QUANTITY,
    ),
    (
        "explainer",
        {"predictor": {"explainer": {"containerSpec": {"name": "e", "resources": {"limits": {"cpu": "x"}}}}}},
        "spec.predictors[0].explainer.containerSpec.resources.limits.cpu", "x", NO_QUANTITY,
    ),
    ("no replicas", hpa(maxReplicas=0), f"{COMPONENT}.hpaSpec.maxReplicas", "0", "Must be 1 or more"),
    ("less than the least", hpa(minReplicas=4), f"{COMPONENT}.hpaSpec.maxReplicas", "3", "which is 4"),
    (
        "metric of v2beta1", hpa(metrics=[{"type": "Pods", "pods": {"metricName": "m", "targetAverageValue": "many"}}]),
        f"{COMPONENT}.hpaSpec.metrics[0].pods.targetAverageValue", "many", NO_QUANTITY,
    ),
    (
        "metric of v2",
        hpa(metricsv2=[{"type": "Object", "object": {"target": {"type": "Value", "value": "many"}}}]),
        f"{COMPONENT}.hpaSpec.metricsv2[0].object.target.value", "many", NO_QUANTITY,
    ),
    (
        "both sides of a budget", {"component": {"pdbSpec": {"minAvailable": 1, "maxUnavailable": "50%"}}},
        f"{COMPONENT}.pdbSpec", "50%", "both minAvailable and maxUnavailable",
    ),
    ("restart", {"pod": {"restartPolicy": "Never"}}, f"{COMPONENT}.spec.restartPolicy", "Never", "always restarted"),
    ("end", {"pod": {"activeDeadlineSeconds": 5}}, f"{COMPONENT}.spec.activeDeadlineSeconds", "5", "without end"),
    (
        "container's name", {"pod": {"containers": [{"name": "c_d", "image": "i"}]}},
        f"{CONTAINER}.name", "c_d", "Illegal name of a container",
    ),
    (
        "container's long name", {"pod": {"containers": [{"name": LONG, "image": "i"}]}},
        f"{CONTAINER}.name", LONG, "at most 63 characters",
    ),
    (
        "init container twice", {"pod": {"initContainers": [{"name": "c", "image": "i"}]}},
        f"{COMPONENT}.spec.initContainers[0].name", "c", "Duplicate container name",
    ),
    (
        "sidecar without an image",
        {"pod": {"containers": [{"name": "c"}, {"name": "side"}]}},
        f"{COMPONENT}.spec.containers[1].image", "", "Container side has no image",
    ),
    ("label", {"predictor": {"labels": {"a": "b c"}}}, 'spec.predictors[0].labels["a"]', "b c", "value of a label"),
    ("label's key", {"predictor": {"labels": {"a b": "c"}}}, "spec.predictors[0].labels", "a b", "Illegal key"),
    (
        "pod's label", {"component": {"metadata": {"labels": {"a": LONG}}}},
        f'{COMPONENT}.metadata.labels["a"]', LONG, "value of a label",
    ),
    ("annotation", {"spec": {"annotations": {"-a/": "x"}}}, "spec.annotations", "-a/", "Illegal key"),
    (
        "a name that is too long as a label", {"predictor": {"name": LONG}},
        "spec.predictors[0].name", LONG, "cannot be the value of its pods' label version",
    ),
    (
        "a Service's name", {"predictor": {"annotations": {"seldon.io/svc-name": LONG}}},
        'spec.predictors[0].annotations["seldon.io/svc-name"]', LONG, "longer than 63 characters",
    ),
    (
        "deadline", {"predictor": {"progressDeadlineSeconds": 0}},
        "spec.predictors[0].progressDeadlineSeconds", "0", "Must be 1 or more",
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "path", "value", "message"), [broken[1:] for broken in BROKEN], ids=[broken[0] for broken in BROKEN]
)
def test_what_kubernetes_refuses_is_named(given: Any, path: str, value: str, message: str) -> None:
    found = errors(**given)

    assert [(p, v) for p, v, _ in found] == [(path, value)]
    assert message in found[0][2]


@pytest.mark.parametrize(
    "given",
    [
        {},
        resources(requests={"cpu": "500m", "nvidia.com/gpu": 1}, limits={"cpu": 0.5, "memory": "1e10"}),
        resources(requests={"cpu": "1"}),
        resources(limits={}),
        hpa(minReplicas=0, metrics=[{"type": "Resource", "resource": {"name": "cpu", "targetAverageUtilization": 1}}]),
        hpa(minReplicas=3, metricsv2=[{"type": "Pods", "pods": {"target": {"averageValue": "100m"}}}]),
        {"component": {"pdbSpec": {"maxUnavailable": 0}}},
        {"pod": {"restartPolicy": "Always"}},
        {"predictor": {"labels": {"version": "v1", "example.com/a_b.c": ""}}},
        {"predictor": {"name": LONG, "labels": {"version": "v1"}}},
        {"predictor": {"name": LONG}, "component": {"metadata": {"labels": {"version": "v1"}}}},
        {"predictor": {"annotations": {"Example.com/Key": "any value at all\n"}}},
        {"predictor": {"graph": {"name": "c", "implementation": "SKLEARN_SERVER"}}, "container": {"image": ""}},
    ],
)
def test_what_kubernetes_takes_is_left_alone(given: Any) -> None:
    assert errors(**given) == []
