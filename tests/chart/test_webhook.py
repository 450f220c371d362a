"""The webhook: reachable where the configuration says, asked about each version, free of what the controller writes."""

from __future__ import annotations

from typing import Any

import pytest

from .helm import render_chart


def webhook(values: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
    configuration = render_chart(values, **options).one("ValidatingWebhookConfiguration")
    assert len(configuration["webhooks"]) == 1
    result: dict[str, Any] = configuration["webhooks"][0]
    return result


def test_what_is_asked_about() -> None:
    asked = webhook()

    assert asked["name"] == "v1.vseldondeployment.kb.io"
    assert asked["rules"] == [
        {
            "apiGroups": ["machinelearning.seldon.io"],
            "apiVersions": ["v1", "v1alpha2", "v1alpha3"],
            "operations": ["CREATE", "UPDATE"],
            "resources": ["seldondeployments"],
            "scope": "Namespaced",
        }
    ]
    assert (asked["failurePolicy"], asked["matchPolicy"], asked["sideEffects"]) == ("Fail", "Equivalent", "None")
    assert asked["timeoutSeconds"] == 10


def test_the_versions_asked_about_are_those_that_the_definition_serves() -> None:
    served = [item["name"] for item in render_chart().one("CustomResourceDefinition")["spec"]["versions"]]

    assert set(webhook()["rules"][0]["apiVersions"]) == set(served)


def test_the_authority_and_the_certificate_are_the_controllers_own() -> None:
    secret = render_chart().one("Secret")

    assert "caBundle" not in webhook()["clientConfig"]
    assert not {"data", "stringData"} & set(secret)
    # A Secret of the type kubernetes.io/tls cannot be made without data.
    assert secret["type"] == "Opaque"


def test_the_controller_is_told_the_same_names() -> None:
    rendered = render_chart(namespace="one")
    env = rendered.env()

    assert env["WEBHOOK_CONFIGURATION_NAME"] == rendered.one("ValidatingWebhookConfiguration")["metadata"]["name"]
    assert env["WEBHOOK_SERVICE_NAME"] == rendered.one("Service")["metadata"]["name"]
    assert env["WEBHOOK_SERVICE_NAME"] == webhook(namespace="one")["clientConfig"]["service"]["name"]
    assert env["WEBHOOK_SECRET_NAME"] == rendered.one("Secret")["metadata"]["name"]
    assert webhook()["clientConfig"]["service"]["path"] == "/validate-machinelearning-seldon-io-v1-seldondeployment"


def test_the_service_leads_to_the_controllers_pod() -> None:
    rendered = render_chart({"webhook": {"port": 9443}})
    service = rendered.one("Service")["spec"]

    assert service["selector"] == rendered.one("Deployment")["spec"]["template"]["metadata"]["labels"]
    assert [(port["port"], port["targetPort"]) for port in service["ports"]] == [(443, 9443)]
    assert webhook()["clientConfig"]["service"]["port"] == 443
    assert rendered.env()["WEBHOOK_PORT"] == "9443"
    assert {"name": "webhook-server", "containerPort": 9443, "protocol": "TCP"} in rendered.container()["ports"]


NO_ID = {"matchExpressions": [{"key": "seldon.io/controller-id", "operator": "DoesNotExist"}]}


@pytest.mark.parametrize(
    ("values", "namespaces", "objects"),
    [
        ({}, NO_ID, NO_ID),
        ({"controllerId": "mine"}, NO_ID, {"matchLabels": {"seldon.io/controller-id": "mine"}}),
        ({"singleNamespace": True}, {"matchLabels": {"kubernetes.io/metadata.name": "seldon-system"}}, NO_ID),
        (
            {"kubeflow": True},
            NO_ID | {"matchLabels": {"serving.kubeflow.org/inferenceservice": "enabled"}},
            NO_ID,
        ),
    ],
)
def test_whose_deployments_are_asked_about(
    values: dict[str, Any], namespaces: dict[str, Any], objects: dict[str, Any]
) -> None:
    asked = webhook(values)

    assert (asked["namespaceSelector"], asked["objectSelector"]) == (namespaces, objects)
