"""What the controller may do: no more than it needs, nothing anywhere by wildcard, secrets by name alone."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from seldon_core.api.decode import load
from seldon_core.api.values import load_values
from seldon_core.operator.objects import kinds
from seldon_core.operator.render import render
from seldon_core.operator.render.config import from_values

from .helm import Rendered, render_chart

OWNED = {"create", "delete", "get", "list", "patch", "update", "watch"}
READ = {"get", "list", "watch"}

IN_SERVED_NAMESPACES = {
    "machinelearning.seldon.io/seldondeployments": READ,
    "machinelearning.seldon.io/seldondeployments/status": {"patch"},
    "machinelearning.seldon.io/seldondeployments/finalizers": {"update"},
    "apps/deployments": OWNED,
    "/services": OWNED,
    "autoscaling/horizontalpodautoscalers": OWNED,
    "policy/poddisruptionbudgets": OWNED,
    "/pods": READ,
    "/pods/log": {"get"},
    "apps/replicasets": READ | {"delete"},
    "/events": READ | {"create", "patch"},
}
LEFT_OVER = {"delete", "list"}
"""Of what is switched off: the controller takes away what it has made of it."""
ROUTES = {
    "istio": {"networking.istio.io/virtualservices", "networking.istio.io/destinationrules"},
    "ambassador": {"getambassador.io/mappings", "getambassador.io/tlscontexts"},
    "gateway": {"gateway.networking.k8s.io/httproutes", "gateway.networking.k8s.io/grpcroutes"},
}
SWITCHED = {"keda.sh/scaledobjects", "networking.k8s.io/networkpolicies"}
IN_SERVED_NAMESPACES |= dict.fromkeys(SWITCHED.union(*ROUTES.values()), LEFT_OVER)
IN_ALL_NAMESPACES = IN_SERVED_NAMESPACES | {"/namespaces": READ}
CREDENTIALS = {"/secrets": {"get"}, "/serviceaccounts": {"get"}}
IN_OWN_NAMESPACE = {
    "/configmaps:seldon-config": READ | {"patch"},
    "/secrets:seldon-webhook-tls": {"get", "patch"},
    "/events": {"create", "get", "patch"},
    "coordination.k8s.io/leases": {"create"},
    "coordination.k8s.io/leases:a33bd623.machinelearning.seldon.io": {"get", "patch"},
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

    assert rights(rendered.one("ClusterRole", "seldon-manager-role-seldon-system")) == IN_ALL_NAMESPACES
    assert rights(rendered.one("ClusterRole", "seldon-manager-sas-role-seldon-system")) == CREDENTIALS
    assert rights(rendered.one("ClusterRole", "seldon-webhook-role-seldon-system")) == WEBHOOK
    assert rights(rendered.one("Role", "seldon-leader-election-role")) == IN_OWN_NAMESPACE


def test_rights_in_a_single_namespace_are_those_of_a_role() -> None:
    rendered = render_chart({"singleNamespace": True})

    assert rights(rendered.one("Role", "seldon1-manager-role")) == IN_SERVED_NAMESPACES
    assert rights(rendered.one("Role", "seldon1-manager-sas-role")) == CREDENTIALS
    cluster_wide = [role for role in roles(rendered) if role["kind"] == "ClusterRole"]
    assert [rights(role) for role in cluster_wide] == [WEBHOOK]


@pytest.mark.parametrize("single", [False, True])
@pytest.mark.parametrize(("section", "kinds_of_routes"), ROUTES.items())
def test_rights_to_routes_come_with_the_value_that_makes_them(
    section: str, kinds_of_routes: set[str], *, single: bool
) -> None:
    role = "seldon1-manager-role" if single else "seldon-manager-role-seldon-system"
    rendered = render_chart({section: {"enabled": True}, "singleNamespace": single})
    granted = rights(rendered.one("Role" if single else "ClusterRole", role))

    always = IN_SERVED_NAMESPACES if single else IN_ALL_NAMESPACES
    assert granted == always | dict.fromkeys(kinds_of_routes, OWNED)


@pytest.mark.parametrize(("section", "kinds_of_routes"), ROUTES.items())
def test_there_are_rights_to_each_kind_of_route_that_is_rendered(section: str, kinds_of_routes: set[str]) -> None:
    predictor = {
        "name": "p",
        "graph": {"name": "c", "type": "MODEL"},
        "ssl": {"certSecretName": "tls"},
        "componentSpecs": [{"spec": {"containers": [{"name": "c", "image": "i:1"}]}}],
    }
    manifest = {
        "apiVersion": "machinelearning.seldon.io/v1",
        "kind": "SeldonDeployment",
        "metadata": {"name": "m"},
        "spec": {"predictors": [predictor]},
    }
    rendered = render(load(manifest), from_values(load_values({section: {"enabled": True}})))

    made = {f"{key.api_version.partition('/')[0]}/{key.kind.lower()}s" for key in rendered.routes}
    assert made == kinds_of_routes


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


def test_with_cert_manager_the_controller_writes_neither_secret_nor_webhook() -> None:
    rendered = render_chart({"certManager": {"enabled": True}})

    own = rights(rendered.one("Role", "seldon-leader-election-role"))
    assert own == {key: verbs for key, verbs in IN_OWN_NAMESPACE.items() if "secrets" not in key}
    watched = dict.fromkeys(WEBHOOK, READ)
    assert rights(rendered.one("ClusterRole", "seldon-webhook-role-seldon-system")) == watched


@pytest.mark.parametrize("cert_manager", [False, True])
def test_what_the_controller_makes_for_itself_it_may_make(*, cert_manager: bool) -> None:
    values = {"managerCreateResources": True, "certManager": {"enabled": cert_manager}}
    rendered = render_chart(values)
    own = rights(rendered.one("Role", "seldon-leader-election-role"))
    webhook = rights(rendered.one("ClusterRole", "seldon-webhook-role-seldon-system"))
    manifests = yaml.safe_load_all(rendered.one("ConfigMap", "seldon-operator-values")["data"]["resources.yaml"])

    for manifest in manifests:
        kind, name = manifest["kind"].lower() + "s", manifest["metadata"]["name"]
        granted = webhook if kind == "validatingwebhookconfigurations" else own
        group = "admissionregistration.k8s.io" if granted is webhook else ""
        assert granted[f"{group}/{kind}:{name}"] >= {"get", "patch"}
        assert granted[f"{group}/{kind}"] == {"create"}
        (owner,) = manifest["metadata"]["ownerReferences"]
        group = owner["apiVersion"].partition("/")[0]
        assert granted[f"{group}/{owner['kind'].lower()}s:{owner['name']}"] == {"get"}
        assert (owner["kind"], owner["name"]) in rendered.names()


def test_the_lease_is_the_one_that_is_named() -> None:
    rendered = render_chart({"manager": {"leaderElectionID": "mine"}})

    own = rights(rendered.one("Role", "seldon-leader-election-role"))
    assert own["coordination.k8s.io/leases:mine"] == {"get", "patch"}


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


@pytest.mark.parametrize("used", [(), ("keda",), ("istio", "ambassador", "gateway"), ("networkPolicies",)])
def test_each_kind_that_the_controller_makes_can_be_made_and_removed(used: tuple[str, ...]) -> None:
    values: dict[str, Any] = {section: {"enabled": True} for section in used}
    if "networkPolicies" in values:
        values["networkPolicies"]["models"] = {"enabled": True}
    granted = rights(render_chart(values).one("ClusterRole", "seldon-manager-role-seldon-system"))
    made = kinds.owned_kinds(from_values(load_values(values)))

    assert {key for key, verbs in granted.items() if verbs == OWNED} == {f"{r.group}/{r.plural}" for r in made}
