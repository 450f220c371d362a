"""Autoscalers and disruption budgets: who decides about replicas, and that nobody else does."""

from typing import Any

import pytest

from seldon_core.kube import resources
from tests.unit.kube.fake_api import failure
from tests.unit.operator.cluster import DEPLOYMENTS, SDEPS, Cluster, cluster, iris, is_state

pytestmark = pytest.mark.asyncio

NAME = "iris-default-0-classifier"
HPAS = "apis/autoscaling/v2/horizontalpodautoscalers"
PDBS = "apis/policy/v1/poddisruptionbudgets"
SCALED_OBJECTS = "apis/keda.sh/v1alpha1/scaledobjects"
HPA = {"minReplicas": 2, "maxReplicas": 6}
KEDA = {"minReplicaCount": 0, "maxReplicaCount": 5, "triggers": [{"type": "cron", "metadata": {}}]}


async def scale(c: Cluster, replicas: int) -> None:
    """What an autoscaler does: through the subresource, so that the field becomes its own."""

    def edit(obj: dict[str, Any]) -> None:
        obj["spec"]["replicas"] = replicas
        for entry in obj["metadata"].get("managedFields", []):
            entry["fieldsV1"].get("f:spec", {}).pop("f:replicas", None)
        theirs = {"manager": "kube-controller-manager", "operation": "Update", "subresource": "scale"}
        theirs |= {"apiVersion": "apps/v1", "fieldsV1": {"f:spec": {"f:replicas": {}}}}
        obj["metadata"].setdefault("managedFields", []).append(theirs)

    await c.api.change(DEPLOYMENTS, "ns", NAME, edit)


def replicas_seen(c: Cluster) -> list[int]:
    """Every number of replicas that the Deployment ever had, in order, without repetition."""
    found = [obj["spec"]["replicas"] for _, coll, _, obj in c.api.log if coll == DEPLOYMENTS]
    return [n for i, n in enumerate(found) if i == 0 or n != found[i - 1]]


async def three(c: Cluster) -> None:
    """A SeldonDeployment with three replicas."""
    sdep = iris()
    sdep["spec"]["predictors"][0]["replicas"] = 3
    await c.api.put(SDEPS, sdep)
    await c.until(is_state("Creating"))
    await c.progress(ready=3)
    await c.until(is_state("Available"))


@pytest.mark.parametrize(
    ("section", "component", "collection"), [("", {"hpaSpec": HPA}, HPAS), ("keda", {"kedaSpec": KEDA}, SCALED_OBJECTS)]
)
@pytest.mark.parametrize("as_a_whole", [False, True])
async def test_an_autoscaler_comes_and_goes_without_a_change_of_replicas(
    section: str, component: dict[str, Any], collection: str, *, as_a_whole: bool
) -> None:
    async with cluster(*filter(None, [section])) as c:
        if as_a_whole:
            # A manifest that server-side apply refuses is written in another way.
            env = [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]
            component = component | {"spec": {"containers": [{"name": "classifier", "env": env}]}}
        await three(c)
        await c.edit_component(**component)
        await c.settled()
        assert c.api.find(collection, "ns", NAME) is not None
        assert replicas_seen(c) == [3]

        await scale(c, 5)
        await c.settled()
        await c.edit(modelUri="s3://sklearn/other")
        await c.until(lambda status: status.get("observedGeneration") == 3)
        await c.settled()
        assert replicas_seen(c) == [3, 5]

        await c.edit_component(**dict.fromkeys(component, None) | {"spec": {"containers": []}})
        await c.settled()
        assert c.api.find(collection, "ns", NAME) is None
        assert replicas_seen(c) == [3, 5, 3]


async def test_without_its_autoscaler_a_deployment_that_asks_for_no_number_has_one_replica() -> None:
    """As with v1.17.1."""
    async with cluster() as c:
        sdep = iris()
        del sdep["spec"]["predictors"][0]["replicas"]
        await c.api.put(SDEPS, sdep)
        await c.until(is_state("Creating"))
        await c.edit_component(hpaSpec=HPA)
        await c.settled()
        first = c.deployment()["spec"] | {"replicas": 1}
        await scale(c, 5)
        await c.settled()
        assert replicas_seen(c) == [1, 5]

        await c.edit_component(hpaSpec=None)
        await c.settled()
        assert c.api.find(HPAS, "ns", NAME) is None
        assert replicas_seen(c) == [1, 5, 1]
        assert c.deployment()["spec"] == first
        writes = len(c.writes())
        await c.worked()
        assert c.writes()[writes:] == []


@pytest.mark.parametrize("after", ["reset", "removal"])
async def test_a_controller_that_ends_while_an_autoscaler_goes_comes_to_the_same_end(after: str) -> None:
    async with cluster() as c:
        sdep = iris()
        del sdep["spec"]["predictors"][0]["replicas"]
        await c.api.put(SDEPS, sdep)
        await c.until(is_state("Creating"))
        await c.edit_component(hpaSpec=HPA)
        await scale(c, 5)
        await c.settled()
        done: list[str] = []

        def fail(call: Any) -> Any:
            """Every write after the given one is lost."""
            if not call.is_write or "/events" in call.path:
                return None
            if done:
                return failure(503, "the process is gone")
            if ("/horizontalpodautoscalers/" in call.path) if after == "removal" else ("/deployments/" in call.path):
                done.append(call.path)
            return None

        c.api.faults.append(fail)

        def without(obj: dict[str, Any]) -> None:
            obj["spec"]["predictors"][0]["componentSpecs"][0].pop("hpaSpec")
            obj["metadata"]["generation"] += 1

        await c.api.change(SDEPS, "ns", "iris", without)
        await c.api.reaches(lambda: bool(done))
        await c.stop()
        c.api.faults.clear()
        if after == "reset":
            await scale(c, 4)  # what an autoscaler does that is still there
        await c.start(settle_seconds=0.0)
        await c.settled()
        assert c.api.find(HPAS, "ns", NAME) is None
        assert c.deployment()["spec"]["replicas"] == 1


async def test_a_number_that_somebody_else_has_set_stays() -> None:
    """A HorizontalPodAutoscaler of the user's own, or `kubectl scale`."""
    async with cluster() as c:
        sdep = iris()
        del sdep["spec"]["predictors"][0]["replicas"]
        await c.api.put(SDEPS, sdep)
        await c.until(is_state("Creating"))
        await scale(c, 4)
        await c.settled()
        await c.edit(modelUri="s3://sklearn/other")
        await c.until(lambda status: status.get("observedGeneration") == 2)
        await c.settled()
        assert replicas_seen(c) == [1, 4]


async def test_a_scaling_at_the_same_moment_is_not_undone() -> None:
    """What is held at its live value is written only if it still has it."""
    async with cluster() as c:
        await three(c)
        await c.edit_component(hpaSpec=HPA)
        await c.settled()
        seen: list[str] = []
        await c.api.freeze(frozen=True)  # the controller's copy stays as it is
        await scale(c, 6)

        def note(call: Any) -> None:
            if "/deployments/" in call.path and call.is_write:
                seen.append(call.body["spec"].get("replicas"))

        c.api.faults.append(note)
        live = c.caches.owned[resources.DEPLOYMENTS].store.get(NAME, "ns")
        assert live is not None
        stale = {**live, "spec": {**live["spec"], "template": {"metadata": {}, "spec": {"containers": []}}}}
        c.caches.owned[resources.DEPLOYMENTS].store.put(stale)
        c.queue.add(("ns", "iris"))
        await c.api.called(lambda _: bool(seen))
        await c.api.freeze(frozen=False)
        await c.settled()
        assert seen[0] == 3
        assert replicas_seen(c) == [3, 6]


async def test_it_stays_available_while_an_autoscaler_adds_pods() -> None:
    async with cluster() as c:
        rolled_out = [{"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}]
        await three(c)
        await c.edit_component(hpaSpec=HPA)
        await c.settled()
        before = len(c.api.log)
        await scale(c, 6)
        await c.progress(ready=3, conditions=rolled_out)
        await c.until(lambda status: status["deploymentStatus"][NAME]["replicas"] == 6)
        states = {o["status"]["state"] for _, coll, _, o in c.api.log[before:] if coll == SDEPS}
        assert states == {"Available"}
        assert c.conditions()["Ready"]["status"] == "True"

        await c.progress(ready=1, conditions=rolled_out)  # fewer than minReplicas
        await c.until(is_state("Creating"))


async def test_autoscaler_and_budget_come_before_the_deployment() -> None:
    async with cluster() as c:
        sdep = iris()
        spec = {"hpaSpec": HPA, "pdbSpec": {"maxUnavailable": 1}, "spec": {"containers": []}}
        sdep["spec"]["predictors"][0]["componentSpecs"] = [spec]
        await c.api.put(SDEPS, sdep)
        await c.until(is_state("Creating"))
        assert c.made() == ["services", "horizontalpodautoscalers", "poddisruptionbudgets", "deployments"]
        assert c.conditions()["HpasReady"]["reason"] == "All HPAs resources ready"
        assert c.conditions()["PdbsReady"]["reason"] == "All PDBs ready"

        await c.progress(ready=1)
        await c.until(is_state("Available"))
        await c.edit_component(hpaSpec=None, pdbSpec=None)
        await c.progress(ready=1)
        await c.api.reaches(lambda: c.api.find(PDBS, "ns", NAME) is None)
        assert c.api.find(HPAS, "ns", NAME) is None


async def test_an_autoscaler_that_cannot_scale_is_said() -> None:
    async with cluster() as c:
        await three(c)
        await c.edit_component(hpaSpec=HPA)

        def fail(obj: dict[str, Any]) -> None:
            said = {"type": "AbleToScale", "status": "False", "reason": "FailedGetScale", "message": "no scale"}
            idle = {"type": "ScalingActive", "status": "False", "reason": "FailedGetResourceMetric", "message": "none"}
            obj["status"] = {"conditions": [idle, said]}

        await c.api.change(HPAS, "ns", NAME, fail)
        await c.until(lambda _: c.conditions()["HpasReady"]["status"] == "False")
        found = c.conditions()["HpasReady"]
        assert (found["reason"], found["message"]) == ("HPAs not ready", f"HorizontalPodAutoscaler {NAME}: no scale")


async def test_a_cluster_without_keda_serves() -> None:
    async with cluster("keda", without="keda.sh") as c:
        sdep = iris()
        sdep["spec"]["predictors"][0]["componentSpecs"] = [{"kedaSpec": KEDA, "spec": {"containers": []}}]
        await c.api.put(SDEPS, sdep)
        await c.until(is_state("Creating"))
        await c.progress(ready=1)
        await c.until(is_state("Available"))
        assert c.conditions()["KedaReady"]["status"] == "False"
        assert "scaledobjects.keda.sh" in c.status()["description"]

        c.api.faults.clear()
        await c.until(lambda _: c.conditions()["KedaReady"]["status"] == "True")


async def test_scaled_to_zero_is_ready() -> None:
    async with cluster("keda", "istio") as c:
        sdep = iris()
        sdep["spec"]["predictors"][0]["componentSpecs"] = [{"kedaSpec": KEDA, "spec": {"containers": []}}]
        await c.api.put(SDEPS, sdep)
        await c.until(is_state("Creating"))
        await scale(c, 0)
        await c.progress(ready=0)
        await c.until(is_state("Available"))
        assert c.conditions()["Ready"]["status"] == "True"
        assert c.api.find("apis/networking.istio.io/v1beta1/virtualservices", "ns", "iris") is not None
