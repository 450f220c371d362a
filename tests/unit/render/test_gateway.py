"""HTTPRoutes and GRPCRoutes of the Gateway API."""

from typing import Any

import pytest

from seldon_core.operator.render.gateway import duration

from .conftest import Build, Result
from .routes import canary, explained, predictor

GATEWAY = {"gateway": {"enabled": True}}


def rule(result: Result, kind: str, name: str = "m") -> dict[str, Any]:
    (found,) = result.named(kind, name)["spec"]["rules"]
    result_rule: dict[str, Any] = found
    return result_rule


def rules(result: Result) -> list[dict[str, Any]]:
    return [rule(result, "HTTPRoute"), rule(result, "GRPCRoute")]


def mirrors(one: dict[str, Any]) -> list[dict[str, Any]]:
    return [item["requestMirror"] for item in one.get("filters", ()) if item["type"] == "RequestMirror"]


@pytest.mark.parametrize(
    ("values", "namespace"),
    [
        ({"enabled": True, "name": "edge"}, {}),
        ({"enabled": True, "name": "edge", "namespace": "x"}, {"namespace": "x"}),
    ],
)
def test_routes_belong_to_the_gateway_of_the_values(
    build: Build, values: dict[str, Any], namespace: dict[str, str]
) -> None:
    result = build(predictor("p"), values={"gateway": values})

    parent = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "edge"} | namespace
    for kind in ("HTTPRoute", "GRPCRoute"):
        assert result.named(kind, "m")["spec"]["parentRefs"] == [parent]


def test_each_kind_of_route_may_have_a_listener_of_its_own(build: Build) -> None:
    """A gateway that keeps to the API refuses one of two kinds on one listener, where their hostnames meet."""
    listeners = {"httpListener": "rest", "grpcListener": "grpc"}
    result = build(predictor("p"), values={"gateway": {"enabled": True} | listeners})

    for kind, listener in (("HTTPRoute", "rest"), ("GRPCRoute", "grpc")):
        assert [parent["sectionName"] for parent in result.named(kind, "m")["spec"]["parentRefs"]] == [listener]
    matches = [result.named(kind, "m")["spec"]["rules"][0]["matches"] for kind in ("HTTPRoute", "GRPCRoute")]
    assert [sorted(match) for kind in matches for match in kind] == [["path"], ["headers"]]


def test_a_predictor_that_serves_tls_needs_a_policy_of_the_users(build: Build) -> None:
    result = build(predictor("p", ssl={"certSecretName": "tls"}), values={"gateway": {"enabled": True}})
    (warning,) = result.rendered.warnings

    assert warning.startswith("spec.predictors[0].ssl: the gateway speaks plain HTTP to Service m-p")
    assert build(predictor("p", ssl={"certSecretName": "tls"})).rendered.warnings == ()


def test_a_path_leads_to_the_root_of_the_predictors_service(build: Build) -> None:
    one = rule(build(predictor("p"), values=GATEWAY), "HTTPRoute")

    assert one["matches"] == [{"path": {"type": "PathPrefix", "value": "/seldon/ns/m"}}]
    (rewrite,) = one["filters"]
    assert rewrite["urlRewrite"] == {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}}
    assert one["backendRefs"] == [{"group": "", "kind": "Service", "name": "m-p", "port": 8000, "weight": 100}]


def test_grpc_is_found_by_two_headers(build: Build) -> None:
    one = rule(build(predictor("p"), values=GATEWAY), "GRPCRoute")

    (match,) = one["matches"]
    assert {header["name"]: (header["type"], header["value"]) for header in match["headers"]} == {
        "seldon": ("Exact", "m"),
        "namespace": ("Exact", "ns"),
    }
    assert one["backendRefs"] == [{"group": "", "kind": "Service", "name": "m-p", "port": 5001, "weight": 100}]
    assert "filters" not in one


def test_shares_become_weights_and_a_shadow_gets_copies_of_all(build: Build) -> None:
    for one, port in zip(rules(build(*canary(), values=GATEWAY)), (8000, 5001), strict=True):
        assert {r["name"]: r["weight"] for r in one["backendRefs"]} == {"m-main": 75, "m-canary": 25}
        assert mirrors(one) == [{"backendRef": {"group": "", "kind": "Service", "name": "m-shadow", "port": port}}]


@pytest.mark.parametrize(("share", "percent"), [(0, None), (10, 10), (100, None)])
def test_a_shadow_gets_its_share_of_copies(build: Build, share: int, percent: int | None) -> None:
    for one in rules(build(predictor("p"), predictor("s", share, shadow=True), values=GATEWAY)):
        assert [mirror.get("percent") for mirror in mirrors(one)] == [percent]


def test_a_predictor_without_a_share_beside_one_with_all_gets_nothing(build: Build) -> None:
    for one in rules(build(predictor("a", 100), predictor("b"), values=GATEWAY)):
        assert [r["weight"] for r in one["backendRefs"]] == [100, 0]


def test_a_timeout_holds_where_it_is_said(build: Build) -> None:
    without = build(explained(), values=GATEWAY)
    said = build(explained(), values=GATEWAY, annotations={"seldon.io/rest-timeout": "90000"})

    for name in ("m", "m-p-explainer"):
        assert "timeouts" not in rule(without, "HTTPRoute", name)
        assert rule(said, "HTTPRoute", name)["timeouts"] == {"request": "1m30s"}
    assert "timeouts" not in rule(said, "GRPCRoute")  # the API has none there


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [(0, "0s"), (1, "1ms"), (3000, "3s"), (400_000, "6m40s"), (3_600_000, "1h"), (90_061_001, "25h1m1s1ms")],
)
def test_a_duration_has_no_number_of_more_than_five_digits(milliseconds: int, text: str) -> None:
    assert duration(milliseconds) == text


def test_an_explainer_has_a_path_of_its_own(build: Build) -> None:
    one = rule(build(explained(), values=GATEWAY), "HTTPRoute", "m-p-explainer")

    assert one["matches"] == [{"path": {"type": "PathPrefix", "value": "/seldon/ns/m-explainer/p"}}]
    assert one["backendRefs"] == [
        {"group": "", "kind": "Service", "name": "m-p-explainer", "port": 9000, "weight": 100}
    ]


def test_routes_are_found_by_the_labels_of_all_objects(build: Build) -> None:
    labels = build(predictor("p"), values=GATEWAY).named("HTTPRoute", "m")["metadata"]["labels"]

    assert labels == {"app.kubernetes.io/managed-by": "seldon-core", "seldon-deployment-id": "m"}
