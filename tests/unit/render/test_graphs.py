"""Graphs, several pods and predictors, and where the orchestrator runs. Facts: specification 1.1 to 1.3, 1.7, 1.10."""

import base64
import json
from typing import Any

import pytest

from seldon_core.operator.render import RenderError


def pods(*groups: Any, **fields: Any) -> Any:
    component_specs = [{"spec": {"containers": [{"name": c, "image": "i:1"} for c in group]}} for group in groups]
    return {"name": "p", "componentSpecs": component_specs, **fields}


CHAIN = {"name": "c1", "type": "TRANSFORMER", "children": [{"name": "c2"}]}
SEPARATE = {"seldon.io/engine-separate-pod": "true"}


def names(result: Any) -> Any:
    return [o["metadata"]["name"] for o in result.of_kind("Deployment")]


def containers(result: Any) -> Any:
    return [[c["name"] for c in o["spec"]["template"]["spec"]["containers"]] for o in result.of_kind("Deployment")]


def test_each_component_spec_is_a_deployment_and_the_first_has_the_orchestrator(build: Any) -> None:
    result = build(pods(["c1", "side"], ["c2"], graph=CHAIN))
    first, second = result.of_kind("Deployment")

    assert names(result) == ["m-p-0-c1-side", "m-p-1-c2"]
    assert containers(result) == [["c1", "side", "seldon-container-engine"], ["c2"]]
    assert "seldon-app" in first["spec"]["selector"]["matchLabels"]
    assert "seldon-app" not in second["spec"]["template"]["metadata"]["labels"]
    assert "seldon-deployment-contains-svcorch" not in second["metadata"]["labels"]


def test_each_node_has_a_service_and_a_sidecar_has_none(build: Any) -> None:
    result = build(pods(["c1", "side"], ["c2"], graph=CHAIN))

    assert [o["metadata"]["name"] for o in result.of_kind("Service")] == ["m-p-c1", "m-p-c2", "m-p"]


def test_pods_are_labelled_with_the_kinds_of_their_nodes(build: Any) -> None:
    labels = build(pods(["c1", "c2"], graph=CHAIN)).of_kind("Deployment")[0]["spec"]["template"]["metadata"]["labels"]

    assert {key for key in labels if key.startswith("seldon.io/")} == {"seldon.io/transformer", "seldon.io/model"}


def test_an_orchestrator_apart(build: Any) -> None:
    given = pods(["c1"], ["c2"], graph=CHAIN, svcOrchSpec={"replicas": 2}, replicas=3, labels={"l": "1"})
    result = build(given, annotations=SEPARATE)
    apart = result.of_kind("Deployment")[0]

    assert names(result) == ["m-p-svc-orch", "m-p-0-c1", "m-p-1-c2"]
    assert containers(result) == [["seldon-container-engine"], ["c1"], ["c2"]]
    assert [o["spec"]["replicas"] for o in result.of_kind("Deployment")] == [2, 3, 3]
    assert apart["metadata"]["labels"] == {
        "app": "m-p-svc-orch",
        "fluentd": "true",
        "l": "1",
        "seldon-app": "m-p",
        "seldon-deployment-contains-svcorch": "true",
        "seldon-deployment-id": "m",
        "version": "p",
    }
    assert result.pod("m-p-svc-orch")["serviceAccountName"] == "default"
    assert "seldon-app" not in result.of_kind("Deployment")[1]["spec"]["selector"]["matchLabels"]


def test_no_orchestrator_at_all(build: Any) -> None:
    result = build(pods(["c"], graph={"name": "c"}, annotations={"seldon.io/no-engine": "true"}))

    assert containers(result) == [["c"]]
    assert [p["port"] for p in result.named("Service", "m-p")["spec"]["ports"]] == [9000, 9500]
    assert result.rendered.address_url == "http://m-p.ns.svc.cluster.local:9000/api/v1.0/predictions"
    assert "seldon-deployment-contains-svcorch" not in result.of_kind("Deployment")[0]["metadata"]["labels"]


def test_predictors_do_not_share_names_and_a_shadow_is_marked(build: Any) -> None:
    one = pods(["c"], graph={"name": "c"})
    result = build(
        {**one, "name": "main", "traffic": 100},
        {**one, "name": "dark", "shadow": True, "annotations": {"seldon.io/svc-name": "mine"}},
    )

    assert names(result) == ["m-main-0-c", "m-dark-0-c"]
    assert result.of_kind("Deployment")[1]["spec"]["template"]["metadata"]["labels"]["seldon.io/shadow"] == "true"
    assert result.named("Service", "mine")["spec"]["selector"] == {"seldon-app": "mine"}


def test_two_objects_of_one_name_are_refused(build: Any) -> None:
    """Predictor `p` with node `x-c`, and predictor `p-x` with node `c`, would share a Service."""
    with pytest.raises(RenderError, match="Service m-p-x-c: rename"):
        build(
            {**pods(["x-c"], graph={"name": "x-c"}), "traffic": 50},
            {**pods(["c"], graph={"name": "c"}), "name": "p-x", "traffic": 50},
        )


@pytest.mark.parametrize(
    ("annotation", "headless"),
    [({}, False), ({"seldon.io/headless-svc": "true"}, True), ({"seldon.io/headless-svc": "false"}, False)],
)
def test_the_predictors_service_can_be_headless(build: Any, annotation: Any, headless: Any) -> None:
    result = build(pods(["c"], graph={"name": "c"}), annotations=annotation)

    assert (result.named("Service", "m-p")["spec"].get("clusterIP") == "None") is headless
    assert "clusterIP" not in result.named("Service", "m-p-c")["spec"]


def test_the_orchestrators_environment(build: Any) -> None:
    env = [{"name": "X", "value": "1"}, {"name": "FOO_BAR", "value": "orch"}]
    annotations = {"seldon.io/engine-foo-bar": "annotation", "seldon.io/engine-a-b": "c"}
    given = pods(["c"], graph={"name": "c"}, svcOrchSpec={"env": env})
    found = build(given, annotations=annotations).env("seldon-container-engine")

    assert [name for name, _ in found] == ["ENGINE_PREDICTOR", "REQUEST_LOGGER_DEFAULT_ENDPOINT", "X", "FOO_BAR", "A_B"]
    assert dict(found)["FOO_BAR"] == "orch"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, {"cpu": "500m", "memory": "512Mi"}),
        ({"engineResources": {"requests": {"cpu": "0.2"}}}, {"cpu": "200m"}),
        (
            {"engineResources": {"requests": {"cpu": "1"}}, "svcOrchSpec": {"resources": {"requests": {"cpu": "2m"}}}},
            {"cpu": "2m"},
        ),
    ],
)
def test_the_orchestrators_resources(build: Any, fields: Any, expected: Any) -> None:
    resources = build(pods(["c"], graph={"name": "c"}, **fields)).container("seldon-container-engine")["resources"]

    assert resources["requests"] == expected


def test_logger_settings_come_from_annotations(build: Any) -> None:
    annotations = {"seldon.io/executor-logger-queue-size": "5"}
    args = build(pods(["c"], graph={"name": "c"}), annotations=annotations).container("seldon-container-engine")["args"]

    assert args[args.index("--log_work_buffer_size") + 1] == "5"
    with pytest.raises(RenderError, match=r"executor-logger-queue-size.*no whole number"):
        build(pods(["c"], graph={"name": "c"}), annotations={"seldon.io/executor-logger-queue-size": "many"})


def test_a_certificate_reaches_every_node_and_the_orchestrator(build: Any) -> None:
    given = pods(["c1"], ["c2"], graph=CHAIN, ssl={"certSecretName": "tls"}, progressDeadlineSeconds=30)
    result = build(given)

    for name in ("c1", "c2", "seldon-container-engine"):
        assert ("SELDON_CERT_MOUNT_PATH", "/cert/") in result.env(name)
        mounts = result.container(name)["volumeMounts"]
        assert {"name": "seldon-cert-volume", "mountPath": "/cert/", "readOnly": True} in mounts
    for deployment in result.of_kind("Deployment"):
        volumes = deployment["spec"]["template"]["spec"]["volumes"]
        assert {"name": "seldon-cert-volume", "secret": {"secretName": "tls"}} in volumes
        assert deployment["spec"]["progressDeadlineSeconds"] == 30
    assert result.container("seldon-container-engine")["readinessProbe"]["httpGet"]["scheme"] == "HTTPS"


@pytest.mark.parametrize(
    ("protocol", "path"),
    [("", "/api/v1.0/predictions"), ("tensorflow", "/v1/models/c:predict"), ("v2", "/v2/models/c/infer")],
)
def test_the_address_follows_the_protocol(build: Any, protocol: Any, path: Any) -> None:
    assert build(pods(["c"], graph={"name": "c"}), protocol=protocol).rendered.address_url.endswith(f":8000{path}")


def test_the_orchestrator_knows_hosts_and_ports_of_every_node(build: Any) -> None:
    document = dict(build(pods(["c1"], ["c2"], graph=CHAIN)).env("seldon-container-engine"))["ENGINE_PREDICTOR"]
    graph = json.loads(base64.b64decode(document))["graph"]

    assert graph["endpoint"]["service_host"] == "localhost"
    assert graph["children"][0]["endpoint"] == {
        "service_host": "m-p-c2.ns.svc.cluster.local",
        "service_port": 9001,
        "httpPort": 9001,
        "grpcPort": 9501,
    }


def test_pods_without_a_node_are_selected_by_their_own_name(build: Any) -> None:
    """Else nothing would tell them from the others."""
    beside = build(pods(["c1", "c2"], ["helper"], graph=CHAIN)).of_kind("Deployment")[1]
    selector = {"app": "m-p-1-helper", "seldon-deployment-id": "m"}

    assert beside["spec"]["selector"]["matchLabels"] == selector
    assert selector.items() <= beside["spec"]["template"]["metadata"]["labels"].items()


def test_what_the_webhook_refuses_is_refused_here_with_its_text(build: Any) -> None:
    with pytest.raises(
        RenderError, match=r'^SeldonDeployment.machinelearning.seldon.io "m" is invalid: spec: Invalid value'
    ):
        build()
