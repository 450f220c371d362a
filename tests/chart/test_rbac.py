"""What the controller may do: no more than it needs, nothing anywhere by wildcard, secrets by name alone."""

from __future__ import annotations

from typing import Any

import pytest

from seldon_core.operator import kinds

from .helm import Rendered, render_chart

OWNED = {"create", "delete", "get", "list", "patch", "update", "watch"}
READ = {"get", "list", "watch"}

IN_SERVED_NAMESPACES = {
    "machinelearning.seldon.io/seldondeployments": READ,
    "machinelearning.seldon.io/seldondeployments/status": {"patch"},
    "machinelearning.seldon.io/seldondeployments/finalizers": {"update"},
    "apps/deployments": OWNED,
    "/services": OWNED,
    "/pods": READ,
    "/pods/log": {"get"},
    "apps/replicasets": READ | {"delete"},
    "/events": READ | {"create"},
}
CREDENTIALS = {"/secrets": {"get"}, "/serviceaccounts": {"get"}}
IN_OWN_NAMESPACE = {
    "/configmaps:seldon-config": READ,
    "/secrets:seldon-webhook-tls": {"get", "patch"},
    "/events": {"create"},
}
WEBHOOK = {
    "admissionregistration.k8s.io/validatingwebhookconfigurations"
    ":seldon-validating-webhook-configuration-seldon-system": READ | {"patch"}
}


def rights(role: dict[str, Any]) -> dict[str, set[str]]:
    """`<group>/<resource>[:<name>]` to verbs."""
    return {
        f"{group}/{resource}{name}": set(rule["verbs"])
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for name in [f":{name}" for name in rule.get("resourceNames", [])] or [""]
    }


def roles(rendered: Rendered) -> list[dict[str, Any]]:
    return [item for item in rendered.objects if item["kind"] in {"Role", "ClusterRole"}]


def test_rights_in_all_namespaces() -> None:
    rendered = render_chart()

    assert rights(rendered.one("ClusterRole", "seldon-manager-role-seldon-system")) == IN_SERVED_NAMESPACES
    assert rights(rendered.one("ClusterRole", "seldon-manager-sas-role-seldon-system")) == CREDENTIALS
    assert rights(rendered.one("ClusterRole", "seldon-webhook-role-seldon-system")) == WEBHOOK
    assert rights(rendered.one("Role", "seldon-leader-election-role")) == IN_OWN_NAMESPACE


def test_rights_in_a_single_namespace_are_those_of_a_role() -> None:
    rendered = render_chart({"singleNamespace": True})

    assert rights(rendered.one("Role", "seldon1-manager-role")) == IN_SERVED_NAMESPACES
    assert rights(rendered.one("Role", "seldon1-manager-sas-role")) == CREDENTIALS
    cluster_wide = [role for role in roles(rendered) if role["kind"] == "ClusterRole"]
    assert [rights(role) for role in cluster_wide] == [WEBHOOK]


@pytest.mark.parametrize("values", [{}, {"singleNamespace": True}, {"controllerId": "a"}])
def test_no_wildcard_and_no_list_of_secrets(values: dict[str, Any]) -> None:
    for role in roles(render_chart(values)):
        for rule in role["rules"]:
            assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]
            if "secrets" in rule["resources"]:
                assert not {"list", "watch", "create", "delete"} & set(rule["verbs"])


@pytest.mark.parametrize("single", [False, True])
@pytest.mark.parametrize(
    "values", [{"storageInitializer": {"serviceAccountCredentials": False}}, {"rbac": {"configmap": {"create": False}}}]
)
def test_secrets_of_models_are_out_of_reach_when_asked(values: dict[str, Any], *, single: bool) -> None:
    granted = [rights(role) for role in roles(render_chart(values | {"singleNamespace": single}))]

    assert {key for role in granted for key in role if "secrets" in key} == {"/secrets:seldon-webhook-tls"}
    assert not [key for role in granted for key in role if "serviceaccounts" in key]


@pytest.mark.parametrize("single", [False, True])
def test_every_role_is_bound_to_the_controllers_account(*, single: bool) -> None:
    rendered = render_chart({"singleNamespace": single, "serviceAccount": {"name": "mine"}})
    bindings = [item for item in rendered.objects if item["kind"] in {"RoleBinding", "ClusterRoleBinding"}]

    assert {(item["roleRef"]["kind"], item["roleRef"]["name"]) for item in bindings} == {
        (role["kind"], role["metadata"]["name"]) for role in roles(rendered)
    }
    for binding in bindings:
        assert binding["kind"] == binding["roleRef"]["kind"] + "Binding"
        assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "mine", "namespace": "seldon-system"}]


def test_roles_of_ones_own() -> None:
    rendered = render_chart({"rbac": {"create": False}})

    assert not [item for item in rendered.objects if "Role" in item["kind"]]


def test_a_service_account_of_ones_own() -> None:
    rendered = render_chart({"serviceAccount": {"create": False, "name": "mine"}})

    assert not [item for item in rendered.objects if item["kind"] == "ServiceAccount"]
    assert rendered.one("Deployment")["spec"]["template"]["spec"]["serviceAccountName"] == "mine"


def test_each_kind_that_the_controller_owns_can_be_made_and_removed() -> None:
    granted = rights(render_chart().one("ClusterRole", "seldon-manager-role-seldon-system"))

    assert {key for key, verbs in granted.items() if verbs == OWNED} == {f"{r.group}/{r.plural}" for r in kinds.OWNED}
