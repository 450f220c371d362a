"""The chart's objects as a whole: valid on every Kubernetes that is supported, named and labelled as they must be."""

from __future__ import annotations

from typing import Any

import kubernetes_validate
import pytest

from .helm import CHART, ROOT, HelmFailed, _render, render_chart, run_helm

KUBERNETES = ("1.29", "1.30", "1.31", "1.32", "1.33", "1.34")
VARIANTS: tuple[dict[str, Any], ...] = (
    {},
    {"singleNamespace": True},
    {"controllerId": "mine", "kubeflow": True},
    {"namespaceOverride": "elsewhere"},
    {
        "hostNetwork": True,
        "managerUserID": "",
        "crd": {"annotations": {"a": "b"}},
        "global": {"imagePullSecrets": [{"name": "one"}, "two"], "imageRegistry": "registry.example.com"},
        "manager": {
            "annotations": {"c": "d"},
            "containerSecurityContext": {"capabilities": {"add": ["NET_BIND_SERVICE"]}},
            "priorityClassName": "system-cluster-critical",
        },
    },
    {"certManager": {"enabled": True}},
    {"managerCreateResources": True},
    {
        "manager": {
            "replicas": 2,
            "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": []}},
            "nodeSelector": {"zone": "a"},
            "tolerations": [{"operator": "Exists"}],
            "topologySpreadConstraints": [
                {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"},
            ],
        },
        "networkPolicies": {"enabled": True, "metricsFrom": [{"namespaceSelector": {}}], "models": {"enabled": True}},
    },
)


@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize("values", VARIANTS)
def test_every_object_is_valid_kubernetes(values: dict[str, Any], version: str) -> None:
    for item in render_chart(values, kube_version=f"{version}.0").objects:
        if not item["apiVersion"].startswith("cert-manager.io/"):  # not Kubernetes' own
            kubernetes_validate.validate(item, version, strict=True)


def test_the_default_objects() -> None:
    assert render_chart().names() == {
        ("ClusterRole", "seldon-manager-role-seldon-system"),
        ("ClusterRole", "seldon-manager-sas-role-seldon-system"),
        ("ClusterRole", "seldon-webhook-role-seldon-system"),
        ("ClusterRoleBinding", "seldon-manager-rolebinding-seldon-system"),
        ("ClusterRoleBinding", "seldon-manager-sas-rolebinding-seldon-system"),
        ("ClusterRoleBinding", "seldon-webhook-rolebinding-seldon-system"),
        ("ConfigMap", "seldon-config"),
        ("ConfigMap", "seldon-operator-values"),
        ("CustomResourceDefinition", "seldondeployments.machinelearning.seldon.io"),
        ("Deployment", "seldon-controller-manager"),
        ("Role", "seldon-leader-election-role"),
        ("RoleBinding", "seldon-leader-election-rolebinding"),
        ("Secret", "seldon-webhook-tls"),
        ("Service", "seldon-webhook-service"),
        ("ServiceAccount", "seldon-manager"),
        ("ValidatingWebhookConfiguration", "seldon-validating-webhook-configuration-seldon-system"),
    }


def test_rendering_again_gives_the_same_bytes() -> None:
    first = render_chart().text
    _render.cache_clear()

    assert render_chart().text == first


@pytest.mark.parametrize("release", ["seldon-core", "r", "r" * 53])
def test_no_name_depends_on_the_release(release: str) -> None:
    rendered = render_chart(release=release)

    assert rendered.names() == render_chart().names()
    assert {item["metadata"]["labels"]["app.kubernetes.io/instance"] for item in rendered.objects} == {release}


@pytest.mark.parametrize("values", VARIANTS)
def test_every_namespaced_object_is_in_the_charts_namespace(values: dict[str, Any]) -> None:
    cluster_wide = {
        "ClusterRole",
        "ClusterRoleBinding",
        "CustomResourceDefinition",
        "ValidatingWebhookConfiguration",
    }
    expected = values.get("namespaceOverride", "seldon-system")

    rendered = render_chart(values)

    for item in rendered.objects:
        namespace = item["metadata"].get("namespace")
        assert namespace == (None if item["kind"] in cluster_wide else expected), item["metadata"]["name"]
        for subject in item.get("subjects", []):
            assert subject["namespace"] == expected
    if not values.get("managerCreateResources"):
        webhook = rendered.one("ValidatingWebhookConfiguration")["webhooks"][0]
        assert webhook["clientConfig"]["service"]["namespace"] == expected


def test_releases_in_two_namespaces_share_no_cluster_wide_name_but_the_definition() -> None:
    one, two = render_chart(namespace="one"), render_chart(namespace="two")
    shared = {(item["kind"], item["metadata"]["name"]) for item in one.objects if not item["metadata"].get("namespace")}

    assert shared & {(item["kind"], item["metadata"]["name"]) for item in two.objects} == {
        ("CustomResourceDefinition", "seldondeployments.machinelearning.seldon.io")
    }


def test_the_definition_survives_an_uninstallation_and_takes_annotations() -> None:
    values = {"crd": {"annotations": {"team": "ml", "helm.sh/resource-policy": "delete"}}}

    definition = render_chart(values).one("CustomResourceDefinition")

    assert definition["metadata"]["annotations"] == {"team": "ml", "helm.sh/resource-policy": "keep"}
    versions = {item["name"]: (item["served"], item["storage"]) for item in definition["spec"]["versions"]}
    assert versions == {"v1": (True, True), "v1alpha2": (True, False), "v1alpha3": (True, False)}


def test_helm_finds_nothing_to_object_to() -> None:
    assert "1 chart(s) linted, 0 chart(s) failed" in run_helm(["lint", str(CHART), "--strict"])


def test_an_older_kubernetes_is_refused() -> None:
    with pytest.raises(HelmFailed, match=r"incompatible with Kubernetes v1\.24\.0"):
        render_chart(kube_version="1.24.0")


def test_the_chart_packs_what_it_needs_and_nothing_else() -> None:
    files = {str(path.relative_to(CHART)) for path in CHART.rglob("*") if path.is_file()}

    assert {path for path in files if not path.startswith("templates/")} == {
        ".helmignore",
        "Chart.yaml",
        "files/crd.yaml",
        "files/defaults.yaml",
        "files/keys.yaml",
        "values.schema.json",
        "values.yaml",
    }
    assert (ROOT / "docs" / "values.md").exists()
