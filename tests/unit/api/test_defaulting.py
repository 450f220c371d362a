"""What is filled in where a SeldonDeployment is silent. Facts: specification 1.3."""

from typing import Any

import pytest

from seldon_core.api.decode import load
from seldon_core.api.defaulting import DefaultSettings, apply_defaults, units
from seldon_core.api.servers import parse_servers

SETTINGS = DefaultSettings(
    servers=parse_servers(
        {
            "SKLEARN_SERVER": {
                "protocols": {
                    "seldon": {"image": "r/sklearn", "defaultImageVersion": "1"},
                    "v2": {"image": "r/mlserver", "defaultImageVersion": "2"},
                }
            }
        }
    )
)


def defaulted(*predictors: Any, **spec: Any) -> Any:
    manifest = {
        "apiVersion": "machinelearning.seldon.io/v1",
        "kind": "SeldonDeployment",
        "metadata": {"name": "m", "namespace": "ns"},
        "spec": {"predictors": list(predictors), **spec},
    }
    return apply_defaults(load(manifest), SETTINGS)


def predictor(graph: Any, *pods: Any, name: Any = "p", **fields: Any) -> Any:
    component_specs = [{"spec": {"containers": [{"name": c, "image": "i"} for c in pod]}} for pod in pods]
    return {"name": name, "graph": graph, "componentSpecs": component_specs, **fields}


def ports(container: Any) -> Any:
    return {port.get("name"): port["containerPort"] for port in container.get("ports", ())}


def containers(sdep: Any, index: Any = 0) -> Any:
    return [c for component in sdep.spec.predictors[index].component_specs for c in component.spec["containers"]]


def test_a_silent_unit_is_a_model() -> None:
    unit = defaulted(predictor({"name": "c"}, ["c"])).spec.predictors[0].graph

    assert (unit.type, unit.implementation) == ("MODEL", "UNKNOWN_IMPLEMENTATION")


@pytest.mark.parametrize(
    ("graph", "kind"),
    [
        ({"name": "c", "implementation": "SKLEARN_SERVER", "type": "ROUTER"}, "MODEL"),
        ({"name": "c", "methods": ["ROUTE"]}, ""),
        ({"name": "c", "implementation": "RANDOM_ABTEST"}, ""),
        ({"name": "c", "type": "COMBINER"}, "COMBINER"),
    ],
)
def test_the_type_depends_on_what_is_said(graph: Any, kind: Any) -> None:
    assert defaulted(predictor(graph, ["c"])).spec.predictors[0].graph.type == kind


def test_ports_count_by_container_and_sidecars_take_a_number() -> None:
    graph = {"name": "c1", "children": [{"name": "c2"}]}
    first, side, second = containers(defaulted(predictor(graph, ["c1", "side"], ["c2"])))

    assert ports(first) == {"metrics": 6000, "http": 9000, "grpc": 9500}
    assert ports(side) == {}
    assert ports(second) == {"metrics": 6001, "http": 9002, "grpc": 9502}


def test_a_name_keeps_its_ports_in_every_predictor_but_not_its_metrics_port() -> None:
    sdep = defaulted(
        predictor({"name": "c"}, ["c"], name="main"), predictor({"name": "c"}, ["c"], name="canary", shadow=True)
    )

    assert ports(containers(sdep, 1)[0]) == {"metrics": 6001, "http": 9000, "grpc": 9500}


def test_ports_that_the_user_named_win() -> None:
    own = [{"name": "http", "containerPort": 8080}, {"name": "metrics", "containerPort": 9090}]
    component = {"spec": {"containers": [{"name": "c", "image": "i", "ports": own}]}}
    sdep = defaulted({"name": "p", "graph": {"name": "c"}, "componentSpecs": [component]})

    assert ports(containers(sdep)[0]) == {"http": 8080, "metrics": 9090, "grpc": 9500}
    assert sdep.spec.predictors[0].graph.endpoint.http_port == 8080


def test_a_server_without_a_container_gets_one_in_the_first_pod() -> None:
    graph = {
        "name": "comb",
        "children": [
            {"name": "a", "implementation": "SKLEARN_SERVER"},
            {"name": "b", "implementation": "SKLEARN_SERVER"},
        ],
    }
    sdep = defaulted(predictor(graph, ["comb"]))

    assert [(c["name"], c["image"]) for c in containers(sdep)] == [
        ("comb", "i"),
        ("a", "r/sklearn:1"),
        ("b", "r/sklearn:1"),
    ]
    assert [ports(c)["http"] for c in containers(sdep)] == [9000, 9001, 9002]


def test_a_server_alone_gets_a_pod() -> None:
    sdep = defaulted({"name": "p", "graph": {"name": "c", "implementation": "SKLEARN_SERVER"}}, protocol="kfserving")

    assert [c["image"] for c in containers(sdep)] == ["r/mlserver:2"]


def test_an_image_of_the_users_stays() -> None:
    sdep = defaulted(predictor({"name": "c", "implementation": "SKLEARN_SERVER"}, ["c"]))

    assert containers(sdep)[0]["image"] == "i"


@pytest.mark.parametrize(
    ("annotations", "hosts"),
    [
        ({}, {"c1": "localhost", "c2": "m-p-c2.ns.svc.cluster.local"}),
        (
            {"seldon.io/engine-separate-pod": "true"},
            {"c1": "m-p-c1.ns.svc.cluster.local", "c2": "m-p-c2.ns.svc.cluster.local"},
        ),
    ],
)
def test_the_first_pod_is_local_unless_the_orchestrator_is_apart(annotations: Any, hosts: Any) -> None:
    sdep = defaulted(predictor({"name": "c1", "children": [{"name": "c2"}]}, ["c1"], ["c2"]), annotations=annotations)

    assert {unit.name: unit.endpoint.service_host for unit in units(sdep.spec.predictors[0].graph)} == hosts


@pytest.mark.parametrize(
    ("endpoint", "transport", "port"),
    [({}, "", 9000), ({"type": "GRPC"}, "", 9500), ({"type": "REST"}, "", 9000), ({}, "grpc", 9500)],
)
def test_the_service_port_follows_the_transport(endpoint: Any, transport: Any, port: Any) -> None:
    sdep = defaulted(predictor({"name": "c", "endpoint": endpoint}, ["c"]), transport=transport)

    assert sdep.spec.predictors[0].graph.endpoint.service_port == port


def test_the_version_label_is_the_predictors_name_unless_set() -> None:
    plain, labelled = defaulted(
        predictor({"name": "c"}, ["c"], name="a"), predictor({"name": "c"}, ["c"], name="b", labels={"version": "v9"})
    ).spec.predictors

    assert (plain.labels, labelled.labels) == ({"version": "a"}, {"version": "v9"})


def test_the_namespace_is_default_unless_set_and_nothing_given_is_changed() -> None:
    manifest = {
        "apiVersion": "machinelearning.seldon.io/v1",
        "kind": "SeldonDeployment",
        "metadata": {"name": "m"},
        "spec": {"predictors": [predictor({"name": "c"}, ["c"])]},
    }
    sdep = load(manifest)
    before = repr(sdep)

    assert apply_defaults(sdep, SETTINGS).metadata.namespace == "default"
    assert repr(sdep) == before


def test_defaulting_twice_is_defaulting_once() -> None:
    graph = {"name": "comb", "type": "COMBINER", "children": [{"name": "a", "implementation": "SKLEARN_SERVER"}]}
    once = defaulted(predictor(graph, ["comb", "side"], ["x"]))

    assert apply_defaults(once, SETTINGS) == once
