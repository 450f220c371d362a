"""Servers that need more than an image: TensorFlow Serving, Triton, MLServer. Facts: specification 1.4."""

import json
from typing import Any

import pytest

from seldon_core import __version__
from seldon_core.operator.render import RenderError

MODEL = {"name": "model-provision-location", "mountPath": "/mnt/models", "readOnly": True}


def served(implementation: str, **fields: Any) -> dict[str, Any]:
    return {"name": "model", "implementation": implementation, "modelUri": "s3://b/m", **fields}


def predictor(graph: dict[str, Any], *containers: dict[str, Any]) -> dict[str, Any]:
    component_specs = [{"spec": {"containers": list(containers)}}] if containers else []
    return {"name": "p", "graph": graph, "componentSpecs": component_specs}


def names(result: Any) -> Any:
    return [c["name"] for c in result.pod()["containers"]], [c["name"] for c in result.pod().get("initContainers", ())]


def told(result: Any, container: str = "model") -> Any:
    return json.loads(dict(result.env(container))["PREDICTIVE_UNIT_PARAMETERS"])


class TestTensorFlow:
    def test_a_proxy_asks_a_server_in_its_pod(self, build: Any) -> None:
        result = build(predictor(served("TENSORFLOW_SERVER", modelUri="pvc://claim/x", envSecretRefName="s")))
        beside = result.container("tfserving")

        assert names(result) == (["model", "tfserving", "seldon-container-engine"], ["tfserving-model-initializer"])
        assert result.container("model")["image"] == "seldonio/tfserving-proxy:1.17.1"
        assert [mount["name"] for mount in result.container("model")["volumeMounts"]] == ["seldon-podinfo"]
        assert beside["image"] == "tensorflow/serving:2.1.0"
        assert beside["args"] == [
            "--port=2000",
            "--rest_api_port=2001",
            "--model_name=model",
            "--model_base_path=/mnt/models",
        ]
        assert [port["containerPort"] for port in beside["ports"]] == [2000, 2001]
        assert beside["volumeMounts"] == [
            {"name": "kfserving-pvc-source", "mountPath": "/mnt/pvc", "readOnly": True},
            {**MODEL, "name": "tfserving-provision-location"},
        ]
        assert result.container("tfserving-model-initializer")["envFrom"] == [{"secretRef": {"name": "s"}}]

    def test_the_proxy_is_told_where_the_server_is(self, build: Any) -> None:
        given = [{"name": "signature_name", "value": "s", "type": "STRING"}]

        assert [
            (p["name"], p["value"]) for p in told(build(predictor(served("TENSORFLOW_SERVER", parameters=given))))
        ] == [
            ("signature_name", "s"),
            ("rest_endpoint", "http://0.0.0.0:2001"),
            ("grpc_endpoint", "0.0.0.0:2000"),
            ("model_name", "model"),
        ]

    def test_an_endpoint_of_the_users_is_the_one_that_is_asked(self, build: Any) -> None:
        given = [{"name": "rest_endpoint", "value": "http://elsewhere", "type": "STRING"}]
        parameters = told(build(predictor(served("TENSORFLOW_SERVER", parameters=given))))

        assert [p["name"] for p in parameters] == ["rest_endpoint", "model_name"]

    def test_each_proxy_of_a_pod_has_a_server_of_its_own(self, build: Any) -> None:
        second = served("TENSORFLOW_SERVER", name="second", modelUri="s3://b/second")
        result = build(predictor(served("TENSORFLOW_SERVER", children=[second])))
        other = result.container("second-tfserving")

        assert names(result)[0] == ["model", "second", "tfserving", "second-tfserving", "seldon-container-engine"]
        assert other["args"][:3] == ["--port=2002", "--rest_api_port=2003", "--model_name=second"]
        assert told(result, "second")[0]["value"] == "http://0.0.0.0:2003"
        assert result.container("second-tfserving-model-initializer")["args"][0] == "s3://b/second"

    def test_the_users_container_of_that_name_is_completed(self, build: Any) -> None:
        mine = {"name": "tfserving", "image": "mine:1", "resources": {"limits": {"nvidia.com/gpu": "1"}}}
        result = build(predictor(served("TENSORFLOW_SERVER"), mine))
        found = result.container("tfserving")

        assert names(result)[0] == ["tfserving", "model", "seldon-container-engine"]
        assert (found["image"], found["resources"]) == ("mine:1", mine["resources"])
        assert found["args"][0] == "--port=2000"
        assert "readinessProbe" not in found

    def test_a_node_may_be_called_like_the_server(self, build: Any) -> None:
        result = build(predictor(served("TENSORFLOW_SERVER", name="tfserving")))

        assert names(result)[0] == ["tfserving", "tfserving-tfserving", "seldon-container-engine"]

    def test_without_an_image_for_the_server_it_says_what_to_do(self, build: Any) -> None:
        rows = {"TENSORFLOW_SERVER": {"protocols": {"tensorflow": None, "seldon": {"image": "proxy"}}}}

        with pytest.raises(RenderError, match="no image for the protocol tensorflow"):
            build(predictor(served("TENSORFLOW_SERVER")), values={"predictor_servers": rows})

    def test_with_its_own_protocol_there_is_no_proxy(self, build: Any) -> None:
        given = {"name": "model", "resources": {"requests": {"memory": "1Mi"}}}
        result = build(predictor(served("TENSORFLOW_SERVER"), given), protocol="tensorflow")
        container = result.container("model")

        assert names(result) == (["model", "seldon-container-engine"], ["model-model-initializer"])
        assert container["image"] == "tensorflow/serving:2.1.0"
        assert container["args"] == [
            "--port=9500",
            "--rest_api_port=9000",
            "--model_name=model",
            "--model_base_path=/mnt/models",
        ]
        assert MODEL in container["volumeMounts"]
        assert "PREDICTIVE_UNIT_PARAMETERS" not in dict(result.env("model"))
        assert result.rendered.address_url.endswith(":8000/v1/models/model:predict")


class TestTriton:
    ARGUMENTS = (
        "/opt/tritonserver/bin/tritonserver",
        "--grpc-port=9500",
        "--http-port=9000",
        "--model-repository=/mnt/models",
        "--strict-model-config=false",
    )

    @pytest.mark.parametrize("protocol", ["v2", "kfserving"])
    def test_it_gets_its_arguments(self, build: Any, protocol: str) -> None:
        result = build(predictor(served("TRITON_SERVER")), protocol=protocol)
        container = result.container("model")

        assert container["args"] == list(self.ARGUMENTS)
        assert [port["name"] for port in container["ports"]] == ["http", "grpc"]
        assert MODEL in container["volumeMounts"]
        assert "PREDICTIVE_UNIT_PARAMETERS" not in dict(result.env("model"))
        assert result.rendered.address_url.endswith(":8000/v2/models/model/infer")

    def test_arguments_and_ports_of_the_users_are_kept(self, build: Any) -> None:
        ports = [{"name": "metrics", "containerPort": 8002}, {"name": "http", "containerPort": 8000}]
        result = build(
            predictor(served("TRITON_SERVER"), {"name": "model", "args": ["a"], "ports": ports}), protocol="v2"
        )

        assert result.container("model")["args"] == ["a"]
        assert [port["containerPort"] for port in result.container("model")["ports"]] == [8002, 8000, 9500]

    def test_it_can_read_the_store_itself(self, build: Any) -> None:
        annotations = {"seldon.io/no-storage-initializer": "true"}
        graph = served("TRITON_SERVER", envSecretRefName="s")
        result = build(predictor(graph), protocol="v2", annotations=annotations)
        container = result.container("model")

        assert names(result) == (["model", "seldon-container-engine"], [])
        assert "--model-repository=s3://b/m" in container["args"]
        assert container["envFrom"] == [{"secretRef": {"name": "s"}}]
        assert [mount["name"] for mount in container["volumeMounts"]] == ["seldon-podinfo"]
        assert [volume["name"] for volume in result.pod()["volumes"]] == ["seldon-podinfo"]

    def test_no_other_server_can(self, build: Any) -> None:
        annotations = {"seldon.io/no-storage-initializer": "true"}

        assert names(build(predictor(served("SKLEARN_SERVER")), annotations=annotations))[1] == [
            "model-model-initializer"
        ]


MLSERVER_ROW = {
    "SKLEARN_SERVER": {"protocols": {"v2": {"image": "seldonio/mlserver", "defaultImageVersion": "1.7.1-sklearn"}}}
}


class TestMLServer:
    @pytest.mark.parametrize(
        ("implementation", "image", "runtime"),
        [
            ("SKLEARN_SERVER", "1.7.1-sklearn", "mlserver_sklearn.SKLearnModel"),
            ("XGBOOST_SERVER", "1.3.5-xgboost", "mlserver_xgboost.XGBoostModel"),
            ("MLFLOW_SERVER", "1.3.5-mlflow", "mlserver_mlflow.MLflowRuntime"),
            ("HUGGINGFACE_SERVER", "1.3.5-huggingface", "mlserver_huggingface.HuggingFaceRuntime"),
            ("TEMPO_SERVER", "1.3.5-slim", "tempo.mlserver.InferenceRuntime"),
        ],
    )
    def test_it_is_told_what_to_run(self, build: Any, implementation: str, image: str, runtime: str) -> None:
        result = build(predictor(served(implementation)), values={"predictor_servers": MLSERVER_ROW}, protocol="v2")

        assert result.container("model")["image"] == f"seldonio/mlserver:{image}"
        assert result.env("model")[:7] == [
            ("MLSERVER_HTTP_PORT", "9000"),
            ("MLSERVER_GRPC_PORT", "9500"),
            ("MLSERVER_MODEL_IMPLEMENTATION", runtime),
            ("MLSERVER_MODEL_NAME", "model"),
            ("MLSERVER_MODEL_VERSION", "v1"),
            ("MLSERVER_MODEL_URI", "/mnt/models"),
            (
                "TEMPO_RUNTIME_OPTIONS",
                '{"k8s_options": {"defaultRuntime": "tempo.seldon.SeldonKubernetesRuntime", "namespace": "ns"}}',
            ),
        ]
        assert "PREDICTIVE_UNIT_PARAMETERS" not in dict(result.env("model"))

    def test_a_server_of_ours_is_told_the_same_and_reads_it(self, build: Any) -> None:
        """So the pods of a user who goes from one to the other differ in the image alone."""
        ours = build(predictor(served("SKLEARN_SERVER")), protocol="v2")
        theirs = build(
            predictor(served("SKLEARN_SERVER")), values={"predictor_servers": MLSERVER_ROW}, protocol="v2"
        ).container("model")
        model = ours.container("model")

        assert model["image"] == f"localhost/seldon-core/sklearnserver:{__version__}"
        assert [e for e in model["env"] if e["name"] != "PREDICTIVE_UNIT_IMAGE"] == [
            e for e in theirs["env"] if e["name"] != "PREDICTIVE_UNIT_IMAGE"
        ]
        assert model["securityContext"]["readOnlyRootFilesystem"]
        assert "readOnlyRootFilesystem" not in theirs["securityContext"]
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            assert model[probe] == theirs[probe]

    def test_its_metrics_port_is_open(self, build: Any) -> None:
        result = build(predictor(served("SKLEARN_SERVER")), protocol="v2")

        assert {"name": "metrics", "containerPort": 6000, "protocol": "TCP"} in result.container("model")["ports"]
        assert dict(result.env("model"))["MLSERVER_METRICS_PORT"] == "6000"

    def test_it_says_itself_when_it_is_ready(self, build: Any) -> None:
        container = build(predictor(served("SKLEARN_SERVER")), protocol="v2").container("model")

        assert container["readinessProbe"]["httpGet"]["path"] == "/v2/health/ready"
        assert container["livenessProbe"]["httpGet"]["path"] == "/v2/health/live"
        assert {container[probe]["httpGet"]["port"] for probe in ("readinessProbe", "livenessProbe")} == {9000}

    def test_what_the_user_says_wins_in_its_place(self, build: Any) -> None:
        env = [{"name": "MINE", "value": "1"}, {"name": "MLSERVER_MODEL_VERSION", "value": "v7"}]
        probe = {"tcpSocket": {"port": 1}}
        given = {"name": "model", "env": env, "readinessProbe": probe}
        result = build(predictor(served("SKLEARN_SERVER"), given), protocol="v2")
        variables = result.env("model")

        assert variables[4] == ("MLSERVER_MODEL_VERSION", "v7")
        assert variables[7] == ("MINE", "1")
        assert len(dict(variables)) == len(variables)
        assert result.container("model")["readinessProbe"] == probe

    def test_parameters_are_the_users(self, build: Any) -> None:
        task = {"name": "task", "value": "text-generation", "type": "STRING"}
        result = build(predictor(served("HUGGINGFACE_SERVER", modelUri="", parameters=[task])), protocol="v2")

        assert told(result) == [task]
        assert "MLSERVER_MODEL_URI" not in dict(result.env("model"))
        assert names(result)[1] == []

    @pytest.mark.parametrize("protocol", ["v2", "kfserving"])
    def test_a_server_of_the_users_own_says_itself_what_it_runs(self, build: Any, protocol: str) -> None:
        rows = {"MY_SERVER": {"protocols": {"kfserving": {"image": "mine", "defaultImageVersion": "3"}}}}
        values = {"predictor_servers": rows}
        result = build(predictor(served("MY_SERVER")), values=values, protocol=protocol)

        assert result.container("model")["image"] == "mine:3"
        assert "MLSERVER_MODEL_IMPLEMENTATION" not in dict(result.env("model"))
        assert dict(result.env("model"))["MLSERVER_MODEL_URI"] == "/mnt/models"

    def test_a_container_of_the_users_beside_it_stays_its_own(self, build: Any) -> None:
        graph = {"name": "first", "children": [served("SKLEARN_SERVER")]}
        result = build(predictor(graph, {"name": "first", "image": "i:1"}), protocol="v2")

        assert "MLSERVER_MODEL_IMPLEMENTATION" not in dict(result.env("first"))
        assert "tcpSocket" in result.container("first")["readinessProbe"]


def test_kafka_changes_the_orchestrators_arguments_alone(build: Any, iris: Any) -> None:
    env = [{"name": name, "value": "x"} for name in ("KAFKA_BROKER", "KAFKA_INPUT_TOPIC", "KAFKA_OUTPUT_TOPIC")]
    given = iris | {"svcOrchSpec": {"env": env}}
    rpc, kafka = build(given), build(given, serverType="kafka")
    arguments = kafka.container("seldon-container-engine")["args"]

    assert arguments[arguments.index("--server_type") + 1] == "kafka"
    assert kafka.env("seldon-container-engine") == rpc.env("seldon-container-engine")
    assert kafka.rendered.services == rpc.rendered.services
