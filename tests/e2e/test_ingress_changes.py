"""Users who go on asking while a deployment changes lose no request: each answer comes, once, and is the model's.

What changes is what people change: the API's version, a container's name, the graph, where the orchestrator runs,
autoscaler and disruption budget. One deployment goes through all of it under one load, so that what a change leaves
behind (pods that end, connections that are kept) meets the next one.

The containers that the manifests name stay as their user wrote them, so the namespaces enforce `baseline`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.harness import manifests
from tests.e2e.harness.gateways import Route
from tests.e2e.harness.load import Load
from tests.e2e.harness.waiting import Object, wait_for
from tests.e2e.harness.workspace import Workspace

pytestmark = [
    pytest.mark.ingress,
    pytest.mark.alone,
    pytest.mark.pod_security("baseline"),
    pytest.mark.cpus(0.5),
]

NAME, SECRET, PREDICTOR = "iris", "seldon-rclone-secret", "main"
OTHER_PREDICTOR = "second"
ROUTE = Route({f"{NAME}-{PREDICTOR}:8000": 100})
PAST_THE_ORCHESTRATOR = Route({f"{NAME}-{PREDICTOR}:9000": 100})
OTHER_ROUTE = Route({f"{NAME}-{OTHER_PREDICTOR}:8000": 100})
BUDGET = ("policy/v1", "PodDisruptionBudget")
PROMISED_REQUESTS = 10_000
# So many answers in a row come from the new graph alone; of two equal branches both are among them.
LAST_ANSWERS = 60


def deployment(index: int, suffix: str, predictor: str = PREDICTOR) -> str:
    """The name of a Deployment of this module's SeldonDeployment."""
    return f"{NAME}-{predictor}-{index}-{suffix}"


def iris(
    *containers: str,
    component: dict[str, Any] | None = None,
    separate: bool = False,
    predictor: str = PREDICTOR,
    api_version: str = manifests.API_VERSION,
    **more: Any,
) -> Object:
    """A model in each container, in pods of its own; of two models each gets half of the requests."""
    models = [manifests.unit(container, env_secret=SECRET) for container in containers]
    graph = models[0]
    if len(models) > 1:
        ratio = {"name": "ratioA", "value": "0.5", "type": "FLOAT"}
        graph = {"name": "ab", "implementation": "RANDOM_ABTEST", "parameters": [ratio], "children": models}
    components = [manifests.component(container, **(component or {})) for container in containers]
    if separate:
        more["svcOrchSpec"] = manifests.SMALL_ORCHESTRATOR
    spec: Object = {"predictors": [manifests.predictor(predictor, graph, componentSpecs=components, **more)]}
    if separate:
        spec["annotations"] = {"seldon.io/engine-separate-pod": "true"}
    return manifests.seldon_deployment(NAME, spec, api_version=api_version)


@dataclass(frozen=True)
class Step:
    """A change: what is applied, and when it is done the Deployments, the containers that answer, and the route."""

    name: str
    manifest: Object
    deployments: frozenset[str]
    containers: frozenset[str] = frozenset({"model"})
    route: Route = ROUTE


ONE = frozenset({deployment(0, "model")})
SIDECAR = {"annotations": {"seldon.io/executor-mode": "sidecar"}, "svcOrchSpec": manifests.SMALL_ORCHESTRATOR}
NO_ENGINE = {"annotations": {"seldon.io/no-engine": "true"}}
STEPS = (
    Step(
        "v1alpha2 becomes v1",
        iris("classifier"),
        frozenset({deployment(0, "classifier")}),
        frozenset({"classifier"}),
    ),
    Step("a container is renamed", iris("model"), ONE),
    Step(
        "a second componentSpec comes",
        iris("model", "rival"),
        frozenset({deployment(0, "model"), deployment(1, "rival")}),
        frozenset({"model", "rival"}),
    ),
    Step("the second componentSpec goes", iris("model"), ONE),
    Step(
        "the orchestrator gets pods of its own",
        iris("model", separate=True),
        ONE | {f"{NAME}-{PREDICTOR}-svc-orch"},
    ),
    Step("the orchestrator comes back to the model's pods", iris("model"), ONE),
    Step("the orchestrator gets a container of its own", iris("model", **SIDECAR), ONE),
    Step("the orchestrator is switched off", iris("model", **NO_ENGINE), ONE, route=PAST_THE_ORCHESTRATOR),
    Step("the orchestrator is switched on", iris("model"), ONE),
    Step(
        "the predictor is renamed, so that the route leads to another Service",
        iris("model", predictor=OTHER_PREDICTOR),
        frozenset({deployment(0, "model", OTHER_PREDICTOR)}),
        route=OTHER_ROUTE,
    ),
)


def change(workspace: Workspace, load: Load, step: Step) -> None:
    """Make a change under load; when it is done, its containers answer, and no other."""
    with load.during(step.name):
        workspace.apply(step.manifest)
        workspace.wait_settled(NAME, deployments=step.deployments, route=step.route)
    answered = {record.answered_by for record in load.records[-LAST_ANSWERS:]}
    assert answered == step.containers, f"after {step.name}: answers come from {sorted(answered)}"


@pytest.mark.long(200)
def test_no_request_is_lost_while_a_deployment_changes(workspace: Workspace) -> None:
    oldest = "machinelearning.seldon.io/v1alpha2"
    workspace.apply(manifests.rclone_secret(SECRET), iris("classifier", api_version=oldest))
    workspace.wait_available(NAME)

    with workspace.load(NAME) as load:
        for step in STEPS:
            change(workspace, load, step)

    assert len(load.records) >= PROMISED_REQUESTS


@pytest.mark.long(60)
def test_no_request_is_lost_while_an_autoscaler_and_a_budget_work(workspace: Workspace) -> None:
    name = deployment(0, "model")
    workspace.apply(manifests.rclone_secret(SECRET), iris("model"))
    workspace.wait_available(NAME)

    def budget_allows_one() -> None:
        budget = workspace.cluster.get(*BUDGET, name, workspace.namespace)
        assert budget is not None, "the disruption budget is not there"
        allowed = budget.get("status", {}).get("disruptionsAllowed", 0)
        assert allowed == 1, f"the budget allows {allowed} disruptions"

    with workspace.load(NAME) as load:
        guarded = {"hpaSpec": {"minReplicas": 2, "maxReplicas": 3}, "pdbSpec": {"minAvailable": 1}}
        with load.during("an autoscaler doubles the pods, a budget guards them"):
            workspace.apply(iris("model", component=guarded))
            wait_for(budget_allows_one, what="two pods below the budget", seconds=workspace.timeouts.rollout)
            workspace.wait_settled(NAME, deployments=ONE, route=ROUTE)

        first, second = (pod["metadata"]["name"] for pod in workspace.pods(NAME))
        with load.during("a pod is evicted"):
            assert workspace.cluster.evict(workspace.namespace, first) == (201, "")
            status, message = workspace.cluster.evict(workspace.namespace, second)
            assert (status, "disruption budget" in message) == (429, True), f"{status} {message}"
            wait_for(budget_allows_one, what="a pod in the evicted one's place", seconds=workspace.timeouts.rollout)

        with load.during("autoscaler and budget go"):
            workspace.apply(iris("model"))
            workspace.wait_settled(NAME, deployments=ONE, route=ROUTE)

    assert workspace.cluster.get(*BUDGET, name, workspace.namespace) is None
