"""Where pods run, and how they are replaced: the installation's defaults, and what a SeldonDeployment says itself."""

import json
from typing import Any

import pytest

from seldon_core.operator.render import RenderError

TOLERATION = {"key": "gpu", "operator": "Exists"}
DEFAULTS = {
    "modelDefaults": {
        "affinity": {"nodeAffinity": {"a": 1}},
        "imagePullSecrets": ["one", {"name": "two"}],
        "nodeSelector": {"pool": "models"},
        "priorityClassName": "high",
        "tolerations": [TOLERATION],
        "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}],
    }
}
FIELDS = {
    "affinity": {"nodeAffinity": {"a": 1}},
    "imagePullSecrets": [{"name": "one"}, {"name": "two"}],
    "nodeSelector": {"pool": "models"},
    "priorityClassName": "high",
    "tolerations": [TOLERATION],
}


def deployments(result: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = result.of_kind("Deployment")
    return found


def spec_of(deployment: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = deployment["spec"]["template"]["spec"]
    return found


def test_without_defaults_nothing_is_rendered(build: Any, iris: Any) -> None:
    (deployment,) = deployments(build(iris))

    assert not (FIELDS.keys() | {"topologySpreadConstraints"}) & set(spec_of(deployment))


def test_all_pods_get_the_defaults(build: Any, iris: Any) -> None:
    explained = iris | {"explainer": {"type": "AnchorTabular"}}
    annotations = {"seldon.io/engine-separate-pod": "true"}

    found = deployments(build(explained, values=DEFAULTS, annotations=annotations))

    assert len(found) == 3
    for deployment in found:
        pod = spec_of(deployment)
        assert {name: pod[name] for name in FIELDS} == FIELDS
        (constraint,) = pod["topologySpreadConstraints"]
        assert constraint["labelSelector"] == deployment["spec"]["selector"]
        assert constraint["topologyKey"] == "zone"


@pytest.mark.parametrize(
    ("field", "own"),
    [
        ("nodeSelector", {"pool": "mine"}),
        ("nodeSelector", {}),
        ("tolerations", []),
        ("topologySpreadConstraints", [{"topologyKey": "mine"}]),
        ("imagePullSecrets", [{"name": "mine"}]),
        ("priorityClassName", "low"),
        ("affinity", {}),
    ],
)
def test_what_a_component_says_wins_also_where_it_is_empty(build: Any, iris: Any, field: str, own: Any) -> None:
    pods = {"componentSpecs": [{"spec": {"containers": [{"name": "classifier"}], field: own}}]}

    pod = build(iris | pods, values=DEFAULTS).pod()

    assert pod[field] == own
    assert {name: pod[name] for name in FIELDS if name != field} == {k: v for k, v in FIELDS.items() if k != field}


def test_a_constraint_with_a_selector_keeps_it(build: Any, iris: Any) -> None:
    constraint = {"topologyKey": "zone", "labelSelector": {"matchLabels": {"a": "b"}}}

    pod = build(iris, values={"modelDefaults": {"topologySpreadConstraints": [constraint]}}).pod()

    assert pod["topologySpreadConstraints"] == [constraint]


def test_the_defaults_are_no_part_of_what_the_orchestrator_is_told(build: Any, iris: Any) -> None:
    def told(values: Any) -> Any:
        return dict(build(iris, values=values).env("seldon-container-engine"))["ENGINE_PREDICTOR"]

    assert told(DEFAULTS) == told({})


ROLLING = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": "25%"}}


def strategy(build: Any, predictor: Any, **more: Any) -> Any:
    return deployments(build(predictor, **more))[0]["spec"]["strategy"]


def test_old_pods_stay_until_new_ones_are_ready(build: Any, iris: Any) -> None:
    assert strategy(build, iris) == ROLLING


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Recreate", {"type": "Recreate"}),
        ("RollingUpdate", ROLLING),
        ('{"type": "Recreate"}', {"type": "Recreate"}),
        (
            '{"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}',
            {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}},
        ),
        (
            '{"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "50%"}}',
            {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "50%"}},
        ),
    ],
)
@pytest.mark.parametrize("place", ["component", "predictor", "spec", "metadata"])
def test_a_seldondeployment_may_ask_for_another_strategy(
    build: Any, iris: Any, text: str, expected: Any, place: str
) -> None:
    named = {"seldon.io/deployment-strategy": text}
    predictor, more = dict(iris), {}
    if place == "component":
        predictor["componentSpecs"] = [
            {"metadata": {"annotations": named}, "spec": {"containers": [{"name": "classifier"}]}}
        ]
    elif place == "predictor":
        predictor["annotations"] = named
    elif place == "spec":
        more = {"annotations": named}
    else:
        more = {"metadata": {"annotations": named}}

    assert strategy(build, predictor, **more) == expected


def test_on_the_object_itself_it_does_not_replace_the_pods(build: Any, iris: Any) -> None:
    named = {"annotations": {"seldon.io/deployment-strategy": "Recreate"}}

    one, other = deployments(build(iris))[0], deployments(build(iris, metadata=named))[0]

    assert one["spec"]["template"] == other["spec"]["template"]


@pytest.mark.parametrize(
    "text",
    [
        "recreate",
        "[]",
        "{",
        '{"type": "Never"}',
        '{"maxSurge": 1}',
        '{"rollingUpdate": {"maxSurge": 0}}',
        '{"rollingUpdate": {"maxSurge": -1}}',
        '{"rollingUpdate": {"maxSurge": "101%"}}',
        '{"rollingUpdate": {"maxSurge": true}}',
        '{"rollingUpdate": {"more": 1}}',
        '{"type": "Recreate", "rollingUpdate": {"maxSurge": 1}}',
    ],
)
def test_what_is_no_strategy_is_refused(build: Any, iris: Any, text: str) -> None:
    with pytest.raises(
        RenderError, match=r"annotation seldon\.io/deployment-strategy: .* is no strategy; write Recreate"
    ):
        build(iris, metadata={"annotations": {"seldon.io/deployment-strategy": text}})


POLICY = {"networkPolicies": {"models": {"enabled": True}}}


def policy(build: Any, *predictors: Any, **models: Any) -> dict[str, Any]:
    values = {"networkPolicies": {"models": {"enabled": True, **models}}}
    (found,) = build(*predictors, values=values).of_kind("NetworkPolicy")
    result: dict[str, Any] = found["spec"]
    return result


def test_without_the_value_there_is_no_network_policy(build: Any, iris: Any) -> None:
    assert not build(iris).of_kind("NetworkPolicy")


def test_requests_and_metrics_come_in_and_everything_goes_out(build: Any, iris: Any) -> None:
    spec = policy(build, iris | {"explainer": {"type": "AnchorTabular"}})

    own = {"podSelector": {"matchLabels": {"seldon-deployment-id": "m"}}}
    assert spec["podSelector"] == own["podSelector"]
    assert spec["policyTypes"] == ["Ingress"]
    assert spec["ingress"][0] == {"from": [own]}
    # Orchestrator (HTTP, which has metrics, too, and gRPC), the model's metrics, the explainer.
    assert [port["port"] for port in spec["ingress"][1]["ports"]] == [5001, 6000, 8000, 9000]
    assert "from" not in spec["ingress"][1]


def test_every_port_of_a_public_service_and_with_metrics_is_open(build: Any, iris: Any) -> None:
    second = iris | {"name": "other", "annotations": {"seldon.io/no-engine": "true"}, "traffic": 50}
    result = build(iris | {"traffic": 50}, second, values=POLICY)

    (found,) = result.of_kind("NetworkPolicy")
    opened = {port["port"] for port in found["spec"]["ingress"][1]["ports"]}
    public = {
        port["targetPort"]
        for service in result.of_kind("Service")
        if service["metadata"]["name"] in {"m-default", "m-other"}
        for port in service["spec"]["ports"]
    }
    assert public <= opened


def test_who_may_ask_and_what_may_be_asked(build: Any, iris: Any) -> None:
    gateway = {"namespaceSelector": {"matchLabels": {"name": "gateway"}}}
    store = {"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}

    spec = policy(build, iris, ingressFrom=[gateway], egress=[store])

    assert spec["ingress"][1]["from"] == [gateway]
    assert spec["policyTypes"] == ["Egress", "Ingress"]
    assert spec["egress"][0]["ports"] == [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]
    assert spec["egress"][1:] == [{"to": spec["ingress"][0]["from"]}, store]
    assert json.loads(json.dumps(spec)) == spec
