"""The webhook's rules. Paths and texts are the recorded ones (specification 2)."""

from typing import Any

import pytest

from seldon_core.api.decode import load
from seldon_core.api.servers import parse_servers
from seldon_core.api.validation import FieldError, invalid_message, validate

SERVERS = parse_servers(
    {
        "SKLEARN_SERVER": {"protocols": {"seldon": {"image": "s"}}},
        "TRITON_SERVER": {"protocols": {"v2": {"image": "t"}}},
        "HUGGINGFACE_SERVER": {"protocols": {"v2": {"image": "h"}}},
    }
)


def predictor(name: Any = "p", graph: Any = None, containers: Any = ("c",), **fields: Any) -> Any:
    pods = [{"spec": {"containers": [{"name": c, "image": "i:1"} for c in containers]}}]
    return {"name": name, "graph": graph or {"name": "c", "type": "MODEL"}, "componentSpecs": pods, **fields}


def errors(*predictors: Any, annotations: Any = None, **spec: Any) -> Any:
    manifest = {
        "apiVersion": "machinelearning.seldon.io/v1",
        "kind": "SeldonDeployment",
        "metadata": {"name": "m"},
        "spec": {"predictors": list(predictors), "annotations": annotations or {}, **spec},
    }
    return validate(load(manifest), SERVERS)


def server(**fields: Any) -> Any:
    return {"name": "p", "graph": {"name": "c", "implementation": "SKLEARN_SERVER", "modelUri": "s3://b/m", **fields}}


SVC = {"annotations": {"seldon.io/svc-name": "z"}}
REST, GRPC = {"type": "REST"}, {"type": "GRPC"}
AB_TEST = {"name": "ab", "implementation": "RANDOM_ABTEST", "children": [{"name": "c"}]}
CHILD = {"name": "c", "type": "ROUTER", "children": [{"name": "c", "type": "MODEL"}]}
BROKEN = [
    ("protocol", {"protocol": "xx"}, [predictor()], "spec", "xx", "Invalid protocol"),
    ("transport", {"transport": "xx"}, [predictor()], "spec", "xx", "Invalid transport"),
    ("server type", {"serverType": "xx"}, [predictor()], "spec", "xx", "Invalid serverType"),
    (
        "kafka", {"serverType": "kafka"}, [predictor()], "spec.predictors[0]", "p",
        "For kafka please supply svcOrchSpec envs KAFKA_BROKER, KAFKA_INPUT_TOPIC, KAFKA_OUTPUT_TOPIC",
    ),
    ("only shadow", {}, [predictor(shadow=True)], "spec.predictors[0]", "p", "Shadow can not exist as only predictor"),
    (
        "service names", {}, [predictor("a", traffic=50, **SVC), predictor("b", traffic=50, **SVC)],
        "spec.predictors[1]", "b", "Found duplicate service name in seldon.io/svc-name with value z",
    ),
    ("no predictors", {}, [], "spec", "", "Graph contains no predictors"),
    (
        "no engine for a graph", {}, [predictor(graph=CHILD, annotations={"seldon.io/no-engine": "false"})],
        "spec.predictors[0]", "p", "Running without engine only valid for single element graphs",
    ),
    (
        "predictor names", {}, [predictor(traffic=50), predictor(traffic=50)],
        "spec.predictors[1]", "p", "Duplicate predictor name",
    ),
    (
        "predictor's name", {}, [server() | {"name": "My P"}], "spec.predictors[0]", "m-My P",
        "Illegal name of the predictor's Service",
    ),
    (
        "service's name", {}, [predictor(annotations={"seldon.io/svc-name": "a_b"})], "spec.predictors[0]", "a_b",
        "Illegal name of the predictor's Service",
    ),
    (
        "server's name", {}, [server(name="my_model")], "spec.predictors[0].graph", "my_model",
        "Predictive Unit's name cannot be a container's",
    ),
    (
        "orchestrator's name", {}, [predictor(containers=("c", "seldon-container-engine"))],
        "spec.predictors[0].componentSpecs[0].spec.containers", "seldon-container-engine",
        "Name of the orchestrator's container",
    ),
    (
        "empty graph", {}, [{"name": "p"}], "spec.predictors[0].graph", "",
        "Can't find container for Predictive Unit: the graph is empty",
    ),
    (
        "no container", {}, [predictor(graph={"name": "zz"})],
        "spec.predictors[0].graph", "zz", "Can't find container for Predictive Unit",
    ),
    (
        "no container for a grandchild", {},
        [predictor(graph={"name": "c", "children": [{"name": "c"}, {"name": "c", "children": [{"name": "x"}]}]})],
        "spec.predictors[0].graph[1][0]", "x", "Can't find container for Predictive Unit",
    ),
    (
        "no methods", {}, [predictor(graph={"name": "c", "type": "UNKNOWN_TYPE"})], "spec.predictors[0].graph", "c",
        "Predictive Unit has no implementation methods defined. Change to a known type or add what methods it defines",
    ),
    (
        "no model", {}, [server(modelUri="")], "spec.predictors[0].graph", "c",
        "Predictive unit modelUri required when using standalone servers",
    ),
    (
        "tensorflow", {"protocol": "tensorflow"}, [server()], "spec.predictors[0].graph", "c",
        "Prepackaged server does not handle tensorflow protocol SKLEARN_SERVER",
    ),
    (
        "unknown server", {}, [server(implementation="FOO_SERVER")], "spec.predictors[0].graph", "c",
        "No entry in predictors map for FOO_SERVER",
    ),
    (
        "unknown server with an image", {},
        [predictor(graph={"name": "c", "implementation": "FOO_SERVER", "modelUri": "s3://x"})],
        "spec.predictors[0].graph", "c", "No entry in predictors map for FOO_SERVER",
    ),
    (
        "server without this protocol", {}, [server(implementation="TRITON_SERVER")], "spec.predictors[0].graph", "c",
        "No entry in predictors map for TRITON_SERVER with protocol seldon",
    ),
    (
        "logger", {}, [predictor(graph={"name": "c", "logger": {"url": "http://x"}})], "spec.predictors[0].graph", "",
        "No logger mode specified",
    ),
    (
        "endpoint types", {},
        [predictor(graph={"name": "c", "endpoint": REST, "children": [{"name": "c", "endpoint": GRPC}]})],
        "spec", "", "Multiple endpoint.types found - can only have 1 type in graph. Please use spec.transport",
    ),
    (
        "mixed", {"transport": "grpc"}, [predictor(graph={"name": "c", "endpoint": {"type": "REST"}})], "spec", "",
        "Mixed transport types found. Remove graph endpoint.types if transport set at deployment level",
    ),
    (
        "two shadows", {}, [predictor(), predictor("s", shadow=True), predictor("t", shadow=True)], "spec", "t",
        "Multiple shadows are not allowed",
    ),
    (
        "shadow traffic", {}, [predictor(), predictor("s", shadow=True, traffic=101)], "spec", "s",
        "shadow traffic is illegal, the traffic number should be between [0, 100]",
    ),
    (
        "traffic", {}, [predictor("a", traffic=50), predictor("b", traffic=40)], "spec", "a",
        "Traffic must sum to 100 for multiple predictors",
    ),
    (
        "no traffic", {}, [predictor("a"), predictor("b")], "spec", "a",
        "Traffic must sum to 100 for multiple predictors",
    ),
    (
        "traffic of one", {}, [predictor("a", traffic=50)], "spec", "a",
        "Traffic must sum be 100 for a single predictor when set",
    ),
    (
        "a model URI that a program would take for an option", {}, [server(modelUri="--config=x")],
        "spec.predictors[0].graph", "c", "modelUri must start with a scheme",
    ),
    (
        "a model URI that carries a configuration", {}, [server(modelUri=":local:/etc/passwd")],
        "spec.predictors[0].graph", "c", "modelUri must start with a scheme",
    ),
    ("no name", {}, [predictor("")], "spec.predictors[0]", "", "Predictor has no name"),
    (
        "container twice", {}, [predictor(containers=("c", "c"))],
        "spec.predictors[0].componentSpecs[0].spec.containers", "c", "Duplicate container name",
    ),
    (
        "no place for the orchestrator", {}, [predictor(containers=("side",), componentSpecs=[
            {"spec": {"containers": [{"name": "side", "image": "i"}]}},
            {"spec": {"containers": [{"name": "c", "image": "i"}]}},
        ])],
        "spec.predictors[0]", "p", "not clear where to inject engine",
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("spec", "predictors", "path", "value", "message"), [b[1:] for b in BROKEN], ids=[b[0] for b in BROKEN]
)
def test_a_broken_rule_is_named(spec: Any, predictors: Any, path: Any, value: Any, message: Any) -> None:
    found = errors(*predictors, **spec)

    assert [e for e in found if (e.path, e.value) == (path, value) and message in e.message], found


@pytest.mark.parametrize(
    ("predictors", "spec"),
    [
        ([predictor()], {}),
        ([predictor(traffic=100)], {}),
        ([predictor("a", traffic=75), predictor("b", traffic=25), predictor("s", shadow=True, traffic=10)], {}),
        ([predictor(annotations={"seldon.io/no-engine": "true"})], {}),
        ([predictor(graph={"name": "c", "endpoint": {"type": "GRPC"}})], {"transport": "grpc"}),
        ([server()], {}),
        ([server(implementation="HUGGINGFACE_SERVER", modelUri="")], {"protocol": "v2"}),
        ([predictor(graph=AB_TEST)], {}),
        ([predictor(graph={**AB_TEST, "type": "UNKNOWN_TYPE"})], {}),
        ([predictor(graph={"name": "c", "methods": ["TRANSFORM_INPUT"], "type": "UNKNOWN_TYPE"})], {}),
    ],
)  # fmt: skip
def test_valid_ones_have_no_error(predictors: Any, spec: Any) -> None:
    assert errors(*predictors, **spec) == ()


def test_an_unknown_server_says_which_are_known_and_where_to_add_one() -> None:
    (error,) = errors(server(implementation="FOO_SERVER"))

    assert "HUGGINGFACE_SERVER, SKLEARN_SERVER, TRITON_SERVER" in error.message
    assert "predictor_servers in the ConfigMap seldon-config" in error.message


def test_the_webhooks_text_names_the_object_and_lists_several_errors() -> None:
    one, other = FieldError("spec", "x", "Invalid protocol"), FieldError("spec.predictors[0].graph", "c", "Y")

    assert invalid_message("m", (one,)) == (
        'SeldonDeployment.machinelearning.seldon.io "m" is invalid: spec: Invalid value: "x": Invalid protocol'
    )
    assert invalid_message("m", (one, other)).endswith(
        'is invalid: [spec: Invalid value: "x": Invalid protocol, spec.predictors[0].graph: Invalid value: "c": Y]'
    )
