"""Rules of this house, and exceptions, which say why and disappear when they are needed no more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from release import policy
from release.house_rules import broken, values_with_secrets
from release.policy import Exemption, Violation
from release.removed_apis import removed_in
from release.stage import StageBrokenError


def pod(**container: Any) -> dict[str, Any]:
    spec = {"containers": [{"name": "c", "image": "example.org/a:1.0"} | container]}
    return {"kind": "Deployment", "metadata": {"name": "d"}, "spec": {"template": {"spec": spec}}}


def rights(kind: str = "ClusterRole", **rule: list[str]) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": "r"}, "rules": [rule]}


def checks(item: dict[str, Any]) -> list[str]:
    return [each.check for each in broken(item, "defaults")]


@pytest.mark.parametrize(
    ("item", "check"),
    [
        (rights(verbs=["*"], resources=["pods"]), "no-wildcard-rights"),
        (rights(verbs=["get"], resources=["*"]), "no-wildcard-rights"),
        (rights(verbs=["get", "list"], resources=["secrets"]), "no-listing-of-secrets"),
        (rights("Role", verbs=["bind"], resources=["roles"]), "no-escalation"),
        (pod(image="example.org/a"), "fixed-image-tag"),
        (pod(image="example.org:5000/a"), "fixed-image-tag"),
        (pod(image="example.org/a:latest"), "fixed-image-tag"),
        (pod(securityContext={"privileged": True}), "not-privileged"),
        ({"kind": "Secret", "metadata": {"name": "s"}, "data": {"a": "Yg=="}}, "no-secret-in-chart"),
        (
            {"kind": "ConfigMap", "metadata": {"name": "m"}, "data": {"a": "password: hunter2x"}},
            "no-secret-in-configmap",
        ),
        (
            {"kind": "ConfigMap", "metadata": {"name": "m"}, "data": {"a": "-----BEGIN PRIVATE KEY-----"}},
            "no-secret-in-configmap",
        ),
    ],
)
def test_each_rule_finds_what_it_is_for(item: dict[str, Any], check: str) -> None:
    assert checks(item) == [check]


@pytest.mark.parametrize(
    "item",
    [
        rights(verbs=["get"], resources=["secrets"]),
        rights("Role", verbs=["list"], resources=["secrets"]),
        pod(),
        pod(image="example.org:5000/a:1.0"),
        pod(image=f"example.org/a:1.0@sha256:{'0' * 64}"),
        {"kind": "Secret", "metadata": {"name": "s"}, "type": "Opaque"},
        {
            "kind": "ConfigMap",
            "metadata": {"name": "m"},
            "data": {"a": '{"s3SecretAccessKeyName":"awsSecretAccessKey"}'},
        },
    ],
)
def test_what_is_right_passes(item: dict[str, Any]) -> None:
    assert checks(item) == []


def test_a_folder_of_the_node_is_found_in_a_cron_job_too() -> None:
    spec = {"volumes": [{"name": "v", "hostPath": {"path": "/"}}], "containers": []}
    job = {
        "kind": "CronJob",
        "metadata": {"name": "j"},
        "spec": {"jobTemplate": {"spec": {"template": {"spec": spec}}}},
    }

    assert [each.what for each in broken(job, "defaults")] == ["volume v is the node's folder / (hostPath)"]


def test_secret_values_are_found_by_name_and_by_text() -> None:
    values = {
        "a": {"password": "x"},
        "b": {"password": "", "passwordKey": "name"},
        "c": [{"d": "AKIA" + "A" * 16}],
        "e": {"f": "AKIA" + "B" * 16},
    }

    assert list(values_with_secrets(values)) == ["a.password", "c.0.d", "e.f"]


def test_an_exception_covers_what_it_names_alone() -> None:
    seen = Violation("checkov", "CKV_1", "defaults", "Deployment/manager", "is wrong")

    assert Exemption("checkov", "CKV_1", "so it is").covers(seen)
    assert Exemption("checkov", "CKV_1", "so it is", where="Deployment/*", group="def*").covers(seen)
    assert not Exemption("checkov", "CKV_1", "so it is", group="models").covers(seen)
    assert not Exemption("checkov", "CKV_2", "so it is").covers(seen)
    assert not Exemption("kube-score", "CKV_1", "so it is").covers(seen)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- {scanner: checkov, check: CKV_1}", "exception 1: .*reason"),
        ("- {scanner: checkov, check: CKV_1, reason: ' '}", "exception 1: .*give a reason"),
        ("- {scanner: chekov, check: CKV_1, reason: x}", "exception 1: name one of the scanners checkov"),
        ("- {scanner: checkov, check: CKV_1, reason: x, were: y}", "exception 1: .*were"),
    ],
)
def test_an_exception_without_a_reason_is_none(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "policy-exceptions.yaml"
    file.write_text(text)

    with pytest.raises(StageBrokenError, match=said):
        policy.exemptions(file)


def test_our_own_exceptions_can_be_read() -> None:
    assert all(len(each.reason) > 10 for each in policy.exemptions())


def test_what_kubernetes_removed_is_known_by_version() -> None:
    assert removed_in("policy/v1beta1", "PodDisruptionBudget", "1.34") == "1.25"
    assert removed_in("policy/v1beta1", "PodDisruptionBudget", "1.24") is None
    assert removed_in("rbac.authorization.k8s.io/v1beta1", "Role", "1.29") == "1.22"
    assert removed_in("policy/v1", "PodDisruptionBudget", "1.34") is None
