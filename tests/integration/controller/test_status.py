"""What is said of trouble, and what becomes of what is taken out of use, on a real API server with its controllers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from seldon_core.kube.resources import DEPLOYMENTS, EVENTS, HORIZONTAL_POD_AUTOSCALERS, PODS, Resource
from seldon_core.operator.objects.kinds import GRPC_ROUTES, HTTP_ROUTES, SELDON_DEPLOYMENTS, VIRTUAL_SERVICES
from tests.integration.controller.world import Life, World
from tests.integration.controlplane import OPERATOR, until

SECONDS = 30.0
DEPLOYMENT = "iris-default-0-classifier"


def iris(**component: Any) -> Any:
    """A SeldonDeployment with one container of the user's; for `Life.apply`."""
    container = {"name": "classifier", "image": "registry.example/model:1"}

    def state(namespace: str) -> dict[str, Any]:
        pods = {"spec": {"containers": [container]}} | component
        predictor = {"name": "default", "graph": {"name": "classifier", "type": "MODEL"}, "componentSpecs": [pods]}
        return {
            "apiVersion": "machinelearning.seldon.io/v1",
            "kind": "SeldonDeployment",
            "metadata": {"name": "iris", "namespace": namespace},
            "spec": {"predictors": [predictor]},
        }

    return state


def status(life: Life) -> dict[str, Any]:
    """The SeldonDeployment's status, of its present generation; else nothing."""
    found = life.world.plane.find(SELDON_DEPLOYMENTS.path(namespace=life.namespace, name="iris")) or {"metadata": {}}
    said: dict[str, Any] = found.get("status") or {}
    return said if said.get("observedGeneration") == found["metadata"].get("generation") else {}


def wait_state(life: Life, state: str, words: str = "") -> dict[str, Any]:
    """Wait for a state with these words in the description."""

    def reached() -> dict[str, Any]:
        found = status(life)
        return found if found.get("state") == state and words in found.get("description", "") else {}

    return until(reached, SECONDS, lambda: f"{status(life)} {life.controller.tail()}")


def told(life: Life, reason: str) -> list[tuple[str, int]]:
    """Message and count of the SeldonDeployment's events of a reason."""
    return [
        (event["message"], event["count"])
        for event in life.world.plane.items(EVENTS.path(namespace=life.namespace))
        if event["involvedObject"]["kind"] == "SeldonDeployment" and event["reason"] == reason
    ]


def live(life: Life, resource: Resource, name: str) -> dict[str, Any] | None:
    """An object of the namespace."""
    return life.world.plane.find(resource.path(namespace=life.namespace, name=name))


def written(life: Life) -> int:
    """How many writes of controllers the audit log has about this namespace, Leases and certificates left out."""
    ours = life.world.plane.audit(verbs=("create", "update", "patch", "delete"), user=OPERATOR)
    kinds = {"seldondeployments", "deployments", "services", "events", "virtualservices", "horizontalpodautoscalers"}
    return sum(
        1
        for entry in ours
        if (entry.get("objectRef") or {}).get("namespace") == life.namespace and entry["objectRef"]["resource"] in kinds
    )


def restart(life: Life, **values: Any) -> None:
    """Another process of the controller, with these values changed."""
    life.controller.stop()
    file = life.controller.log.parent / "values.yaml"
    file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | values))
    before = life.controller.log.read_text().count('"caches are complete"')
    life.controller.start()
    until(
        lambda: life.controller.log.read_text().count('"caches are complete"') > before,
        SECONDS,
        lambda: f"the caches are not complete {life.controller.tail()}",
    )
    until(lambda: life.controller.metric("seldon_operator_reconciles_total") > 0, SECONDS, life.controller.tail)


@pytest.fixture
def life(world: World, request: pytest.FixtureRequest) -> Iterator[Life]:
    with world.life(request.node.name.removeprefix("test_").replace("_", "-")[:60].strip("-")) as life:
        yield life


def test_pods_that_a_limit_range_forbids(life: Life) -> None:
    limit = {"limits": [{"type": "Container", "max": {"cpu": "100m"}}]}
    manifest = {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "small"}, "spec": limit}
    life.world.plane.request("POST", f"/api/v1/namespaces/{life.namespace}/limitranges", manifest)
    life.controller.start()
    life.apply(iris())
    found = wait_state(life, "Failed", f"Deployment {DEPLOYMENT} cannot create its pods: maximum cpu usage")
    ready = next(c for c in found["conditions"] if c["type"] == "Ready")
    assert (ready["status"], ready["reason"], ready["message"]) == ("False", "ReplicaFailure", found["description"])
    until(lambda: told(life, "ReplicaFailure"), SECONDS, life.controller.tail)

    before = written(life)
    restart(life)
    assert told(life, "ReplicaFailure") == [(found["description"], 1)]
    assert written(life) == before


def test_a_pod_that_crashes_is_one_event_with_a_count(life: Life) -> None:
    life.controller.start()
    life.apply(iris())
    wait_state(life, "Available")
    (pod,) = life.world.plane.items(PODS.path(namespace=life.namespace))

    def crash(restarts: int) -> None:
        ended = {"exitCode": 3, "reason": "Error", "message": "no licence", "finishedAt": "2026-11-21T00:00:00Z"}
        container = {"name": "classifier", "image": "i", "imageID": "", "ready": False, "restartCount": restarts}
        said = {"phase": "Running", "containerStatuses": [container | {"state": {"terminated": ended}}]}
        said["conditions"] = [{"type": "Ready", "status": "False"}]
        path = PODS.path(namespace=life.namespace, name=pod["metadata"]["name"], subresource="status")
        life.world.plane.request("PATCH", path, {"status": said}, content_type="application/merge-patch+json")

    crash(0)
    sentence = f"container classifier of pod {pod['metadata']['name']} failed with exit code 3: no licence"
    assert wait_state(life, "Failed", "no licence")["description"] == sentence
    until(lambda: told(life, "ContainerFailed") == [(sentence, 1)], SECONDS, life.controller.tail)

    restart(life)
    crash(1)
    until(lambda: told(life, "ContainerFailed") == [(sentence, 2)], SECONDS, lambda: str(told(life, "ContainerFailed")))


def test_without_its_autoscaler_it_has_one_replica(life: Life) -> None:
    life.controller.start()
    life.apply(iris(hpaSpec={"minReplicas": 1, "maxReplicas": 6}))
    wait_state(life, "Available")
    # What the autoscaler's controller does, under its name.
    path = DEPLOYMENTS.path(namespace=life.namespace, name=DEPLOYMENT, subresource="scale")
    scale = {"spec": {"replicas": 3}}
    query = "?fieldManager=kube-controller-manager"
    life.world.plane.request("PATCH", path + query, scale, content_type="application/merge-patch+json")
    until(
        lambda: (status(life).get("deploymentStatus") or {}).get(DEPLOYMENT) == {"replicas": 3, "availableReplicas": 3},
        SECONDS,
        lambda: str(status(life)),
    )
    life.apply(iris())
    wait_state(life, "Available")
    until(
        lambda: (
            live(life, HORIZONTAL_POD_AUTOSCALERS, DEPLOYMENT) is None
            and (live(life, DEPLOYMENTS, DEPLOYMENT) or {})["spec"]["replicas"] == 1
        ),
        SECONDS,
        lambda: f"{live(life, DEPLOYMENTS, DEPLOYMENT)} {life.controller.tail()}",
    )
    before = written(life)
    restart(life)
    assert (live(life, DEPLOYMENTS, DEPLOYMENT) or {})["spec"]["replicas"] == 1
    assert written(life) - before <= 1  # a number that is the default, and no longer asked for, is let go


def test_routes_of_what_is_switched_off_go(life: Life) -> None:
    life.controller.start()
    life.apply(iris())
    wait_state(life, "Available")
    until(lambda: live(life, VIRTUAL_SERVICES, "iris"), SECONDS, life.controller.tail)
    restart(life, istio={"enabled": False})
    until(lambda: live(life, VIRTUAL_SERVICES, "iris") is None, SECONDS, life.controller.tail)
    assert live(life, HTTP_ROUTES, "iris") is not None
    assert live(life, GRPC_ROUTES, "iris") is not None
    wait_state(life, "Available")


def test_advice_is_told_once_for_each_generation(life: Life) -> None:
    life.controller.start()
    idle = {"spec": {"containers": [{"name": "other", "image": "registry.example/other:1"}]}}

    def state(namespace: str, image: str = "registry.example/model:1") -> dict[str, Any]:
        manifest: dict[str, Any] = iris()(namespace)
        components = manifest["spec"]["predictors"][0]["componentSpecs"]
        components[0]["spec"]["containers"][0]["image"] = image
        components.append(idle)
        return manifest

    life.apply(state)
    wait_state(life, "Available")
    until(lambda: [count for _, count in told(life, "Advice")] == [1], SECONDS, life.controller.tail)
    before = written(life)
    restart(life)
    assert written(life) == before

    life.apply(lambda namespace: state(namespace, "registry.example/model:2"))
    until(lambda: [count for _, count in told(life, "Advice")] == [2], SECONDS, lambda: f"{told(life, 'Advice')}")
