"""The smallest prepackaged server, whole. Facts: specification 1.2."""

import base64
import json
from typing import Any


def test_the_objects_and_their_names(build: Any, iris: Any) -> None:
    result = build(iris)

    assert [(o["kind"], o["metadata"]["name"]) for o in result.rendered.objects] == [
        ("Service", "m-default-classifier"),
        ("Service", "m-default"),
        ("Deployment", "m-default-0-classifier"),
    ]
    assert all(o["metadata"]["namespace"] == "ns" for o in result.rendered.objects)
    assert all("ownerReferences" not in o["metadata"] for o in result.rendered.objects)
    assert result.rendered.deployments == ("m-default-0-classifier",)
    assert result.rendered.address_url == "http://m-default.ns.svc.cluster.local:8000/api/v1.0/predictions"
    assert [(s.svc_name, s.http_endpoint, s.grpc_endpoint) for s in result.rendered.services] == [
        ("m-default-classifier", "m-default-classifier.ns:9000", "m-default-classifier.ns:9500"),
        ("m-default", "m-default.ns:8000", "m-default.ns:5001"),
    ]


def test_the_labels_of_deployment_and_pods(build: Any, iris: Any) -> None:
    deployment = build(iris).of_kind("Deployment")[0]
    pods = {
        "app": "m-default-0-classifier",
        "app.kubernetes.io/managed-by": "seldon-core",
        "fluentd": "true",
        "seldon-app": "m-default",
        "seldon-app-svc-classifier": "m-default-classifier",
        "seldon-deployment-id": "m",
        "seldon.io/model": "true",
        "version": "default",
    }

    assert deployment["metadata"]["labels"] == pods | {"seldon-deployment-contains-svcorch": "true"}
    assert deployment["spec"]["template"]["metadata"] == {
        "annotations": {"prometheus.io/path": "/prometheus", "prometheus.io/scrape": "true"},
        "labels": pods,
    }
    assert deployment["spec"]["selector"]["matchLabels"] == {
        "seldon-app": "m-default",
        "seldon-app-svc-classifier": "m-default-classifier",
        "seldon-deployment-id": "m",
    }


def test_old_pods_stay_until_new_ones_are_ready(build: Any, iris: Any) -> None:
    strategy = build(iris).of_kind("Deployment")[0]["spec"]["strategy"]

    assert strategy == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": "25%"}}


def test_the_environment_is_the_recorded_one_in_its_order(build: Any, iris: Any) -> None:
    image = "localhost/seldon-core/sklearnserver:0.1.0"

    assert build(iris).env("classifier") == [
        ("PREDICTIVE_UNIT_SERVICE_PORT", "9000"),
        ("PREDICTIVE_UNIT_HTTP_SERVICE_PORT", "9000"),
        ("MLSERVER_HTTP_PORT", "9000"),
        ("PREDICTIVE_UNIT_GRPC_SERVICE_PORT", "9500"),
        ("MLSERVER_GRPC_PORT", "9500"),
        ("MLSERVER_MODEL_URI", "/mnt/models"),
        ("PREDICTIVE_UNIT_ID", "classifier"),
        ("MLSERVER_MODEL_NAME", "classifier"),
        ("PREDICTIVE_UNIT_IMAGE", image),
        ("PREDICTOR_ID", "default"),
        ("PREDICTOR_LABELS", '{"version":"default"}'),
        ("SELDON_DEPLOYMENT_ID", "m"),
        ("SELDON_EXECUTOR_ENABLED", "true"),
        ("PREDICTIVE_UNIT_METRICS_SERVICE_PORT", "6000"),
        ("PREDICTIVE_UNIT_METRICS_ENDPOINT", "/prometheus"),
        ("MLSERVER_METRICS_PORT", "6000"),
        ("MLSERVER_METRICS_ENDPOINT", "/prometheus"),
        ("PREDICTIVE_UNIT_PARAMETERS", '[{"name":"model_uri","value":"/mnt/models","type":"STRING"}]'),
    ]


def test_the_model_container(build: Any, iris: Any) -> None:
    container = build(iris).container("classifier")

    assert [(p["name"], p["containerPort"]) for p in container["ports"]] == [
        ("metrics", 6000),
        ("http", 9000),
        ("grpc", 9500),
    ]
    assert container["volumeMounts"] == [
        {"name": "seldon-podinfo", "mountPath": "/etc/podinfo"},
        {"name": "classifier-provision-location", "mountPath": "/mnt/models", "readOnly": True},
    ]
    assert container["lifecycle"]["preStop"]["exec"]["command"] == ["/bin/sh", "-c", "/bin/sleep 10"]
    assert container["imagePullPolicy"] == "IfNotPresent"


def test_the_pod(build: Any, iris: Any) -> None:
    pod = build(iris).pod()

    assert pod["terminationGracePeriodSeconds"] == 20
    assert pod["securityContext"] == {"runAsUser": 8888}
    assert pod["automountServiceAccountToken"] is False
    assert [volume["name"] for volume in pod["volumes"]] == ["seldon-podinfo", "classifier-provision-location"]


def test_the_orchestrators_arguments(build: Any, iris: Any) -> None:
    assert " ".join(build(iris).container("seldon-container-engine")["args"]) == (
        "--sdep m --namespace ns --predictor default --http_port 8000 --grpc_port 5001 --protocol seldon "
        "--transport rest --prometheus_path /prometheus --server_type rpc --log_work_buffer_size 10000 "
        "--log_write_timeout_ms 2000 --full_health_checks=false"
    )


def test_the_orchestrator_is_told_its_predictor(build: Any, iris: Any) -> None:
    env = dict(build(iris).env("seldon-container-engine"))
    document = json.loads(base64.b64decode(env["ENGINE_PREDICTOR"]))

    assert list(document) == [
        "name", "graph", "componentSpecs", "replicas", "engineResources", "labels", "svcOrchSpec"
    ]  # fmt: skip
    assert document["graph"] == {
        "name": "classifier",
        "type": "MODEL",
        "implementation": "SKLEARN_SERVER",
        "endpoint": {"service_host": "localhost", "service_port": 9000, "httpPort": 9000, "grpcPort": 9500},
        "modelUri": "s3://iris",
        "envSecretRefName": "seldon-rclone-secret",
    }
    assert document["replicas"] == 0
    assert env["REQUEST_LOGGER_DEFAULT_ENDPOINT"] == "http://default-broker"


def test_scaling_traffic_and_shadows_weight_do_not_roll_pods(build: Any, iris: Any) -> Any:
    def template(**fields: Any) -> Any:
        return build({**iris, **fields}).of_kind("Deployment")[0]["spec"]["template"]

    assert template() == template(replicas=3) == template(traffic=100)


def test_services(build: Any, iris: Any) -> None:
    result = build(iris)
    own, node = result.named("Service", "m-default"), result.named("Service", "m-default-classifier")

    assert own["spec"]["selector"] == {"seldon-app": "m-default"}
    assert node["spec"]["selector"] == {"seldon-app-svc-classifier": "m-default-classifier"}
    assert own["metadata"]["labels"] == {
        "app.kubernetes.io/managed-by": "seldon-core",
        "seldon-app": "m-default",
        "seldon-deployment-id": "m",
    }
    assert node["metadata"]["labels"] == own["metadata"]["labels"] | {
        "seldon-app-svc-classifier": "m-default-classifier",
        "seldon.io/model": "true",
    }
    assert [(p["name"], p["port"], p["targetPort"]) for p in own["spec"]["ports"]] == [
        ("http", 8000, 8000),
        ("grpc", 5001, 5001),
    ]


def test_parameters_of_the_users_come_first(build: Any, iris: Any) -> None:
    iris["graph"]["parameters"] = [{"name": "method", "value": "<decision & function>", "type": "STRING"}]
    env = build(iris).env("classifier")

    assert [name for name, _ in env].index("PREDICTIVE_UNIT_PARAMETERS") == 5
    assert dict(env)["PREDICTIVE_UNIT_PARAMETERS"] == (
        '[{"name":"method","value":"\\u003cdecision \\u0026 function\\u003e","type":"STRING"},'
        '{"name":"model_uri","value":"/mnt/models","type":"STRING"}]'
    )
