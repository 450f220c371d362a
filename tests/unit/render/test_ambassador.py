"""Mappings of Ambassador, as objects and as annotations."""

from typing import Any

import pytest
import yaml

from seldon_core.operator.render import ROUTE_ANNOTATION, RenderError

from .conftest import Build, Result
from .routes import canary, explained, predictor

OBJECTS = {"ambassador": {"enabled": True}}
TEXT = {"ambassador": {"enabled": True, "version": "v1"}}


def mapping(result: Result, name: str) -> dict[str, Any]:
    spec: dict[str, Any] = result.named("Mapping", name)["spec"]
    return spec


def texts(result: Result, service: str) -> dict[str, dict[str, Any]]:
    """The documents in a Service's annotation, by their names."""
    annotation = result.named("Service", service)["metadata"].get("annotations", {}).get(ROUTE_ANNOTATION, "")
    return {document["name"]: document for document in yaml.safe_load_all(annotation) if document}


def test_a_predictor_has_two_mappings(build: Build) -> None:
    result = build(predictor("p"), values=OBJECTS)

    assert mapping(result, "seldon-ns-m-p-rest") == {
        "cluster_tag": "seldon_http",
        "prefix": "/seldon/ns/m/",
        "rewrite": "/",
        "service": "m-p.ns:8000",
        "timeout_ms": 3000,
    }
    assert mapping(result, "seldon-ns-m-p-grpc") == {
        "cluster_tag": "seldon_grpc",
        "grpc": True,
        "headers": {"seldon": "m"},
        "prefix": "/(seldon.protos.*|tensorflow.serving.*|inference.*)/.*",
        "prefix_regex": True,
        "rewrite": "",
        "service": "m-p.ns:5001",
        "timeout_ms": 3000,
    }
    assert len(result.of_kind("Mapping")) == 2


def test_ambassador_1_reads_the_same_from_the_service(build: Build) -> None:
    result = build(predictor("p"), values=TEXT)

    assert texts(result, "m-p") == {
        "seldon_ns_m_p_rest_mapping": {
            "apiVersion": "ambassador/v1",
            "kind": "Mapping",
            "name": "seldon_ns_m_p_rest_mapping",
            "prefix": "/seldon/ns/m/",
            "rewrite": "/",
            "service": "m-p.ns:8000",
            "timeout_ms": 3000,
        },
        "seldon_ns_m_p_grpc_mapping": {
            "apiVersion": "ambassador/v1",
            "kind": "Mapping",
            "name": "seldon_ns_m_p_grpc_mapping",
            "grpc": True,
            "headers": {"seldon": "m", "namespace": "ns"},
            "prefix": "/(seldon.protos.*|tensorflow.serving.*|inference.*)/.*",
            "prefix_regex": True,
            "rewrite": "",
            "service": "m-p.ns:5001",
            "timeout_ms": 3000,
        },
    }
    assert result.rendered.routes == ()
    assert texts(result, "m-p-c") == {}


def test_the_annotation_joins_those_of_the_predictor(build: Build) -> None:
    service = build(predictor("p", annotations={"mine": "1"}), values=TEXT).named("Service", "m-p")

    assert set(service["metadata"]["annotations"]) == {"mine", ROUTE_ANNOTATION}


@pytest.mark.parametrize("name", ["grpcNamespaceHeader", "singleNamespace"])
def test_grpc_asks_for_the_namespace_where_a_value_says_so(build: Build, name: str) -> None:
    result = build(predictor("p"), values={"ambassador": {"enabled": True, name: True}})

    assert mapping(result, "seldon-ns-m-p-grpc")["headers"] == {"seldon": "m", "namespace": "ns"}


def test_the_first_predictor_gets_what_the_weights_of_the_others_leave(build: Build) -> None:
    result = build(*canary(), values=OBJECTS)

    weights = {name: mapping(result, f"seldon-ns-m-{name}-rest").get("weight") for name in ("main", "canary", "shadow")}
    assert weights == {"main": None, "canary": 25, "shadow": None}
    assert mapping(result, "seldon-ns-m-shadow-grpc")["shadow"] is True
    assert not [name for name in ("main", "canary") if "shadow" in mapping(result, f"seldon-ns-m-{name}-rest")]


def test_a_shadow_in_the_first_place_leaves_the_requests_to_the_others(build: Build) -> None:
    result = build(predictor("s", 10, shadow=True), predictor("p"), values=OBJECTS)

    assert mapping(result, "seldon-ns-m-s-rest")["weight"] == 10
    assert "weight" not in mapping(result, "seldon-ns-m-p-rest")


@pytest.mark.parametrize("values", [OBJECTS, TEXT])
def test_a_predictor_without_a_share_gets_nothing(build: Build, values: dict[str, Any]) -> None:
    result = build(predictor("a", 100), predictor("b"), values=values)

    found = [*texts(result, "m-b").values(), *(o["spec"] for o in result.of_kind("Mapping"))]
    assert {one["weight"] for one in found if one["service"].startswith("m-b.")} == {0}


@pytest.mark.parametrize(
    ("annotations", "rest", "grpc"),
    [
        ({"rest-timeout": "400000"}, (400_000, 400_000), (400_000, 400_000)),
        ({"rest-timeout": "5000", "grpc-timeout": "300001"}, (5000, None), (300_001, 300_001)),
        ({"grpc-timeout": "7000"}, (3000, None), (7000, None)),
    ],
)
def test_timeouts(
    build: Build, annotations: dict[str, str], rest: tuple[int, int | None], grpc: tuple[int, int | None]
) -> None:
    given = {f"seldon.io/{name}": value for name, value in annotations.items()}
    result = build(predictor("p"), values=OBJECTS, annotations=given)

    found = {name: mapping(result, f"seldon-ns-m-p-{name}") for name in ("rest", "grpc")}
    assert {name: (one["timeout_ms"], one.get("idle_timeout_ms")) for name, one in found.items()} == {
        "rest": rest,
        "grpc": grpc,
    }


@pytest.mark.parametrize(
    ("annotation", "value", "field", "expected"),
    [
        ("retries", "3", "retry_policy", {"retry_on": "gateway-error", "num_retries": 3}),
        ("id", "mine", "ambassador_id", ["mine"]),
        ("regex-header", "x-user: a.*", "regex_headers", {"x-user": "a.*"}),
        ("circuit-breakers-max-connections", "200", "circuit_breakers", [{"max_connections": 200}]),
        ("circuit-breakers-max-pending-requests", "100", "circuit_breakers", [{"max_pending_requests": 100}]),
        ("circuit-breakers-max-requests", "0", "circuit_breakers", [{"max_requests": 0}]),
        ("circuit-breakers-max-retries", "3", "circuit_breakers", [{"max_retries": 3}]),
    ],
)
def test_an_annotation_reaches_both_mappings(
    build: Build, annotation: str, value: str, field: str, expected: object
) -> None:
    result = build(predictor("p"), values=OBJECTS, annotations={f"seldon.io/ambassador-{annotation}": value})

    for name in ("rest", "grpc"):
        assert mapping(result, f"seldon-ns-m-p-{name}")[field] == expected


def test_ambassador_1_has_one_id(build: Build) -> None:
    result = build(predictor("p"), values=TEXT, annotations={"seldon.io/ambassador-id": "mine"})

    assert {document["ambassador_id"] for document in texts(result, "m-p").values()} == {"mine"}


@pytest.mark.parametrize(
    ("value", "headers"),
    [
        ("location: london", {"location": "london"}),
        ("x-canary", {"x-canary": True}),
        ("a:1:b:2", {"a": "1", "b": "2"}),
    ],
)
def test_a_header_can_be_asked_for(build: Build, value: str, headers: dict[str, Any]) -> None:
    result = build(predictor("p"), values=OBJECTS, annotations={"seldon.io/ambassador-header": value})

    assert mapping(result, "seldon-ns-m-p-rest")["headers"] == headers
    assert mapping(result, "seldon-ns-m-p-grpc")["headers"] == headers | {"seldon": "m"}


@pytest.mark.parametrize(
    ("annotation", "value", "reason"),
    [
        ("header", "a:1:b", "is no header; write it as `name: value`"),
        ("regex-header", ":x", "is no header"),
        ("retries", "often", "is no whole number"),
        ("circuit-breakers-max-retries", "1.5", "is no whole number"),
    ],
)
def test_an_annotation_that_makes_no_sense_is_said(build: Build, annotation: str, value: str, reason: str) -> None:
    name = f"seldon.io/ambassador-{annotation}"

    with pytest.raises(RenderError, match=f'annotation {name}: "{value}" {reason}'):
        build(predictor("p"), values=OBJECTS, annotations={name: value})


def test_another_public_name(build: Build) -> None:
    annotations = {"seldon.io/ambassador-service-name": "public"}
    result = build(explained(), values=OBJECTS, annotations=annotations)

    assert mapping(result, "seldon-ns-m-p-rest")["prefix"] == "/seldon/ns/public/"
    assert mapping(result, "seldon-ns-m-p-grpc")["headers"] == {"seldon": "public"}
    assert mapping(result, "seldon-ns-m-p-explainer-rest")["prefix"] == "/seldon/ns/public-explainer/p/"


@pytest.mark.parametrize(("values", "written"), [(OBJECTS, 1), (TEXT, 1)])
def test_a_configuration_of_ones_own_stands_for_all(build: Build, values: dict[str, Any], written: int) -> None:
    own = "---\napiVersion: getambassador.io/v2\nkind: Mapping\nname: mine\nprefix: /x/\nservice: m-main:8000\n"
    result = build(*canary(), values=values, annotations={"seldon.io/ambassador-config": own})

    services = [item["metadata"].get("annotations", {}) for item in result.of_kind("Service")]
    assert [item[ROUTE_ANNOTATION] for item in services if ROUTE_ANNOTATION in item] == [own] * written
    assert ROUTE_ANNOTATION in result.named("Service", "m-main")["metadata"]["annotations"]
    assert result.of_kind("Mapping") == []


def test_a_single_namespace_has_routes_without_its_name(build: Build) -> None:
    values = {"ambassador": {"enabled": True, "singleNamespace": True}}
    result = build(explained(), values=values)

    assert mapping(result, "seldon-m-p-rest")["prefix"] == "/seldon/m/"
    assert mapping(result, "seldon-m-p-grpc")["headers"] == {"seldon": "m"}
    assert mapping(result, "seldon-m-p-explainer-rest")["prefix"] == "/seldon/m-explainer/p/"
    assert len(result.of_kind("Mapping")) == 6


def test_a_single_namespace_of_ambassador_1(build: Build) -> None:
    values = {"ambassador": {"enabled": True, "version": "v1", "singleNamespace": True}}
    documents = texts(build(predictor("p"), values=values), "m-p")

    assert documents["seldon_m_p_rest_mapping"]["prefix"] == "/seldon/m/"
    assert documents["seldon_m_p_grpc_mapping"]["headers"] == {"seldon": "m"}
    assert len(documents) == 4


def test_a_certificate_makes_ambassador_speak_tls(build: Build) -> None:
    one = predictor("p", ssl={"certSecretName": "cert"})
    result = build(one, values=OBJECTS)

    (context,) = result.of_kind("TLSContext")
    assert context["spec"] == {"secret": "cert"}
    assert {item["spec"]["tls"] for item in result.of_kind("Mapping")} == {context["metadata"]["name"]}
    documents = texts(build(one, values=TEXT), "m-p")
    (of_ambassador_1,) = [document for document in documents.values() if document["kind"] == "TLSContext"]
    assert of_ambassador_1["secret"] == "cert"
    assert {document.get("tls") for document in documents.values()} == {None, of_ambassador_1["name"]}


def test_an_explainer_has_a_path_of_its_own_and_no_grpc(build: Build) -> None:
    result = build(explained(), values=OBJECTS)

    assert mapping(result, "seldon-ns-m-p-explainer-rest") == {
        "cluster_tag": "seldon_http",
        "prefix": "/seldon/ns/m-explainer/p/",
        "rewrite": "/",
        "service": "m-p-explainer.ns:9000",
        "timeout_ms": 3000,
    }
    assert len(result.of_kind("Mapping")) == 3
    documents = texts(build(explained(), values=TEXT), "m-p-explainer")
    assert set(documents) == {"seldon_ns_m_p-explainer_rest_mapping"}


@pytest.mark.parametrize("name", ["My_Predictor", "p" * 250])
def test_a_name_that_no_object_can_have_is_replaced(build: Build, name: str) -> None:
    one = predictor(name, annotations={"seldon.io/svc-name": "mine"}, labels={"version": "v1"})

    for item in build(one, values=OBJECTS).of_kind("Mapping"):
        assert item["metadata"]["name"].startswith("seldon-")
        assert len(item["metadata"]["name"]) == len("seldon-") + 32
