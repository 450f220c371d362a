"""The controller's Deployment: selector, security, probes, and what it is told."""

from __future__ import annotations

from typing import Any

import pytest

from seldon_core import __version__

from .helm import render_chart

# Immutable on a live Deployment: an installation of Seldon Core 1.17.1 has exactly these.
SELECTOR = {
    "app": "seldon",
    "app.kubernetes.io/instance": "seldon1",
    "app.kubernetes.io/name": "seldon",
    "app.kubernetes.io/version": "v0.5",
    "control-plane": "seldon-controller-manager",
}


def pod(values: dict[str, Any] | None = None) -> dict[str, Any]:
    result: dict[str, Any] = render_chart(values).one("Deployment")["spec"]["template"]
    return result


def test_the_selector_is_the_one_of_a_running_installation() -> None:
    deployment = render_chart(release="other").one("Deployment")

    assert deployment["metadata"]["name"] == "seldon-controller-manager"
    assert deployment["spec"]["selector"]["matchLabels"] == SELECTOR
    assert deployment["spec"]["template"]["metadata"]["labels"] == SELECTOR


def test_the_pod_meets_pod_security_restricted() -> None:
    spec, container = pod()["spec"], render_chart().container()

    assert spec["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 8888,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
    }
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
    assert {kind for volume in spec["volumes"] for kind in volume} - {"name"} == {"configMap", "emptyDir"}


def test_the_containers_security_context_is_merged_at_the_container() -> None:
    mine = {"capabilities": {"add": ["NET_BIND_SERVICE"]}, "readOnlyRootFilesystem": False, "runAsGroup": 7}

    container = render_chart({"manager": {"containerSecurityContext": mine}}).container()

    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"add": ["NET_BIND_SERVICE"], "drop": ["ALL"]},
        "readOnlyRootFilesystem": False,
        "runAsGroup": 7,
        "runAsNonRoot": True,
    }
    assert "runAsGroup" not in container


@pytest.mark.parametrize(("value", "user"), [(1000680000, 1000680000), ("1000", 1000), ("", None)])
def test_the_user_of_the_pod(value: int | str, user: int | None) -> None:
    assert pod({"managerUserID": value})["spec"]["securityContext"].get("runAsUser") == user


def test_what_the_controller_is_told() -> None:
    rendered = render_chart()

    assert rendered.env() == {
        "WATCH_NAMESPACE": "",
        "CONTROLLER_ID": "",
        "SELDON_VALUES_FILE": "/etc/seldon/values.yaml",
        "SELDON_CONFIG_NAME": "seldon-config",
        "SELDON_LOG_LEVEL": "INFO",
        "WEBHOOK_PORT": "4443",
        "WEBHOOK_SERVICE_NAME": "seldon-webhook-service",
        "WEBHOOK_CONFIGURATION_NAME": "seldon-validating-webhook-configuration-seldon-system",
        "WEBHOOK_SECRET_NAME": "seldon-webhook-tls",
        "METRICS_PORT": "8080",
    }
    fields = {
        item["name"]: item["valueFrom"]["fieldRef"]["fieldPath"]
        for item in rendered.container()["env"]
        if "valueFrom" in item
    }
    assert fields == {"POD_NAME": "metadata.name", "POD_NAMESPACE": "metadata.namespace"}


def test_the_values_are_mounted_where_the_controller_reads_them() -> None:
    rendered = render_chart()
    mounts = {item["name"]: item["mountPath"] for item in rendered.container()["volumeMounts"]}
    volume = next(item for item in pod()["spec"]["volumes"] if item["name"] == "values")

    (key,) = rendered.one("ConfigMap", volume["configMap"]["name"])["data"]
    assert f"{mounts['values']}/{key}" == rendered.env()["SELDON_VALUES_FILE"]
    assert mounts["tmp"] == "/tmp"  # noqa: S108  # the path in the container


def test_a_single_namespace_is_watched() -> None:
    rendered = render_chart({"singleNamespace": True, "namespaceOverride": "mine"})

    assert rendered.env()["WATCH_NAMESPACE"] == "mine"


def test_the_pod_is_ready_when_it_says_so_on_the_metrics_port() -> None:
    container = render_chart({"metrics": {"port": 9090}}).container()

    for probe, path in (("startupProbe", "/healthz"), ("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")):
        assert container[probe]["httpGet"] == {"path": path, "port": "metrics"}
    assert {"name": "metrics", "containerPort": 9090, "protocol": "TCP"} in container["ports"]
    assert pod({"metrics": {"port": 9090}})["metadata"]["annotations"]["prometheus.io/port"] == "9090"


def test_the_webhook_answers_throughout_an_upgrade() -> None:
    strategy = render_chart().one("Deployment")["spec"]["strategy"]

    assert strategy == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}


def test_on_the_nodes_network_the_old_pod_gives_way_because_the_ports_are_the_nodes() -> None:
    deployment = render_chart({"hostNetwork": True}).one("Deployment")

    assert deployment["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": 1}
    assert deployment["spec"]["template"]["spec"]["dnsPolicy"] == "ClusterFirstWithHostNet"


def test_changed_values_restart_the_controller_and_a_changed_live_configuration_does_not() -> None:
    def checksum(values: dict[str, Any]) -> str:
        result: str = pod(values)["metadata"]["annotations"]["checksum/values"]
        return result

    assert checksum({}) != checksum({"executor": {"port": 8001}})
    assert "checksum/config" not in pod()["metadata"]["annotations"]


@pytest.mark.parametrize(
    ("values", "image"),
    [
        ({}, f"localhost/seldon-core/operator:{__version__}"),
        ({"global": {"imageRegistry": "r.example.com/x/"}}, f"r.example.com/x/seldon-core/operator:{__version__}"),
        (
            {"global": {"imageRegistry": "r.example.com"}, "image": {"registry": "docker.io"}},
            f"docker.io/seldon-core/operator:{__version__}",
        ),
        ({"image": {"registry": "", "repository": "me/op", "tag": "7"}}, "me/op:7"),
        # A tag with a digest pins the content.
        (
            {"global": {"imageRegistry": "r.example.com"}, "image": {"tag": f"7@sha256:{64 * 'a'}"}},
            f"r.example.com/seldon-core/operator:7@sha256:{64 * 'a'}",
        ),
    ],
)
def test_the_image(values: dict[str, Any], image: str) -> None:
    assert render_chart(values).container()["image"] == image


def test_pull_secrets_by_name_or_as_references() -> None:
    secrets = [{"name": "one"}, "two"]

    assert pod({"global": {"imagePullSecrets": secrets}})["spec"]["imagePullSecrets"] == [
        {"name": "one"},
        {"name": "two"},
    ]


@pytest.mark.parametrize("user", [0, "0"])
def test_a_controller_that_shall_be_root_can_start(user: Any) -> None:
    spec, container = pod({"managerUserID": user})["spec"], render_chart({"managerUserID": user}).container()

    assert spec["securityContext"] | {"runAsUser": 0, "runAsNonRoot": False} == spec["securityContext"]
    assert container["securityContext"]["runAsNonRoot"] is False


def test_more_than_one_pod_have_a_budget_and_are_spread() -> None:
    rendered = render_chart({"manager": {"replicas": 3}})

    assert rendered.one("Deployment")["spec"]["replicas"] == 3
    budget = rendered.one("PodDisruptionBudget")["spec"]
    assert budget == {"maxUnavailable": 1, "selector": {"matchLabels": SELECTOR}}
    assert pod({"manager": {"replicas": 3}})["spec"]["topologySpreadConstraints"] == [
        {
            "maxSkew": 1,
            "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": SELECTOR},
        }
    ]


def test_a_single_pod_has_no_budget_that_could_only_block_a_drain() -> None:
    assert not [item for item in render_chart().objects if item["kind"] == "PodDisruptionBudget"]
    assert "topologySpreadConstraints" not in pod()["spec"]


def test_ones_own_placement_takes_the_place_of_the_default() -> None:
    mine = {"maxSkew": 2, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}
    other = mine | {"labelSelector": {"matchLabels": {"a": "b"}}}
    values = {"replicas": 2, "topologySpreadConstraints": [mine, other]}

    spread = pod({"manager": values})["spec"]["topologySpreadConstraints"]

    assert spread == [mine | {"labelSelector": {"matchLabels": SELECTOR}}, other]
    affinity = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": []}}
    spec = pod({"manager": {"replicas": 2, "affinity": affinity}})["spec"]
    assert "topologySpreadConstraints" not in spec
    assert spec["affinity"] == affinity


def test_the_controllers_network_policy_lets_in_and_out_what_it_needs() -> None:
    values = {"networkPolicies": {"enabled": True}, "webhook": {"port": 9443}, "metrics": {"port": 9090}}
    policy = render_chart(values).one("NetworkPolicy")["spec"]

    assert policy["podSelector"] == {"matchLabels": SELECTOR}
    assert policy["policyTypes"] == ["Egress", "Ingress"]
    assert policy["ingress"] == [
        {"ports": [{"port": 9443, "protocol": "TCP"}]},
        {"ports": [{"port": 9090, "protocol": "TCP"}]},
    ]
    assert [[port["port"] for port in rule["ports"]] for rule in policy["egress"]] == [[53, 53], [443, 6443]]
