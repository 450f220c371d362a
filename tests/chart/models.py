"""What the controller makes of the chart's values: the ConfigMap that Helm renders, read as the controller reads it."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import yaml

from seldon_core.api.decode import load
from seldon_core.api.values import Values, load_values
from seldon_core.operator.render import render
from seldon_core.operator.render.config import from_values
from seldon_core.operator.render.facts import Facts, SecretFacts, ServiceAccountFacts

from .helm import render_chart

ENGINE = "seldon-container-engine"
# Secrets of a model's service account, whose keys some values name.
KEYS = ("awsAccessKeyID", "awsSecretAccessKey", "gcloud-application-credentials.json")
FACTS = Facts(
    service_accounts={
        "mine": ServiceAccountFacts(
            secrets=tuple(
                SecretFacts(name=name, keys=frozenset(keys), annotations={})
                for name, keys in (("released", KEYS), ("named", ("mine",)))
            )
        )
    }
)


def controllers_values(values: dict[str, Any] | None = None) -> Values:
    """The values that the controller is given."""
    text = render_chart(values).one("ConfigMap", "seldon-operator-values")["data"]["values.yaml"]
    return load_values(yaml.safe_load(text), merged=True)


@dataclass(frozen=True)
class Models:
    """The objects of a SeldonDeployment under the chart's values, with short ways to what tests ask about."""

    objects: tuple[dict[str, Any], ...]

    def one(self, kind: str, index: int = 0) -> dict[str, Any]:
        return self.all(kind)[index]

    def all(self, kind: str) -> list[dict[str, Any]]:
        return [each for each in self.objects if each["kind"] == kind]

    @property
    def pod(self) -> dict[str, Any]:
        result: dict[str, Any] = self.one("Deployment")["spec"]["template"]["spec"]
        return result

    def container(self, name: str) -> dict[str, Any]:
        return next(
            each
            for deployment in self.all("Deployment")
            for pod in [deployment["spec"]["template"]["spec"]]
            for each in [*pod["containers"], *pod.get("initContainers", ())]
            if each["name"] == name
        )

    def has_container(self, name: str) -> bool:
        """Whether a pod has it, to run or to start with."""
        pods = [deployment["spec"]["template"]["spec"] for deployment in self.all("Deployment")]
        return name in {each["name"] for pod in pods for each in [*pod["containers"], *pod.get("initContainers", ())]}

    @property
    def engine(self) -> dict[str, Any]:
        return self.container(ENGINE)

    def argument(self, name: str) -> str:
        """What the orchestrator is told."""
        arguments = self.engine["args"]
        result: str = arguments[arguments.index(name) + 1]
        return result

    def env(self, container: str, name: str) -> str | None:
        variables = {each["name"]: each.get("value") for each in self.container(container).get("env", ())}
        return variables.get(name)

    def port(self, container: str, name: str) -> int | None:
        ports = {each["name"]: each["containerPort"] for each in self.container(container).get("ports", ())}
        return ports.get(name)


def manifest(named: str = "iris", **predictor: Any) -> dict[str, Any]:
    """A SeldonDeployment: a prepackaged server and an explainer, so that most values have something to change."""
    return {
        "apiVersion": "machinelearning.seldon.io/v1",
        "kind": "SeldonDeployment",
        "metadata": {"name": named, "namespace": "ns"},
        "spec": {
            "predictors": [
                {
                    "name": "p",
                    "graph": {"name": "c", "implementation": "SKLEARN_SERVER", "modelUri": "s3://m"},
                    "explainer": {"type": "AnchorTabular"},
                }
                | predictor
            ]
        },
    }


def models(values: dict[str, Any], sample: dict[str, Any]) -> Models:
    """The objects that the controller makes of a SeldonDeployment under the values that Helm was given."""
    return Models(render(load(copy.deepcopy(sample)), from_values(controllers_values(values)), FACTS).objects)
