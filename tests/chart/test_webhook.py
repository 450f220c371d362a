"""The webhook: reachable where the configuration says, asked about each version, free of what the controller writes."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from seldon_core.operator.config import ownobjects, settings

from .helm import Rendered, render_chart


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


def certificate_folder(rendered: Rendered) -> tuple[str, str]:
    """Where the controller reads a certificate that it is given, and the Secret that is mounted there."""
    spec = rendered.one("Deployment")["spec"]["template"]["spec"]
    mounts = {item["name"]: item["mountPath"] for item in rendered.container()["volumeMounts"]}
    (volume,) = [item for item in spec["volumes"] if "secret" in item]
    assert "optional" not in volume["secret"]  # the pod waits for it
    return mounts[volume["name"]], volume["secret"]["secretName"]


def test_cert_manager_makes_the_certificate_that_the_controller_reads() -> None:
    rendered = render_chart({"certManager": {"enabled": True}}, namespace="one")
    certificate = rendered.one("Certificate", "seldon-serving-cert")["spec"]
    folder, secret = certificate_folder(rendered)

    assert rendered.env()["WEBHOOK_CERTIFICATE_FOLDER"] == folder
    assert "WEBHOOK_SECRET_NAME" not in rendered.env()
    assert certificate["secretName"] == secret == "seldon-webhook-server-cert"
    service = rendered.one("Service")["metadata"]["name"]
    assert f"{service}.one.svc" in certificate["dnsNames"]
    assert "server auth" in certificate["usages"]
    assert not [item for item in rendered.objects if item["kind"] == "Secret"]


def test_the_webhook_trusts_the_authority_of_that_certificate() -> None:
    rendered = render_chart({"certManager": {"enabled": True}}, namespace="one")
    authority = rendered.one("Certificate", "seldon-webhook-ca")["spec"]
    issuers = {item["metadata"]["name"]: item["spec"] for item in rendered.objects if item["kind"] == "Issuer"}

    annotations = rendered.one("ValidatingWebhookConfiguration")["metadata"]["annotations"]
    assert annotations == {"cert-manager.io/inject-ca-from": "one/seldon-serving-cert"}
    # A renewed server certificate is of the same authority, which the API server trusts already.
    issuer = rendered.one("Certificate", "seldon-serving-cert")["spec"]["issuerRef"]["name"]
    assert issuers[issuer] == {"ca": {"secretName": authority["secretName"]}}
    assert issuers[authority["issuerRef"]["name"]] == {"selfSigned": {}}
    assert authority["isCA"] is True


def test_without_cert_manager_nothing_of_it_is_there() -> None:
    assert not [item for item in render_chart().objects if item["apiVersion"].startswith("cert-manager.io")]


@pytest.mark.parametrize("cert_manager", [False, True])
def test_what_the_controller_makes_for_itself_is_what_the_chart_makes_otherwise(*, cert_manager: bool) -> None:
    values = {"certManager": {"enabled": cert_manager}}
    of_chart = {(item["kind"], item["metadata"]["name"]): item for item in render_chart(values).objects}
    rendered = render_chart(values | {"managerCreateResources": True})

    made = ownobjects.read_text(rendered.one("ConfigMap", "seldon-operator-values")["data"]["resources.yaml"])

    names = {(item["kind"], item["metadata"]["name"]) for item in made}
    assert names == of_chart.keys() - rendered.names()
    assert {kind for kind, _ in names} - {"Secret"} == {"ConfigMap", "Service", "ValidatingWebhookConfiguration"}
    for item in made:
        twin = copy.deepcopy(of_chart[item["kind"], item["metadata"]["name"]])
        extra = {"meta.helm.sh/release-name": "seldon-core", "meta.helm.sh/release-namespace": "seldon-system"}
        twin["metadata"]["annotations"] = twin["metadata"].get("annotations", {}) | extra
        twin["metadata"]["ownerReferences"] = item["metadata"]["ownerReferences"]
        assert item == twin
    assert rendered.env()["SELDON_RESOURCES_FILE"] == "/etc/seldon/resources.yaml"
    assert "SELDON_RESOURCES_FILE" not in render_chart(values).env()


def test_names_that_the_controller_takes_where_it_is_told_none_are_the_charts() -> None:
    told = render_chart().env()
    given = settings.from_env({})

    assert (given.webhook_secret, given.webhook_service) == (told["WEBHOOK_SECRET_NAME"], told["WEBHOOK_SERVICE_NAME"])
    assert (given.config_name, str(given.values_file)) == (told["SELDON_CONFIG_NAME"], told["SELDON_VALUES_FILE"])
    assert (str(given.webhook_port), str(given.metrics_port)) == (told["WEBHOOK_PORT"], told["METRICS_PORT"])


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
