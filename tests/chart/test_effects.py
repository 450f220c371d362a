"""Every value does what it says: each key is listed here with what it changes, or as one that changes nothing.

The first table is of the keys that change an object of the chart itself. Most keys are the controller's: the chart
hands them on in the ConfigMap `seldon-operator-values`. From that ConfigMap on, the second table shows what they change
in the objects of a SeldonDeployment, and the third one in the controller. A key that is in no table fails a test.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from seldon_core.api.values import known_keys, merge
from seldon_core.kube import Client
from seldon_core.operator.config.configuration import Configuration
from seldon_core.operator.report.events import Recorder

from .helm import ROOT, Rendered, render_chart
from .models import ENGINE, Models, manifest, models

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

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
    "certManager.enabled": (
        True,
        {DEPLOYMENT, WEBHOOK, SECRET, OWN_ROLE, "seldon-webhook-role"}
        | {"seldon-selfsigned-issuer", "seldon-webhook-ca", "seldon-serving-cert"},
    ),
    "controllerId": ("mine", {DEPLOYMENT, WEBHOOK}),
    "crd.annotations": ({"a": "b"}, {DEFINITION}),
    "crd.create": (False, {DEFINITION}),
    "gateway.enabled": (True, {MANAGER_ROLE}),
    "hostNetwork": (True, {DEPLOYMENT}),
    "image.pullPolicy": ("Always", {DEPLOYMENT}),
    "image.registry": ("mine", {DEPLOYMENT}),
    "image.repository": ("mine", {DEPLOYMENT}),
    "image.tag": ("mine", {DEPLOYMENT}),
    "istio.enabled": (True, {MANAGER_ROLE}),
    "keda.enabled": (True, {MANAGER_ROLE}),
    "kubeflow": (True, {WEBHOOK}),
    "manager.affinity": ({"nodeAffinity": {}}, {DEPLOYMENT}),
    "manager.annotations": ({"a": "b"}, {DEPLOYMENT}),
    "manager.leaderElectionID": ("mine", {OWN_ROLE}),
    "manager.containerSecurityContext": ({"runAsGroup": 1}, {DEPLOYMENT}),
    "manager.cpuLimit": (2, {DEPLOYMENT}),
    "manager.cpuRequest": ("200m", {DEPLOYMENT}),
    "manager.logLevel": ("DEBUG", {DEPLOYMENT}),
    "manager.memoryLimit": ("1Gi", {DEPLOYMENT}),
    "manager.memoryRequest": ("1Gi", {DEPLOYMENT}),
    "manager.nodeSelector": ({"zone": "a"}, {DEPLOYMENT}),
    "manager.priorityClassName": ("mine", {DEPLOYMENT}),
    "manager.replicas": (2, {DEPLOYMENT}),
    "manager.tolerations": ([{"operator": "Exists"}], {DEPLOYMENT}),
    "manager.topologySpreadConstraints": ([{"topologyKey": "zone"}], {DEPLOYMENT}),
    "managerCreateResources": (True, {CONFIG, DEPLOYMENT, OWN_ROLE, SECRET, SERVICE, WEBHOOK, "seldon-webhook-role"}),
    "managerUserID": (1000, {DEPLOYMENT}),
    "metrics.port": (9090, {DEPLOYMENT}),
    "networkPolicies.enabled": (True, {DEPLOYMENT}),
    "networkPolicies.models.enabled": (True, {MANAGER_ROLE}),
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
    "storageInitializer.serviceAccountCredentials": (False, {CREDENTIALS_ROLE, "seldon-manager-sas-rolebinding"}),
    "webhook.port": (9443, {DEPLOYMENT, SERVICE}),
}

INITIALIZER, EXPLAINER = "c-model-initializer", "iris-p-explainer"


def quantity(container: str, side: str, name: str) -> Callable[[Models], Any]:
    return lambda m: m.container(container)["resources"][side][name]


def secret_key(variable: str) -> Callable[[Models], Any]:
    """The key of the service account's secret that a variable of the initializer refers to."""

    def look(m: Models) -> Any:
        refs = {e["name"]: e.get("valueFrom", {}).get("secretKeyRef") for e in m.container(INITIALIZER).get("env", ())}
        return (refs.get(variable) or {}).get("key")

    return look


def bundle(m: Models) -> dict[str, Any]:
    """The volume with the certificates of an own authority; empty where there is none."""
    found: dict[str, Any] = next((v for v in m.pod["volumes"] if v["name"] == "seldon-ca-bundle"), {})
    return found


def headers(m: Models) -> set[str]:
    """Names of the headers that gRPC Mappings ask for."""
    return {name for each in m.all("Mapping") for name in each["spec"].get("headers", ())}


def spread(m: Models) -> Any:
    return m.pod.get("topologySpreadConstraints")


def policy(part: str) -> Callable[[Models], Any]:
    return lambda m: m.one("NetworkPolicy")["spec"].get(part)


# Path of the value, what is given, where to look among the objects of a SeldonDeployment, and what is there then.
IN_MODELS: dict[str, tuple[Any, Callable[[Models], Any], Any]] = {
    "ambassador.grpcNamespaceHeader": (True, headers, {"seldon", "namespace"}),
    "ambassador.singleNamespace": (
        True,
        lambda m: "/seldon/iris/" in [e["spec"]["prefix"] for e in m.all("Mapping")],
        True,
    ),
    "ambassador.version": ("v1", lambda m: len(m.all("Mapping")), 0),
    "credentials.gcs.gcsCredentialFileName": (
        "mine",
        lambda m: [v["secret"]["secretName"] for v in m.pod["volumes"] if "gcp" in v["name"] and "secret" in v],
        ["named"],
    ),
    "credentials.s3.s3AccessKeyIDName": ("mine", secret_key("AWS_ACCESS_KEY_ID"), "mine"),
    "credentials.s3.s3SecretAccessKeyName": ("mine", secret_key("AWS_SECRET_ACCESS_KEY"), "mine"),
    "defaultUserID": ("1000", lambda m: m.pod["securityContext"]["runAsUser"], 1000),
    "executor.fullHealthChecks": (True, lambda m: "--full_health_checks=true" in m.engine["args"], True),
    "executor.image.pullPolicy": ("Always", lambda m: m.engine["imagePullPolicy"], "Always"),
    "executor.image.registry": ("mine", lambda m: m.engine["image"].partition("/")[0], "mine"),
    "executor.image.repository": ("mine", lambda m: m.engine["image"].partition("/")[2].partition(":")[0], "mine"),
    "executor.image.tag": ("mine", lambda m: m.engine["image"].rpartition(":")[2], "mine"),
    "executor.metricsPortName": ("mine", lambda m: m.port(ENGINE, "mine"), 8000),
    "executor.mode": ("sidecar", lambda m: m.has_container(ENGINE), True),
    "executor.port": (8001, lambda m: m.port(ENGINE, "http"), 8001),
    "executor.prometheus.path": ("/mine", lambda m: m.argument("--prometheus_path"), "/mine"),
    "executor.requestLogger.defaultEndpoint": ("http://mine", lambda m: m.env(ENGINE, LOGGER), "http://mine"),
    "executor.requestLogger.workQueueSize": (1, lambda m: m.argument("--log_work_buffer_size"), "1"),
    "executor.requestLogger.writeTimeoutMs": (1, lambda m: m.argument("--log_write_timeout_ms"), "1"),
    "executor.resources.cpuLimit": ("1", quantity(ENGINE, "limits", "cpu"), "1"),
    "executor.resources.cpuRequest": ("1", quantity(ENGINE, "requests", "cpu"), "1"),
    "executor.resources.memoryLimit": ("1Gi", quantity(ENGINE, "limits", "memory"), "1Gi"),
    "executor.resources.memoryRequest": ("1Gi", quantity(ENGINE, "requests", "memory"), "1Gi"),
    "executor.serviceAccount.name": ("mine", lambda m: m.pod.get("serviceAccountName"), "mine"),
    "executor.user": (1000, lambda m: m.engine["securityContext"].get("runAsUser"), 1000),
    "explainer.image": ("mine", lambda m: m.container(EXPLAINER)["image"], "mine"),
    "explainer.image_v2": ("mine", lambda m: m.container(EXPLAINER)["image"], "mine"),
    "gateway.grpcListener": (
        "mine",
        lambda m: m.one("GRPCRoute")["spec"]["parentRefs"][0].get("sectionName"),
        "mine",
    ),
    "gateway.httpListener": (
        "mine",
        lambda m: m.one("HTTPRoute")["spec"]["parentRefs"][0].get("sectionName"),
        "mine",
    ),
    "gateway.name": ("mine", lambda m: m.one("HTTPRoute")["spec"]["parentRefs"][0]["name"], "mine"),
    "gateway.namespace": ("mine", lambda m: m.one("HTTPRoute")["spec"]["parentRefs"][0].get("namespace"), "mine"),
    "istio.gateway": ("mine/gateway", lambda m: m.one("VirtualService")["spec"]["gateways"], ["mine/gateway"]),
    "istio.tlsMode": (
        "ISTIO_MUTUAL",
        lambda m: m.one("DestinationRule")["spec"].get("trafficPolicy"),
        {"tls": {"mode": "ISTIO_MUTUAL"}},
    ),
    "manager.deploymentNameAsPrefix": (
        True,
        lambda m: m.one("Deployment")["metadata"]["name"].startswith("a-rather-long-name"),
        True,
    ),
    "modelDefaults.affinity": ({"nodeAffinity": {}}, lambda m: m.pod.get("affinity"), {"nodeAffinity": {}}),
    "modelDefaults.imagePullSecrets": (["mine"], lambda m: m.pod.get("imagePullSecrets"), [{"name": "mine"}]),
    "modelDefaults.nodeSelector": ({"gpu": "no"}, lambda m: m.pod.get("nodeSelector"), {"gpu": "no"}),
    "modelDefaults.priorityClassName": ("mine", lambda m: m.pod.get("priorityClassName"), "mine"),
    "modelDefaults.tolerations": (
        [{"operator": "Exists"}],
        lambda m: m.pod.get("tolerations"),
        [{"operator": "Exists"}],
    ),
    "modelDefaults.topologySpreadConstraints": (
        [{"topologyKey": "zone"}],
        lambda m: [each["topologyKey"] for each in spread(m) or ()],
        ["zone"],
    ),
    "networkPolicies.models.egress": (
        [{"to": [{"podSelector": {}}]}],
        lambda m: (policy("egress")(m) or [None])[-1],
        {"to": [{"podSelector": {}}]},
    ),
    "networkPolicies.models.ingressFrom": (
        [{"podSelector": {}}],
        lambda m: policy("ingress")(m)[1].get("from"),
        [{"podSelector": {}}],
    ),
    "predictiveUnit.defaultEnvSecretRefName": (
        "mine",
        lambda m: m.container(INITIALIZER).get("envFrom"),
        [{"secretRef": {"name": "mine"}}],
    ),
    "predictiveUnit.grpcPort": (9501, lambda m: m.port("c", "grpc"), 9501),
    "predictiveUnit.httpPort": (9001, lambda m: m.port("c", "http"), 9001),
    "predictiveUnit.metricsPortName": ("mine", lambda m: m.port("c", "mine"), 6000),
    "predictor_servers": (
        {"SKLEARN_SERVER": {"protocols": {"seldon": {"image": "mine", "defaultImageVersion": "1"}}}},
        lambda m: m.container("c")["image"],
        "mine:1",
    ),
    "storageInitializer.caBundle.configMapName": (
        "mine",
        lambda m: bundle(m).get("configMap"),
        {"name": "mine", "items": [{"key": "cabundle.crt", "path": "cabundle.crt"}]},
    ),
    "storageInitializer.caBundle.key": (
        "ca.crt",
        lambda m: bundle(m).get("configMap", {}).get("items"),
        [{"key": "ca.crt", "path": "cabundle.crt"}],
    ),
    "storageInitializer.caBundle.secretName": (
        "mine",
        lambda m: bundle(m).get("secret"),
        {"secretName": "mine", "items": [{"key": "cabundle.crt", "path": "cabundle.crt"}]},
    ),
    "storageInitializer.cache.claimName": (
        "mine",
        lambda m: [v["persistentVolumeClaim"] for v in m.pod["volumes"] if v["name"] == "seldon-model-cache"],
        [{"claimName": "mine"}],
    ),
    "storageInitializer.cpuLimit": ("2", quantity(INITIALIZER, "limits", "cpu"), "2"),
    "storageInitializer.cpuRequest": ("2", quantity(INITIALIZER, "requests", "cpu"), "2"),
    "storageInitializer.image": ("mine", lambda m: m.container(INITIALIZER)["image"], "mine"),
    "storageInitializer.memoryLimit": ("2Gi", quantity(INITIALIZER, "limits", "memory"), "2Gi"),
    "storageInitializer.memoryRequest": ("2Gi", quantity(INITIALIZER, "requests", "memory"), "2Gi"),
    "storageInitializer.pvc": ("mount", lambda m: m.has_container(INITIALIZER), False),
}
LOGGER = "REQUEST_LOGGER_DEFAULT_ENDPOINT"

V2 = manifest()
V2["spec"]["protocol"] = "v2"
SEPARATE = manifest()
SEPARATE["spec"]["annotations"] = {"seldon.io/engine-separate-pod": "true"}
ACCOUNT = manifest(
    graph={"name": "c", "implementation": "SKLEARN_SERVER", "modelUri": "s3://m", "serviceAccountName": "mine"}
)
SIDECAR = manifest(annotations={"seldon.io/executor-mode": "sidecar"})
CLAIM = manifest(graph={"name": "c", "implementation": "SKLEARN_SERVER", "modelUri": "pvc://claim/folder"})
SAMPLES = {
    **{path: SIDECAR for path in IN_MODELS if path.startswith("executor.") and path != "executor.mode"},
    "storageInitializer.pvc": CLAIM,
    "credentials.gcs.gcsCredentialFileName": ACCOUNT,
    "credentials.s3.s3AccessKeyIDName": ACCOUNT,
    "credentials.s3.s3SecretAccessKeyName": ACCOUNT,
    "executor.serviceAccount.name": SEPARATE,
    "explainer.image_v2": V2,
    "manager.deploymentNameAsPrefix": manifest(
        "a-rather-long-name", name="of-a-predictor-that-does-not-fit-into-63-characters"
    ),
}
"""Where it takes another SeldonDeployment to show what a value changes."""

SECTIONS = ("ambassador", "gateway", "istio", "networkPolicies.models")
"""Their values mean something where they are enabled."""

BESIDE = {"storageInitializer.caBundle.key": ("storageInitializer.caBundle.configMapName", "mine")}
"""Values that mean something beside another one."""


# Path of the value, what is given, and what the controller goes by.
IN_CONTROLLER: dict[str, tuple[Any, Callable[[Configuration], Any], Any]] = {
    "manager.leaderElectionLeaseDurationSecs": (30, lambda c: c.lease.timings.duration, 30),
    "manager.leaderElectionRenewDeadlineSecs": (12, lambda c: c.lease.timings.renew_deadline, 12),
    "manager.leaderElectionRetryPeriodSecs": (5, lambda c: c.lease.timings.retry_period, 5),
    "manager.rollout.maxConcurrent": (2, lambda c: c.rollout.max_concurrent, 2),
    "manager.takeover": ("roll", lambda c: c.rollout.takeover, "roll"),
}

# What they are for is gone; docs/values.md says so.
WITHOUT_EFFECT: dict[str, Any] = {
    "crd.forceV1": True,
    "crd.forceV1beta1": True,
    "manager.leaderElectionResourceLock": "leases",
    "usageMetrics.enabled": True,
}

# Part of an object that another value makes.
WITHIN = {
    "networkPolicies.apiServerPorts": ([8443], lambda p: [each["port"] for each in p["egress"][1]["ports"]], [8443]),
    "networkPolicies.metricsFrom": ([{"podSelector": {}}], lambda p: p["ingress"][1]["from"], [{"podSelector": {}}]),
}

# Moves every object, see test_objects.
EVERYTHING = {"namespaceOverride"}


def configuration(values: dict[str, Any], folder: Path) -> Configuration:
    """The controller's configuration, made from the file that the chart mounts; nobody is asked for it."""
    file = folder / "values.yaml"
    file.write_text(render_chart(values).one("ConfigMap", VALUES)["data"]["values.yaml"], encoding="utf-8")
    client = Client.connect(field_manager="chart", server="http://127.0.0.1:1")
    return Configuration(client, values_file=file, namespace="ns", name=CONFIG, recorder=Recorder(client))


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
    tables = (EFFECTS, IN_MODELS, IN_CONTROLLER, WITHOUT_EFFECT, WITHIN, EVERYTHING)

    assert sorted(key for table in tables for key in table) == sorted(known_keys())


@pytest.mark.parametrize("path", EFFECTS)
def test_a_value_changes_these_objects_and_no_others(path: str) -> None:
    given, names = EFFECTS[path]

    assert changed(at(path, given)) == names | {VALUES}


@pytest.mark.parametrize("path", IN_MODELS)
def test_a_value_changes_the_objects_of_models(path: str) -> None:
    given, look, expected = IN_MODELS[path]
    sample = SAMPLES.get(path, manifest())
    switches = {f"{each}.": (f"{each}.enabled", True) for each in SECTIONS} | BESIDE
    enabled = next((at(*switch) for start, switch in switches.items() if path.startswith(start)), {})

    assert look(models(enabled, sample)) != expected
    assert look(models(merge(enabled, at(path, given)), sample)) == expected
    assert changed(merge(enabled, at(path, given))) == changed(enabled) | {VALUES}


@pytest.mark.parametrize("path", IN_CONTROLLER)
def test_a_value_changes_the_controller(path: str, tmp_path: Path) -> None:
    given, look, expected = IN_CONTROLLER[path]

    assert look(configuration({}, tmp_path)) != expected
    assert look(configuration(at(path, given), tmp_path)) == expected
    assert changed(at(path, given)) == {VALUES}


@pytest.mark.parametrize("path", WITHOUT_EFFECT)
def test_a_value_without_effect_reaches_the_controller_and_the_documentation_says_so(path: str) -> None:
    given = at(path, WITHOUT_EFFECT[path])
    text = (ROOT / "docs" / "values.md").read_text(encoding="utf-8")

    assert changed(given) == {VALUES}
    assert models(given, manifest()) == models({}, manifest())
    row = next(line for line in text.splitlines() if line.startswith(f"| `{path}` |"))
    assert "ithout effect" in row or "in this release" in row


@pytest.mark.parametrize("path", WITHIN)
def test_a_value_changes_the_controllers_network_policy(path: str) -> None:
    given, look, expected = WITHIN[path]
    values = merge(at("networkPolicies.enabled", True), at(path, given))

    assert look(render_chart(values).one("NetworkPolicy")["spec"]) == expected
