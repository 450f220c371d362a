"""VirtualServices and DestinationRules."""

from typing import Any

import pytest

from seldon_core.operator.render import RenderError

from .conftest import Build, Result
from .routes import canary, explained, predictor

ISTIO = {"istio": {"enabled": True}}


def http(result: Result, name: str = "m") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = result.named("VirtualService", name)["spec"]["http"]
    return found


def test_nothing_is_made_where_istio_is_not_used(build: Build) -> None:
    assert {item["kind"] for item in build(predictor("p")).rendered.objects} == {"Service", "Deployment"}


def test_requests_are_found_by_path_or_by_headers(build: Build) -> None:
    rest, grpc = http(build(predictor("p"), values=ISTIO))

    assert rest["match"] == [{"uri": {"prefix": "/seldon/ns/m/"}}]
    assert rest["rewrite"] == {"uri": "/"}
    assert grpc["match"][0]["headers"] == {"seldon": {"exact": "m"}, "namespace": {"exact": "ns"}}
    assert "rewrite" not in grpc


def test_each_transport_has_its_port(build: Build) -> None:
    rest, grpc = http(build(predictor("p"), values=ISTIO | {"executor": {"port": 8001}}))

    host = "m-p.ns.svc.cluster.local"
    assert rest["route"] == [{"destination": {"host": host, "port": {"number": 8001}, "subset": "p"}}]
    assert grpc["route"] == [{"destination": {"host": host, "port": {"number": 5001}, "subset": "p"}}]


def test_a_model_without_an_orchestrator_is_reached_at_its_own_ports(build: Build) -> None:
    rest, grpc = http(build(predictor("p", annotations={"seldon.io/no-engine": "true"}), values=ISTIO))

    assert [rule["route"][0]["destination"]["port"]["number"] for rule in (rest, grpc)] == [9000, 9500]


def test_shares_become_weights_and_a_shadow_gets_copies(build: Build) -> None:
    for rule in http(build(*canary(), values=ISTIO)):
        assert [(r["destination"]["subset"], r["weight"]) for r in rule["route"]] == [("main", 75), ("canary", 25)]
        assert rule["mirror"]["host"] == "m-shadow.ns.svc.cluster.local"
        assert "mirrorPercentage" not in rule


def test_a_shadow_with_a_share_gets_that_share_of_copies(build: Build) -> None:
    for rule in http(build(predictor("p"), predictor("s", 10, shadow=True), values=ISTIO)):
        assert rule["mirrorPercentage"] == {"value": 10}


@pytest.mark.parametrize("level", ["spec", "metadata"])
def test_annotations_steer_host_gateway_and_retries(build: Build, level: str) -> None:
    annotations = {
        "seldon.io/istio-host": "models.example.com",
        "seldon.io/istio-gateway": "edge/public",
        "seldon.io/istio-retries": "3",
    }
    more: dict[str, Any] = (
        {"annotations": annotations} if level == "spec" else {"metadata": {"annotations": annotations}}
    )
    result = build(predictor("p"), values=ISTIO, **more)

    spec = result.named("VirtualService", "m")["spec"]
    assert (spec["hosts"], spec["gateways"]) == (["models.example.com"], ["edge/public"])
    for rule in http(result):
        assert (rule["retries"]["attempts"], rule["retries"]["perTryTimeout"]) == (3, "1s")


def test_the_time_of_a_try_can_be_said(build: Build) -> None:
    annotations = {"seldon.io/istio-retries": "2", "seldon.io/istio-retries-timeout": "7"}

    assert {
        rule["retries"]["perTryTimeout"] for rule in http(build(predictor("p"), values=ISTIO, annotations=annotations))
    } == {"7s"}


@pytest.mark.parametrize(
    "annotations", [{}, {"seldon.io/istio-retries": "0"}, {"seldon.io/istio-retries-timeout": "7"}]
)
def test_there_are_no_retries_unless_asked_for(build: Build, annotations: dict[str, str]) -> None:
    assert not [
        rule for rule in http(build(predictor("p"), values=ISTIO, annotations=annotations)) if "retries" in rule
    ]


@pytest.mark.parametrize("name", ["seldon.io/istio-retries", "seldon.io/istio-retries-timeout"])
@pytest.mark.parametrize(("value", "reason"), [("many", "is no whole number"), ("-1", "is below 0")])
def test_a_number_that_is_none_is_said(build: Build, name: str, value: str, reason: str) -> None:
    with pytest.raises(RenderError, match=f'annotation {name}: "{value}" {reason}'):
        build(predictor("p"), values=ISTIO, annotations={name: value})


def test_every_predictor_has_a_destination_rule_for_its_pods(build: Build) -> None:
    result = build(*canary(), values=ISTIO)

    for name in ("main", "canary", "shadow"):
        spec = result.named("DestinationRule", f"m-{name}")["spec"]
        assert spec["host"] == f"m-{name}.ns.svc.cluster.local"
        assert spec["subsets"] == [{"name": name, "labels": {"version": name}}]
        assert spec["trafficPolicy"] == {"connectionPool": {"http": {"idleTimeout": "60s"}}}


def test_a_tls_mode_takes_the_place_of_the_idle_timeout(build: Build) -> None:
    values = {"istio": {"enabled": True, "tlsMode": "ISTIO_MUTUAL"}}

    rule = build(predictor("p"), values=values).named("DestinationRule", "m-p")
    assert rule["spec"]["trafficPolicy"] == {"tls": {"mode": "ISTIO_MUTUAL"}}


@pytest.mark.parametrize("annotations", [{}, {"seldon.io/engine-separate-pod": "true"}])
@pytest.mark.parametrize("of_pods", [{}, {"version": "theirs"}])
def test_a_subset_selects_the_pods_that_answer(
    build: Build, annotations: dict[str, str], of_pods: dict[str, str]
) -> None:
    component = {"metadata": {"labels": of_pods}, "spec": {"containers": [{"name": "c", "image": "i:1"}]}}
    one = predictor("p", labels={"version": "v1"}, componentSpecs=[component])
    result = build(one, values=ISTIO, annotations=annotations)

    (subset,) = result.named("DestinationRule", "m-p")["spec"]["subsets"]
    selector = result.named("Service", "m-p")["spec"]["selector"]
    pods = [item["spec"]["template"]["metadata"]["labels"] for item in result.of_kind("Deployment")]
    (answering,) = [labels for labels in pods if selector.items() <= labels.items()]
    assert subset["labels"].items() <= answering.items()


def test_an_explainer_has_a_path_of_its_own(build: Build) -> None:
    result = build(explained(), values={"istio": {"enabled": True, "gateway": "edge/public"}})

    spec = result.named("VirtualService", "m-p-explainer-http")["spec"]
    assert (spec["hosts"], spec["gateways"]) == (["*"], ["edge/public"])
    (rule,) = spec["http"]
    assert rule["match"] == [{"uri": {"prefix": "/seldon/ns/m-explainer/p/"}}]
    assert rule["route"][0]["destination"] == {"host": "m-p-explainer", "port": {"number": 9000}, "subset": "p"}
    assert result.named("DestinationRule", "m-p-explainer")["spec"] == {
        "host": "m-p-explainer",
        "subsets": [{"name": "p", "labels": {"version": "p"}}],
    }


def test_a_long_name_gives_the_virtual_service_the_name_of_the_label(build: Build) -> None:
    long = "a" * 70
    result = build(predictor("p"), values=ISTIO, metadata={"name": long})

    (service,) = result.of_kind("VirtualService")
    assert service["metadata"]["name"] == result.of_kind("Service")[0]["metadata"]["labels"]["seldon-deployment-id"]
    assert service["spec"]["http"][0]["match"] == [{"uri": {"prefix": f"/seldon/ns/{long}/"}}]
