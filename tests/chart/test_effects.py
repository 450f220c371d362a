"""Every value does what it says: each key is listed here with what it changes, or with the reason why nothing changes.

Most keys are the controller's: the chart hands them on in the ConfigMap `seldon-operator-values`, and what it makes of
them is tested in its own room. The first table below is of the keys that change an object of the chart itself.
"""

from __future__ import annotations

from typing import Any

import pytest

from seldon_core.api.values import known_keys

from .helm import Rendered, render_chart
from .test_config import controllers_values

# Path of the value, what is given, and the objects (kind, name) that it changes.
CONFIG, DEPLOYMENT, WEBHOOK = "seldon-config", "seldon-controller-manager", "seldon-validating-webhook-configuration"
MANAGER_ROLE, CREDENTIALS_ROLE, OWN_ROLE = (
    "seldon-manager-role",
    "seldon-manager-sas-role",
    "seldon-leader-election-role",
)
BINDINGS = {
    "seldon-leader-election-rolebinding",
    "seldon-manager-rolebinding",
    "seldon-manager-sas-rolebinding",
    "seldon-webhook-rolebinding",
}
ROLES = {MANAGER_ROLE, CREDENTIALS_ROLE, OWN_ROLE, "seldon-webhook-role"}
DEFINITION, ACCOUNT = "seldondeployments.machinelearning.seldon.io", "seldon-manager"
SECRET, SERVICE, VALUES = "seldon-webhook-tls", "seldon-webhook-service", "seldon-operator-values"
SINGLE = {
    "seldon1-manager-role",
    "seldon1-manager-sas-role",
    "seldon1-manager-rolebinding",
    "seldon1-manager-sas-rolebinding",
}

EFFECTS: dict[str, tuple[Any, set[str]]] = {
    "global.imageRegistry": ("registry.example.com", {DEPLOYMENT}),
    "global.imagePullSecrets": (["mine"], {DEPLOYMENT}),
    "ambassador.enabled": (True, {MANAGER_ROLE}),
    "controllerId": ("mine", {DEPLOYMENT, WEBHOOK}),
    "crd.annotations": ({"a": "b"}, {DEFINITION}),
    "crd.create": (False, {DEFINITION}),
    "credentials.gcs.gcsCredentialFileName": ("mine", {CONFIG}),
    "credentials.s3.s3AccessKeyIDName": ("mine", {CONFIG}),
    "credentials.s3.s3SecretAccessKeyName": ("mine", {CONFIG}),
    "explainer.image": ("mine", {CONFIG}),
    "explainer.image_v2": ("mine", {CONFIG}),
    "gateway.enabled": (True, {MANAGER_ROLE}),
    "hostNetwork": (True, {DEPLOYMENT}),
    "image.pullPolicy": ("Always", {DEPLOYMENT}),
    "image.registry": ("mine", {DEPLOYMENT}),
    "image.repository": ("mine", {DEPLOYMENT}),
    "image.tag": ("mine", {DEPLOYMENT}),
    "istio.enabled": (True, {MANAGER_ROLE}),
    "keda.enabled": (True, {MANAGER_ROLE}),
    "kubeflow": (True, {WEBHOOK}),
    "manager.annotations": ({"a": "b"}, {DEPLOYMENT}),
    "manager.leaderElectionID": ("mine", {OWN_ROLE}),
    "manager.containerSecurityContext": ({"runAsGroup": 1}, {DEPLOYMENT}),
    "manager.cpuLimit": (2, {DEPLOYMENT}),
    "manager.cpuRequest": ("200m", {DEPLOYMENT}),
    "manager.logLevel": ("DEBUG", {DEPLOYMENT}),
    "manager.memoryLimit": ("1Gi", {DEPLOYMENT}),
    "manager.memoryRequest": ("1Gi", {DEPLOYMENT}),
    "manager.priorityClassName": ("mine", {DEPLOYMENT}),
    "managerUserID": (1000, {DEPLOYMENT}),
    "metrics.port": (9090, {DEPLOYMENT}),
    "predictor_servers": ({"MINE": {}}, {CONFIG}),
    "rbac.configmap.create": (False, {CREDENTIALS_ROLE, "seldon-manager-sas-rolebinding"}),
    "rbac.create": (False, ROLES | BINDINGS),
    "serviceAccount.create": (False, {ACCOUNT}),
    "serviceAccount.name": ("mine", {ACCOUNT, "mine", DEPLOYMENT} | BINDINGS),
    "singleNamespace": (
        True,
        SINGLE
        | {DEPLOYMENT, WEBHOOK, MANAGER_ROLE, CREDENTIALS_ROLE}
        | {"seldon-manager-rolebinding", "seldon-manager-sas-rolebinding"},
    ),
    "storageInitializer.cpuLimit": ("2", {CONFIG}),
    "storageInitializer.cpuRequest": ("2", {CONFIG}),
    "storageInitializer.image": ("mine", {CONFIG}),
    "storageInitializer.memoryLimit": ("2Gi", {CONFIG}),
    "storageInitializer.memoryRequest": ("2Gi", {CONFIG}),
    "storageInitializer.serviceAccountCredentials": (False, {CREDENTIALS_ROLE, "seldon-manager-sas-rolebinding"}),
    "webhook.port": (9443, {DEPLOYMENT, SERVICE}),
}

# Path of the value and what is given: changes what the controller reads, and no other object.
FOR_THE_CONTROLLER: dict[str, Any] = {
    "ambassador.grpcNamespaceHeader": True,
    "ambassador.singleNamespace": True,
    "ambassador.version": "v1",
    "certManager.enabled": True,
    "crd.forceV1": True,
    "crd.forceV1beta1": True,
    "defaultUserID": "1000",
    "executor.fullHealthChecks": True,
    "executor.image.pullPolicy": "Always",
    "executor.image.registry": "mine",
    "executor.image.repository": "mine",
    "executor.image.tag": "mine",
    "executor.metricsPortName": "mine",
    "executor.mode": "sidecar",
    "executor.port": 8001,
    "executor.prometheus.path": "/mine",
    "executor.requestLogger.defaultEndpoint": "http://mine",
    "executor.requestLogger.workQueueSize": 1,
    "executor.requestLogger.writeTimeoutMs": 1,
    "executor.resources.cpuLimit": "1",
    "executor.resources.cpuRequest": "1",
    "executor.resources.memoryLimit": "1Gi",
    "executor.resources.memoryRequest": "1Gi",
    "executor.serviceAccount.name": "mine",
    "executor.user": 1000,
    "gateway.name": "mine",
    "gateway.namespace": "mine",
    "istio.gateway": "mine/gateway",
    "istio.tlsMode": "ISTIO_MUTUAL",
    "manager.deploymentNameAsPrefix": True,
    "manager.leaderElectionLeaseDurationSecs": 30,
    "manager.leaderElectionRenewDeadlineSecs": 20,
    "manager.leaderElectionResourceLock": "leases",
    "manager.leaderElectionRetryPeriodSecs": 5,
    "managerCreateResources": True,
    "predictiveUnit.defaultEnvSecretRefName": "mine",
    "predictiveUnit.grpcPort": 9501,
    "predictiveUnit.httpPort": 9001,
    "predictiveUnit.metricsPortName": "mine",
    "usageMetrics.enabled": True,
}

# Moves every object, see test_objects.
EVERYTHING = {"namespaceOverride"}


def at(path: str, value: Any) -> dict[str, Any]:
    for name in reversed(path.split(".")):
        value = {name: value}
    result: dict[str, Any] = value
    return result


def by_name(rendered: Rendered) -> dict[str, Any]:
    """Objects by kind and name; the checksum of the values, which every value changes, is left out."""
    found: dict[str, Any] = {}
    for item in rendered.objects:
        name = item["metadata"]["name"].removesuffix("-seldon-system")
        if item["kind"] == "Deployment":
            annotations = item["spec"]["template"]["metadata"]["annotations"]
            kept = {key: value for key, value in annotations.items() if key != "checksum/values"}
            template = item["spec"]["template"] | {"metadata": {"annotations": kept}}
            item = item | {"spec": item["spec"] | {"template": template}}  # noqa: PLW2901  # what is compared
        found[f"{item['kind']}/{name}"] = item
    return found


def changed(values: dict[str, Any]) -> set[str]:
    before, after = by_name(render_chart()), by_name(render_chart(values))
    return {key.partition("/")[2] for key in before.keys() | after.keys() if before.get(key) != after.get(key)}


def test_every_key_is_listed() -> None:
    assert EFFECTS.keys() | FOR_THE_CONTROLLER.keys() | EVERYTHING == set(known_keys())


@pytest.mark.parametrize("path", EFFECTS)
def test_a_value_changes_these_objects_and_no_others(path: str) -> None:
    given, names = EFFECTS[path]

    assert changed(at(path, given)) == names | {VALUES}


@pytest.mark.parametrize("path", FOR_THE_CONTROLLER)
def test_a_value_of_the_controllers_reaches_it(path: str) -> None:
    values = at(path, FOR_THE_CONTROLLER[path])

    assert changed(values) == {VALUES}
    assert controllers_values(values) != controllers_values({})
