"""Pods whose server does the orchestrator's work: when there are such, and what differs in them. Decision 9."""

import base64
import json
import shlex
from typing import Any

import pytest

from seldon_core.operator.render import RenderError

ENGINE = "seldon-container-engine"
AUTO = {"executor": {"mode": "auto"}}
EMBEDDED = {"executor": {"mode": "embedded"}}
MODE = "seldon.io/executor-mode"
MINE = {"MY_SERVER": {"protocols": {"seldon": {"image": "mine/server", "defaultImageVersion": "1", "embedded": True}}}}


def names(result: Any) -> list[str]:
    return [container["name"] for container in result.pod()["containers"]]


def with_container(iris: Any, **fields: Any) -> Any:
    return {**iris, "componentSpecs": [{"spec": {"containers": [{"name": "classifier", **fields}]}}]}


def annotated(iris: Any, mode: str) -> Any:
    return {**iris, "annotations": {MODE: mode}}


def without_container(objects: Any) -> Any:
    """The objects but for what pods hold."""
    plain = json.loads(json.dumps(objects))
    for each in plain:
        if each["kind"] == "Deployment":
            del each["spec"]["template"]["spec"]
    return plain


class TestOneNodeOfOurs:
    def test_it_has_no_orchestrators_container(self, build: Any, iris: Any) -> None:
        assert names(build(iris, values=AUTO)) == ["classifier"]
        assert names(build(iris, values={"executor": {"mode": "sidecar"}})) == ["classifier", ENGINE]

    @pytest.mark.parametrize("protocol", ["seldon", "v2", "kfserving"])
    def test_only_the_container_differs_for_whoever_calls_it(self, build: Any, iris: Any, protocol: str) -> None:
        embedded, sidecar = build(iris, values=AUTO, protocol=protocol), build(iris, protocol=protocol)

        assert names(embedded) == ["classifier"]
        assert without_container(embedded.rendered.objects) == without_container(sidecar.rendered.objects)
        assert embedded.rendered.services == sidecar.rendered.services
        assert embedded.rendered.address_url == sidecar.rendered.address_url

    def test_the_server_is_told_what_the_orchestrator_would_be_told(self, build: Any, iris: Any) -> None:
        embedded, sidecar = build(iris, values=AUTO), build(iris)
        told, engine = dict(embedded.env("classifier")), sidecar.container(ENGINE)

        assert shlex.split(told["SELDON_EXECUTOR_ARGS"]) == engine["args"]
        assert told["ENGINE_PREDICTOR"] == dict(sidecar.env(ENGINE))["ENGINE_PREDICTOR"]
        assert json.loads(base64.b64decode(told["ENGINE_PREDICTOR"]))["graph"]["name"] == "classifier"

    def test_it_listens_on_all_ports_each_with_a_name_of_its_own(self, build: Any, iris: Any) -> None:
        ports = build(iris, values=AUTO).container("classifier")["ports"]

        assert {port["name"]: port["containerPort"] for port in ports} == {
            "metrics": 6000,
            "http": 9000,
            "grpc": 9500,
            "executor-http": 8000,
            "executor-grpc": 5001,
        }

    def test_the_executors_port_is_the_installations(self, build: Any, iris: Any) -> None:
        result = build(iris, values={"executor": {"mode": "auto", "port": 8123}})
        ports = {port["name"]: port["containerPort"] for port in result.container("classifier")["ports"]}
        (http, *_) = result.named("Service", "m-default")["spec"]["ports"]

        assert ports["executor-http"] == http["targetPort"] == 8123
        assert "--http_port 8123" in dict(result.env("classifier"))["SELDON_EXECUTOR_ARGS"]

    @pytest.mark.parametrize(("protocol", "path"), [("seldon", "/health/status"), ("v2", "/v2/health/ready")])
    def test_it_is_asked_each_second_whether_its_model_is_loaded(
        self, build: Any, iris: Any, protocol: str, path: str
    ) -> None:
        container = build(iris, values=AUTO, protocol=protocol).container("classifier")

        assert container["readinessProbe"]["httpGet"] == {"path": path, "port": 9000, "scheme": "HTTP"}
        assert container["readinessProbe"]["periodSeconds"] == container["startupProbe"]["periodSeconds"] == 1

    def test_a_probe_of_the_users_stays_as_written(self, build: Any, iris: Any) -> None:
        probe = {"tcpSocket": {"port": 9000}, "periodSeconds": 7}
        result = build(with_container(iris, readinessProbe=probe), values=AUTO)

        assert names(result) == ["classifier"]
        assert result.container("classifier")["readinessProbe"] == probe

    def test_it_serves_on_for_as_long_as_a_server_beside_an_orchestrator(self, build: Any, iris: Any) -> None:
        embedded, sidecar = build(iris, values=AUTO), build(iris)

        for field in ("lifecycle", "livenessProbe", "startupProbe", "securityContext", "volumeMounts", "image"):
            assert embedded.container("classifier")[field] == sidecar.container("classifier")[field]
        assert embedded.pod()["terminationGracePeriodSeconds"] == 20

    def test_a_variable_of_the_users_wins(self, build: Any, iris: Any) -> None:
        env = [{"name": "SELDON_EXECUTOR_ARGS", "value": "--sdep mine --predictor p"}]
        told = build(with_container(iris, env=env), values=AUTO).env("classifier")

        assert [value for name, value in told if name == "SELDON_EXECUTOR_ARGS"] == ["--sdep mine --predictor p"]

    def test_containers_beside_it_stay(self, build: Any, iris: Any) -> None:
        predictor = with_container(iris)
        beside = {"name": "beside", "image": "i:1"}
        predictor["componentSpecs"][0]["spec"]["containers"].append(beside)
        result = build(predictor, values=AUTO)

        assert names(result) == ["classifier", "beside"]
        assert "ENGINE_PREDICTOR" not in dict(result.env("beside"))

    def test_a_shadow_can_have_it_too(self, build: Any, iris: Any) -> None:
        result = build({**iris, "traffic": 100}, {**iris, "name": "s", "shadow": True}, values=AUTO)

        assert [len(o["spec"]["template"]["spec"]["containers"]) for o in result.of_kind("Deployment")] == [1, 1]

    def test_a_row_of_the_users_own_can_say_that_its_image_can(self, build: Any, iris: Any) -> None:
        predictor = {**iris, "graph": {**iris["graph"], "implementation": "MY_SERVER"}}

        assert names(build(predictor, values={**AUTO, "predictor_servers": MINE})) == ["classifier"]

    def test_another_image_in_our_row_cannot(self, build: Any, iris: Any) -> None:
        rows = {"SKLEARN_SERVER": {"protocols": {"seldon": {"image": "seldonio/sklearnserver"}}}}

        assert names(build(iris, values={**AUTO, "predictor_servers": rows})) == ["classifier", ENGINE]


def children(iris: Any) -> Any:
    child = {**iris["graph"], "name": "second"}
    return {**iris, "graph": {**iris["graph"], "children": [child]}}


CASES: dict[str, tuple[Any, dict[str, Any], str]] = {
    "two nodes": (children, {}, "the graph has more than one node"),
    "an image of the user's": (
        lambda iris: with_container(iris, image="mine:1"),
        {},
        "classifier is served by an image of your own",
    ),
    "a row of another image": (
        lambda iris: {**iris, "graph": {**iris["graph"], "implementation": "XGBOOST_SERVER"}},
        {},
        "the row of XGBOOST_SERVER in predictor_servers does not say `embedded: true` of its image",
    ),
    "resources of the orchestrator": (
        lambda iris: {**iris, "svcOrchSpec": {"resources": {"requests": {"cpu": "1"}}}},
        {},
        "svcOrchSpec (or engineResources) is about the orchestrator's container",
    ),
    "variables of the orchestrator": (
        lambda iris: {**iris, "svcOrchSpec": {"env": [{"name": "A", "value": "b"}]}},
        {},
        "svcOrchSpec (or engineResources) is about the orchestrator's container",
    ),
    "engineResources": (
        lambda iris: {**iris, "engineResources": {"requests": {"cpu": "1"}}},
        {},
        "svcOrchSpec (or engineResources) is about the orchestrator's container",
    ),
    "annotations of the orchestrator": (
        lambda iris: iris,
        {"annotations": {"seldon.io/engine-log-level": "debug"}},
        "annotations seldon.io/engine-* are about the orchestrator's container",
    ),
    "pods of its own": (
        lambda iris: iris,
        {"annotations": {"seldon.io/engine-separate-pod": "true"}},
        "annotation seldon.io/engine-separate-pod gives the orchestrator pods of its own",
    ),
    "a request logger": (
        lambda iris: {**iris, "graph": {**iris["graph"], "logger": {"mode": "all"}}},
        {},
        "the graph has a logger, which is the orchestrator's",
    ),
    "a certificate": (
        lambda iris: {**iris, "ssl": {"certSecretName": "tls"}},
        {},
        "the predictor has a certificate (ssl)",
    ),
    "a command": (
        lambda iris: with_container(iris, command=["sleep"]),
        {},
        "container classifier has a command of your own",
    ),
    "a port that is taken": (
        lambda iris: with_container(iris, ports=[{"name": "http", "containerPort": 8000}]),
        {},
        "container classifier has the port 8000 that it would take",
    ),
}


class TestWhereItCannotBe:
    @pytest.mark.parametrize("case", CASES)
    def test_auto_keeps_the_orchestrators_container_without_a_word(self, build: Any, iris: Any, case: str) -> None:
        change, spec, _ = CASES[case]
        auto, sidecar = build(change(iris), values=AUTO, **spec), build(change(iris), **spec)

        assert auto.rendered == sidecar.rendered
        assert any(ENGINE in json.dumps(each) for each in auto.of_kind("Deployment"))

    @pytest.mark.parametrize("case", CASES)
    def test_who_asks_for_it_is_told_why_not(self, build: Any, iris: Any, case: str) -> None:
        change, spec, reason = CASES[case]
        result = build(annotated(change(iris), "embedded"), **spec)

        assert any(ENGINE in json.dumps(each) for each in result.of_kind("Deployment"))
        assert (
            f"spec.predictors[0].annotations[{MODE}]: embedded cannot be, because {reason}; the predictor gets an "
            "orchestrator's container (sidecar)." in result.rendered.warnings
        )

    def test_an_installation_that_asks_for_it_tells_why_not_too(self, build: Any, iris: Any) -> None:
        (warning,) = build(children(iris), values=EMBEDDED).rendered.warnings

        assert warning.startswith("spec.predictors[0]: executor.mode: embedded cannot be, because the graph has more")

    def test_without_any_orchestrator_there_is_none(self, build: Any, iris: Any) -> None:
        predictor = {**iris, "annotations": {"seldon.io/no-engine": "true"}}
        result = build(predictor, values=AUTO)

        assert names(result) == ["classifier"]
        assert "SELDON_EXECUTOR_ARGS" not in dict(result.env("classifier"))


class TestTheAnnotation:
    @pytest.mark.parametrize(
        ("installation", "predictor", "embedded"),
        [
            ("auto", "sidecar", False),
            ("auto", "embedded", True),
            ("sidecar", "auto", True),
            ("sidecar", "embedded", True),
            ("embedded", "sidecar", False),
            ("embedded", "auto", True),
        ],
    )
    def test_it_wins(self, build: Any, iris: Any, installation: str, predictor: str, embedded: Any) -> None:
        result = build(annotated(iris, predictor), values={"executor": {"mode": installation}})

        assert names(result) == (["classifier"] if embedded else ["classifier", ENGINE])
        assert result.rendered.warnings == ()

    def test_each_predictor_has_its_own(self, build: Any, iris: Any) -> None:
        result = build({**annotated(iris, "sidecar"), "traffic": 50}, {**iris, "name": "b", "traffic": 50}, values=AUTO)

        assert [len(o["spec"]["template"]["spec"]["containers"]) for o in result.of_kind("Deployment")] == [2, 1]

    def test_another_word_is_refused_with_those_that_it_takes(self, build: Any, iris: Any) -> None:
        with pytest.raises(RenderError, match=r'annotation seldon\.io/executor-mode: "inside" is no mode; write auto'):
            build(annotated(iris, "inside"))

    @pytest.mark.parametrize("place", ["metadata", "spec"])
    def test_elsewhere_it_has_no_effect_and_that_is_said(self, build: Any, iris: Any, place: str) -> None:
        given = {MODE: "embedded"}
        more = {"metadata": {"annotations": given}} if place == "metadata" else {"annotations": given}
        result = build(iris, **more)

        assert names(result) == ["classifier", ENGINE]
        assert result.rendered.warnings == (
            f"{place}.annotations[{MODE}]: has no effect here; write it below a predictor's annotations.",
        )
