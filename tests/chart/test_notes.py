"""NOTES: a next step that can be pasted, and a line on each value that does less than one might think."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from seldon_core.api.decode import load
from seldon_core.api.validation import validate
from seldon_core.api.values import load_values
from seldon_core.operator.render.config import from_values

from .helm import notes

QUIET = "Please note:"


def manifest(text: str) -> dict[str, Any]:
    found = re.search(r"<<EOF\n(.*?)\nEOF\n", text, re.DOTALL)
    assert found
    result: dict[str, Any] = yaml.safe_load(found[1])
    return result


def test_the_next_step_is_a_deployment_that_is_accepted() -> None:
    example = load(manifest(notes()))

    assert validate(example, from_values(load_values({})).predictor_servers) == ()
    assert example.spec.predictors[0].graph.model_uri == "s3://sklearn/iris"


def test_the_next_step_fits_the_installation() -> None:
    text = notes(namespace="mine")

    assert "rollout status deployment/seldon-controller-manager --namespace mine" in text
    assert "kubectl apply --namespace default" in text
    assert "port-forward service/iris-default --namespace default 8003:8000" in text
    assert "http://localhost:8003/api/v1.0/predictions" in text
    assert "labels" not in manifest(text)["metadata"]


def test_the_next_step_fits_a_controller_of_one_namespace_and_one_id() -> None:
    text = notes({"singleNamespace": True, "controllerId": "me", "executor": {"port": 8001}}, namespace="mine")

    assert "kubectl apply --namespace mine" in text
    assert "--namespace mine 8003:8001" in text
    assert manifest(text)["metadata"]["labels"] == {"seldon.io/controller-id": "me"}


def test_a_gateway_gives_a_further_step() -> None:
    text = notes({"gateway": {"enabled": True, "name": "mine", "namespace": "edge"}})

    assert "\n5. The same through the Gateway edge/mine" in text
    assert "kubectl get gateway mine --namespace edge -o jsonpath='{.status.addresses[0].value}'" in text
    assert "/seldon/default/iris/api/v1.0/predictions" in text
    assert "gateway.namespace is empty" not in text
    assert "Gateway" not in notes()


def test_a_gateway_without_a_namespace_is_that_of_the_models() -> None:
    text = notes({"gateway": {"enabled": True}, "singleNamespace": True}, namespace="mine")

    assert "kubectl get gateway seldon-gateway --namespace mine " in text
    assert "/seldon/mine/iris/" in text
    assert "gateway.namespace is empty" in text


def test_the_defaults_give_no_warning() -> None:
    assert QUIET not in notes()


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"usageMetrics": {"enabled": True}}, "- usageMetrics.enabled: without effect"),
        ({"manager": {"leaderElectionResourceLock": "x"}}, "- manager.leaderElectionResourceLock: without effect"),
        (
            {
                "engine": {"port": 1, "user": None},
                "predictor_servers": {"MINE": {"rest": {"image": "x"}, "protocols": {}}},
            },
            "- Keys of older releases without a meaning today: engine.port, predictor_servers.MINE.rest.image.\n",
        ),
    ],
)
def test_a_value_that_does_less_than_one_might_think_is_named(values: dict[str, Any], line: str) -> None:
    warnings = notes(values).partition(QUIET)[2]

    assert f"\n{line}" in warnings
    assert warnings.count("\n- ") == 1


def test_the_former_name_of_the_default_secret_gives_no_warning() -> None:
    assert QUIET not in notes({"executor": {"defaultEnvSecretRefName": "mine"}})
