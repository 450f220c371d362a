"""The SeldonDeployment of these tests: every kind of object that the controller makes, and two changes of it.

`A` has two predictors; the first has two componentSpecs, an autoscaler, a disruption budget and an explainer. `B`
renames a container (in a Deployment with a name of its own, so its selector changes), moves the autoscaler, lets KEDA
scale the canary, and shifts traffic. `C` has the canary no more, nor the explainer.
"""

from __future__ import annotations

from typing import Any

NAME = "model"

VALUES: dict[str, Any] = {
    "istio": {"enabled": True},
    "gateway": {"enabled": True, "name": "gateway", "namespace": "gateways"},
    "ambassador": {"enabled": True, "version": "v2"},
    "keda": {"enabled": True},
}
"""Every kind of route and of autoscaler."""


def definition(group: str, version: str, kind: str) -> dict[str, Any]:
    """A CustomResourceDefinition that takes every object: what the controller writes is kept as it is."""
    plural = f"{kind.lower()}s"
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    names = {"kind": kind, "listKind": f"{kind}List", "plural": plural, "singular": kind.lower()}
    served = {
        "name": version,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{plural}.{group}",
            # The API server asks for a reason where a group ends with k8s.io.
            "annotations": {"api-approved.kubernetes.io": "unapproved, for tests"},
        },
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": [served]},
    }


DEFINITIONS = (
    definition("networking.istio.io", "v1beta1", "VirtualService"),
    definition("networking.istio.io", "v1beta1", "DestinationRule"),
    definition("gateway.networking.k8s.io", "v1", "HTTPRoute"),
    definition("gateway.networking.k8s.io", "v1", "GRPCRoute"),
    definition("getambassador.io", "v2", "Mapping"),
    definition("getambassador.io", "v2", "TLSContext"),
    definition("keda.sh", "v1alpha1", "ScaledObject"),
)


def _container(name: str, image: str = "registry.example/model:1") -> dict[str, Any]:
    return {"name": name, "image": image, "resources": {"requests": {"cpu": "100m"}}}


def _hpa() -> dict[str, Any]:
    metric = {"type": "Resource", "resource": {"name": "cpu", "targetAverageUtilization": 70}}
    return {"minReplicas": 1, "maxReplicas": 3, "metrics": [metric]}


def _main(model: str, *, scaled_model: bool) -> dict[str, Any]:
    first: dict[str, Any] = {"spec": {"containers": [_container("scale")]}, "pdbSpec": {"maxUnavailable": 1}}
    second: dict[str, Any] = {
        "metadata": {"name": "inner"},
        "spec": {"containers": [_container(model, f"registry.example/{model}:1")]},
    }
    (second if scaled_model else first)["hpaSpec"] = _hpa()
    child = {"name": model, "type": "MODEL", "children": []}
    graph = {"name": "scale", "type": "TRANSFORMER", "children": [child]}
    return {"name": "main", "replicas": 1, "componentSpecs": [first, second], "graph": graph}


def _canary(uri: str) -> dict[str, Any]:
    graph = {"name": "classifier", "implementation": "SKLEARN_SERVER", "modelUri": uri}
    return {"name": "canary", "replicas": 1, "traffic": 25, "graph": graph}


def _explainer() -> dict[str, Any]:
    return {"type": "AnchorTabular", "modelUri": "gs://seldon-models/explainer"}


def seldon_deployment(namespace: str, predictors: list[dict[str, Any]], name: str = NAME) -> dict[str, Any]:
    """The manifest around predictors."""
    return {
        "apiVersion": "machinelearning.seldon.io/v1",
        "kind": "SeldonDeployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"predictors": predictors},
    }


def state_a(namespace: str) -> dict[str, Any]:
    """As it is created."""
    main = _main("classifier", scaled_model=False) | {"traffic": 75, "explainer": _explainer()}
    return seldon_deployment(namespace, [main, _canary("gs://seldon-models/sklearn/iris")])


def state_b(namespace: str) -> dict[str, Any]:
    """A renamed container, another autoscaler, another model, other weights."""
    main = _main("regressor", scaled_model=True) | {"traffic": 50, "explainer": _explainer()}
    canary = _canary("gs://seldon-models/sklearn/iris-2") | {"traffic": 50}
    keda = {"minReplicaCount": 1, "maxReplicaCount": 2, "triggers": [{"type": "cpu", "metadata": {"value": "50"}}]}
    canary["componentSpecs"] = [{"spec": {"containers": []}, "kedaSpec": keda}]
    return seldon_deployment(namespace, [main, canary])


def state_c(namespace: str) -> dict[str, Any]:
    """One predictor less, and no explainer."""
    return seldon_deployment(namespace, [_main("regressor", scaled_model=True) | {"traffic": 100}])


TRANSITIONS = {"create": state_a, "change": state_b, "remove a predictor": state_c}
"""What is applied, one after another."""
