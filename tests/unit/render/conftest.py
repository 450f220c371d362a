"""Builders for rendering: a manifest in, objects out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from seldon_core.api.decode import load
from seldon_core.api.values import load_values
from seldon_core.operator.render import Rendered, render
from seldon_core.operator.render.config import OperatorConfig, from_values
from seldon_core.operator.render.facts import NO_FACTS, Facts


@dataclass(frozen=True)
class Result:
    """Rendered objects with short ways to the ones that tests ask about."""

    rendered: Rendered

    def named(self, kind: str, name: str) -> dict[str, Any]:
        (found,) = [o for o in self.rendered.objects if o["kind"] == kind and o["metadata"]["name"] == name]
        return found

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        return [o for o in self.rendered.objects if o["kind"] == kind]

    def pod(self, name: str = "") -> dict[str, Any]:
        deployments = [o for o in self.of_kind("Deployment") if name in {"", o["metadata"]["name"]}]
        pod: dict[str, Any] = deployments[0]["spec"]["template"]["spec"]
        return pod

    def container(self, name: str) -> dict[str, Any]:
        pods = [o["spec"]["template"]["spec"] for o in self.of_kind("Deployment")]
        every = [c for pod in pods for c in [*pod["containers"], *pod.get("initContainers", ())]]
        return next(c for c in every if c["name"] == name)

    def env(self, container: str) -> list[tuple[str, Any]]:
        return [(e["name"], e.get("value", e.get("valueFrom"))) for e in self.container(container).get("env", ())]


Build = Callable[..., Result]


def manifest(*predictors: dict[str, Any], metadata: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "machinelearning.seldon.io/v1",
        "kind": "SeldonDeployment",
        "metadata": {"name": "m", "namespace": "ns", **(metadata or {})},
        "spec": {"predictors": list(predictors), **spec},
    }


SIDECAR = {"executor": {"mode": "sidecar"}}
"""What v1.17.1 renders is compared in this mode; test_embedded.py is about the others."""


def with_sidecar(values: dict[str, Any]) -> dict[str, Any]:
    return {**values, "executor": {**SIDECAR["executor"], **values.get("executor", {})}}


@pytest.fixture
def config() -> OperatorConfig:
    return from_values(load_values(SIDECAR))


@pytest.fixture
def build(config: OperatorConfig) -> Build:
    """`build(predictor, ..., values={...}, facts=..., **spec)` renders a SeldonDeployment `m` in namespace `ns`."""

    def run(*predictors: dict[str, Any], values: Any = None, facts: Facts = NO_FACTS, **more: Any) -> Result:
        settings = from_values(load_values(with_sidecar(values))) if values else config
        return Result(render(load(manifest(*predictors, **more)), settings, facts))

    return run


@pytest.fixture
def iris() -> dict[str, Any]:
    """The predictor of the smallest prepackaged server."""
    graph = {
        "name": "classifier",
        "implementation": "SKLEARN_SERVER",
        "modelUri": "s3://iris",
        "envSecretRefName": "seldon-rclone-secret",
    }
    return {"name": "default", "replicas": 1, "graph": graph}
