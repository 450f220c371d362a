"""Users of a graph, over REST and over gRPC at once, lose no request while its pods are replaced.

The orchestrator and two transformers are in one pod, the model in another: what has to follow the pods are the
gateway's connections, and the orchestrator's own ones to the model's Service. The transformers undo each other, so that
an answer is right where it is the model's to that very row.

The containers that the manifests name stay as their user wrote them, so the namespace enforces `baseline`.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.e2e.harness import images, manifests
from tests.e2e.harness.gateways import Route
from tests.e2e.harness.load import during
from tests.e2e.harness.waiting import Object
from tests.e2e.harness.workspace import Workspace

pytestmark = [pytest.mark.alone, pytest.mark.pod_security("baseline"), pytest.mark.long(40)]

NAME, PREDICTOR, SECRET = "rolling", "main", "seldon-rclone-secret"
ENTRY, MODEL = f"{NAME}-{PREDICTOR}-0-double-halve", f"{NAME}-{PREDICTOR}-1-classifier"
DEPLOYMENTS = frozenset({ENTRY, MODEL})
ONE = frozenset({f"{NAME}-{PREDICTOR}-0-classifier"})
ROUTE = Route({f"{NAME}-{PREDICTOR}:8000": 100})


def transformer(name: str) -> Object:
    """A container of the class Linear; the startup probe spares it the delay of a server that nobody knows."""
    probe = {"httpGet": {"path": "/health/status", "port": "http"}, "periodSeconds": 1, "failureThreshold": 60}
    return {"name": name, "image": images.GRAPH_EXAMPLE, "args": ["Linear"], "startupProbe": probe}


def step(name: str, slope: str, child: Object) -> Object:
    """A transformer's node."""
    parameter = {"name": "slope", "value": slope, "type": "FLOAT"}
    return {"name": name, "type": "TRANSFORMER", "parameters": [parameter], "children": [child]}


def rolling() -> Object:
    """The SeldonDeployment of this module."""
    graph = step("double", "2", step("halve", "0.5", manifests.unit("classifier", env_secret=SECRET)))
    components = [
        {"spec": {"containers": [transformer("double"), transformer("halve")]}},
        manifests.component("classifier"),
    ]
    predictor = manifests.predictor(PREDICTOR, graph, componentSpecs=components)
    return manifests.seldon_deployment(NAME, {"predictors": [predictor]})


@dataclass(frozen=True)
class Step:
    """A change, and what is there when it is done; a Deployment to restart where nothing is applied."""

    name: str
    deployments: frozenset[str]
    restarted: str = ""
    applied: Object | None = None


def alone(mode: str) -> Object:
    """One model, whose server does the orchestrator's work (`embedded`), or does not (`sidecar`)."""
    predictor = {"name": PREDICTOR, "replicas": 1, "graph": manifests.unit("classifier", env_secret=SECRET)}
    annotations = {"seldon.io/executor-mode": mode}
    return manifests.seldon_deployment(NAME, {"predictors": [predictor | {"annotations": annotations}]})


def run(workspace: Workspace, begun: Object, units: tuple[str, ...], *steps: Step) -> None:
    """Apply, load over REST and gRPC, go through the steps; the units have given each answer."""
    workspace.apply(manifests.rclone_secret(SECRET), begun)
    workspace.wait_available(NAME)
    workspace.wait_led(NAME)
    workspace.wait_led_over_grpc(NAME)

    with workspace.load(NAME) as rest, workspace.load(NAME, over_grpc=True) as rpc:
        for each in steps:
            before = {pod["metadata"]["uid"] for pod in workspace.pods(NAME)}
            with during(each.name, rest, rpc):
                if each.applied is not None:
                    workspace.apply(each.applied)
                else:
                    workspace.restart_deployment(each.restarted)
                workspace.wait_settled(NAME, deployments=each.deployments, route=ROUTE)
            assert {pod["metadata"]["uid"] for pod in workspace.pods(NAME)} - before, "no pod is new"

    for load in (rest, rpc):
        assert {record.answered_by for record in load.records} == {"+".join(sorted(units))}


def test_no_request_is_lost_while_the_pods_of_a_graph_roll(workspace: Workspace) -> None:
    run(
        workspace,
        rolling(),
        ("double", "halve", "classifier"),
        Step("the model's pod rolls", DEPLOYMENTS, restarted=MODEL),
        Step("the orchestrator's pod rolls", DEPLOYMENTS, restarted=ENTRY),
    )


@pytest.mark.cpus(0.7)
def test_no_request_is_lost_while_a_model_without_an_orchestrator_rolls(workspace: Workspace) -> None:
    """Each change replaces its pods."""
    run(
        workspace,
        alone("embedded"),
        ("classifier",),
        Step("an orchestrator comes", ONE, applied=alone("sidecar")),
        Step("the orchestrator goes", ONE, applied=alone("embedded")),
    )
