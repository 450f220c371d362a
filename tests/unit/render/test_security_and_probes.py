"""Containers that we add meet Pod Security `restricted`; readiness of our own servers is real and fast."""

from typing import Any

import pytest

RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}
INIT = "classifier-model-initializer"
OTHER_IMAGE = {"SKLEARN_SERVER": {"protocols": {"seldon": {"image": "their/server", "embedded": False}}}}


def declared(iris: Any, **container: Any) -> Any:
    return {**iris, "componentSpecs": [{"spec": {"containers": [{"name": "classifier", **container}]}}]}


def test_added_containers_are_restricted_with_a_read_only_root(build: Any, iris: Any) -> None:
    result = build(iris)

    for name in ("classifier", INIT, "seldon-container-engine"):
        context = result.container(name)["securityContext"]
        assert context.items() >= (RESTRICTED | {"readOnlyRootFilesystem": True}).items()
    assert result.container("seldon-container-engine")["securityContext"]["runAsUser"] == 8888


def test_our_server_that_is_listed_for_its_resources_is_restricted(build: Any, iris: Any) -> None:
    container = build(declared(iris, resources={"requests": {"cpu": "1"}})).container("classifier")

    assert container["securityContext"] == RESTRICTED


@pytest.mark.parametrize("context", [{"runAsUser": 0}, {}, {"readOnlyRootFilesystem": True}])
def test_a_security_context_of_the_users_stays_as_written(build: Any, iris: Any, context: Any) -> None:
    assert build(declared(iris, securityContext=context)).container("classifier")["securityContext"] == context


def test_a_container_with_the_users_image_stays_as_written(build: Any, iris: Any) -> None:
    assert "securityContext" not in build(declared(iris, image="their/image:1")).container("classifier")


def test_another_image_may_write_to_its_root(build: Any, iris: Any) -> None:
    context = build(iris, values={"predictor_servers": OTHER_IMAGE}).container("classifier")["securityContext"]

    assert context == RESTRICTED


def test_a_pod_that_asks_for_root_gets_an_init_container_that_may_be_root(build: Any, iris: Any) -> None:
    predictor = declared(iris)
    predictor["componentSpecs"][0]["spec"]["securityContext"] = {"runAsUser": 0}
    result = build(predictor)

    assert "runAsNonRoot" not in result.container(INIT)["securityContext"]
    assert result.container("seldon-container-engine")["securityContext"]["runAsNonRoot"] is True


@pytest.mark.parametrize("container", [None, {}, {"resources": {"requests": {"cpu": "1"}}}])
def test_our_server_is_asked_for_its_health(build: Any, iris: Any, container: Any) -> None:
    found = build(iris if container is None else declared(iris, **container)).container("classifier")

    assert found["readinessProbe"]["httpGet"] == {"path": "/health/status", "port": 9000, "scheme": "HTTP"}
    assert found["livenessProbe"]["httpGet"]["path"] == "/health/ping"
    assert found["startupProbe"]["httpGet"]["path"] == "/health/status"
    assert not any("initialDelaySeconds" in found[f"{kind}Probe"] for kind in ("readiness", "liveness", "startup"))


@pytest.mark.parametrize("case", ["the user's image", "another row", "certificate"])
def test_other_servers_keep_the_recorded_probes(build: Any, iris: Any, case: Any) -> None:
    values = {"predictor_servers": OTHER_IMAGE} if case == "another row" else None
    predictor = declared(iris, image="mine:1") if case == "the user's image" else iris
    if case == "certificate":
        predictor = {**iris, "ssl": {"certSecretName": "tls"}}
    found = build(predictor, values=values).container("classifier")
    probe = {
        "tcpSocket": {"port": 9000},
        "timeoutSeconds": 1,
        "periodSeconds": 5,
        "successThreshold": 1,
        "failureThreshold": 3,
    }

    assert found["readinessProbe"] == probe | {"initialDelaySeconds": 20}
    assert found["livenessProbe"] == probe | {"initialDelaySeconds": 60}
    assert "startupProbe" not in found


def test_a_startup_probe_of_the_users_makes_the_delays_needless(build: Any, iris: Any) -> None:
    found = build(declared(iris, image="mine:1", startupProbe={"exec": {"command": ["true"]}})).container("classifier")

    assert "initialDelaySeconds" not in found["readinessProbe"]
    assert "initialDelaySeconds" not in found["livenessProbe"]


def test_grpc_models_are_probed_on_their_grpc_port(build: Any, iris: Any) -> None:
    found = build(declared(iris, image="mine:1"), transport="grpc").container("classifier")

    assert found["readinessProbe"]["tcpSocket"] == {"port": 9500}


def test_the_orchestrator_is_asked_each_second_from_the_start(build: Any, iris: Any) -> None:
    engine = build(iris).container("seldon-container-engine")

    assert engine["readinessProbe"]["httpGet"] == {"path": "/ready", "port": 8000, "scheme": "HTTP"}
    assert engine["livenessProbe"]["httpGet"]["path"] == "/live"
    assert engine["readinessProbe"]["periodSeconds"] == engine["startupProbe"]["periodSeconds"] == 1
    assert "initialDelaySeconds" not in engine["readinessProbe"]


def test_the_orchestrator_ends_before_the_models(build: Any, iris: Any) -> None:
    engine = build(iris).container("seldon-container-engine")

    assert engine["lifecycle"] == {"preStop": {"exec": {"command": ["/bin/sleep", "5"]}}}


def test_ssl_without_a_secret_asks_for_no_certificate(build: Any, iris: Any) -> None:
    without, empty = build(iris), build({**iris, "ssl": {}})

    assert empty.pod()["volumes"] == without.pod()["volumes"]
    assert empty.container("classifier") == without.container("classifier")
    assert empty.container("seldon-container-engine")["readinessProbe"]["httpGet"]["scheme"] == "HTTP"
