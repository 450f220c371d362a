"""The controller against an API server: what it makes, what it leaves alone, and what it says."""

from typing import Any

import pytest

from seldon_core.kube import resources
from tests.unit.kube.fake_api import failure
from tests.unit.operator.cluster import (
    DEPLOYMENTS,
    EVENTS,
    REPLICA_SETS,
    SDEPS,
    SERVICES,
    cluster,
    iris,
    is_state,
    owner,
)

pytestmark = pytest.mark.asyncio

NAME = "iris-default-0-classifier"
RESTARTED = "kubectl.kubernetes.io/restartedAt"


async def test_makes_services_before_deployments_and_owns_them() -> None:
    async with cluster() as c:
        sdep = await c.api.put(SDEPS, iris())
        await c.until(is_state("Creating"))

        made = [call.path.rsplit("/", 2)[-2:] for call in c.writes() if not call.path.endswith("/status")]
        assert [part for path in made for part in path if part in {"services", "deployments"}] == [
            "services",
            "services",
            "deployments",
        ]
        for collection, name in (
            (SERVICES, "iris-default"),
            (SERVICES, "iris-default-classifier"),
            (DEPLOYMENTS, NAME),
        ):
            stored = c.api.find(collection, "ns", name)
            assert stored is not None
            assert stored["metadata"]["ownerReferences"] == [
                {
                    "apiVersion": "machinelearning.seldon.io/v1",
                    "kind": "SeldonDeployment",
                    "name": "iris",
                    "uid": sdep["metadata"]["uid"],
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ]


async def test_becomes_available_and_says_where() -> None:
    async with cluster() as c:
        await c.api.put(SDEPS, iris())
        await c.until(is_state("Creating"))
        await c.progress(ready=1)
        status = await c.until(is_state("Available"))

        assert status["address"] == {"url": "http://iris-default.ns.svc.cluster.local:8000/api/v1.0/predictions"}
        assert status["deploymentStatus"] == {NAME: {"replicas": 1, "availableReplicas": 1}}
        assert status["serviceStatus"]["iris-default"] == {
            "svcName": "iris-default",
            "httpEndpoint": "iris-default.ns:8000",
            "grpcEndpoint": "iris-default.ns:5001",
        }
        assert (status["replicas"], status["observedGeneration"]) == (1, 1)
        assert "description" not in status
        assert {c["type"]: c["status"] for c in status["conditions"]}["Ready"] == "True"


async def test_a_second_look_writes_nothing() -> None:
    async with cluster() as c:
        await c.available()
        await c.settled()
        before = len(c.writes())
        await c.worked()

        assert c.writes()[before:] == []


async def test_a_restarted_controller_writes_nothing() -> None:
    async with cluster() as c:
        await c.available()
        await c.settled()
        await c.stop()
        before = len(c.writes())
        await c.start()
        await c.settled()

        assert c.writes()[before:] == []


async def test_a_to_b_to_a() -> None:
    async with cluster() as c:
        await c.api.put(SDEPS, iris())
        await c.until(is_state("Creating"))
        first = c.deployment()["spec"]
        await c.edit(modelUri="s3://sklearn/other", envSecretRefName="secret")
        await c.until(lambda status: status.get("observedGeneration") == 2)
        assert c.deployment()["spec"]["template"]["spec"]["initContainers"][0]["args"][0] == "s3://sklearn/other"
        await c.edit(modelUri="s3://sklearn/iris", envSecretRefName="")
        await c.until(lambda status: status.get("observedGeneration") == 3)

        assert c.deployment()["spec"] == first


async def test_a_rollout_restart_is_respected() -> None:
    async with cluster() as c:
        await c.api.put(SDEPS, iris())
        await c.until(is_state("Creating"))
        patch = {"spec": {"template": {"metadata": {"annotations": {RESTARTED: "now"}}}}}
        await c.user.patch(resources.DEPLOYMENTS, NAME, patch, "ns")
        await c.settled()
        assert c.deployment()["spec"]["template"]["metadata"]["annotations"][RESTARTED] == "now"

        await c.edit(modelUri="s3://sklearn/other")
        await c.until(lambda status: status.get("observedGeneration") == 2)
        assert c.deployment()["spec"]["template"]["metadata"]["annotations"][RESTARTED] == "now"


async def test_what_others_change_of_ours_is_put_right_and_what_they_add_is_kept() -> None:
    async with cluster() as c:
        await c.api.put(SDEPS, iris())
        await c.until(is_state("Creating"))
        image = c.deployment()["spec"]["template"]["spec"]["containers"][0]["image"]

        def meddle(obj: dict[str, Any]) -> None:
            obj["spec"]["template"]["spec"]["containers"][0]["image"] = "other"
            obj["metadata"]["labels"]["theirs"] = "1"

        await c.api.change(DEPLOYMENTS, "ns", NAME, meddle)
        await c.settled()

        assert c.deployment()["spec"]["template"]["spec"]["containers"][0]["image"] == image
        assert c.deployment()["metadata"]["labels"]["theirs"] == "1"


@pytest.mark.parametrize(("collection", "name"), [(SERVICES, "iris-default"), (DEPLOYMENTS, NAME)])
async def test_what_is_deleted_comes_back(collection: str, name: str) -> None:
    async with cluster() as c:
        await c.api.put(SDEPS, iris())
        await c.until(is_state("Creating"))
        await c.settled()
        await c.api.drop(collection, "ns", name)
        await c.api.reaches(lambda: c.api.find(collection, "ns", name) is not None)


async def test_objects_of_others_are_never_taken_over() -> None:
    async with cluster() as c:
        theirs = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "iris-default", "namespace": "ns"}}
        stored = await c.api.put(SERVICES, {**theirs, "spec": {"selector": {"app": "theirs"}}})
        await c.api.put(SDEPS, iris())
        status = await c.until(is_state("Failed"))

        assert status["description"] == (
            "Service iris-default in namespace ns exists already and belongs to nobody: "
            "delete it, or give this SeldonDeployment or its predictor another name."
        )
        assert c.api.find(SERVICES, "ns", "iris-default") == stored
        await c.recorder.flush()
        assert ("Warning", "InternalError") in c.events()


async def test_waits_for_the_objects_of_a_former_deployment_of_the_same_name() -> None:
    async with cluster() as c:
        leftover = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {
                "name": "iris-default",
                "namespace": "ns",
                "labels": {"app.kubernetes.io/managed-by": "seldon-core"},
                "ownerReferences": [
                    owner("SeldonDeployment", "iris", "gone") | {"apiVersion": "machinelearning.seldon.io/v1"}
                ],
            },
            "spec": {},
        }
        await c.api.put(SERVICES, leftover)
        await c.api.put(SDEPS, iris())
        status = await c.until(lambda status: "former SeldonDeployment" in status.get("description", ""))
        assert status["state"] == "Creating"
        await c.api.drop(SERVICES, "ns", "iris-default")
        await c.until(lambda status: "description" not in status)

        stored = c.api.find(SERVICES, "ns", "iris-default")
        assert stored is not None
        assert stored["metadata"]["ownerReferences"][0]["uid"] != "gone"


async def test_old_objects_serve_until_the_new_ones_are_ready() -> None:
    async with cluster() as c:
        await c.available()

        def rename(obj: dict[str, Any]) -> None:
            obj["spec"]["predictors"][0]["name"] = "second"
            obj["metadata"]["generation"] += 1

        await c.api.change(SDEPS, "ns", "iris", rename)
        await c.until(lambda status: status.get("observedGeneration") == 2)
        await c.settled()
        assert c.api.find(DEPLOYMENTS, "ns", NAME) is not None
        assert c.api.find(SERVICES, "ns", "iris-default") is not None

        await c.progress("iris-second-0-classifier", ready=1)
        await c.api.reaches(lambda: c.api.find(SERVICES, "ns", "iris-default") is None)
        assert c.api.find(DEPLOYMENTS, "ns", NAME) is None
        deleted = [call.path.rsplit("/", 2)[-2] for call in c.writes() if call.method == "DELETE"]
        assert deleted == ["deployments", "services", "services"]


async def test_a_changed_selector_costs_no_pods() -> None:
    """The Deployment has to be made anew; its ReplicaSet stays, without an owner, until the new pods are ready."""
    async with cluster() as c:
        await c.api.put(SDEPS, iris())
        await c.until(is_state("Creating"))
        await c.pod({"phase": "Running"})
        await c.progress(ready=1)
        await c.until(is_state("Available"))
        old_uid = c.deployment()["metadata"]["uid"]
        old_replica_set = f"{NAME}-1"

        def other_selector(obj: dict[str, Any]) -> None:
            obj["spec"]["selector"] = {"matchLabels": {"old": "labels"}}

        await c.api.change(DEPLOYMENTS, "ns", NAME, other_selector)
        await c.api.reaches(
            lambda: (c.api.find(DEPLOYMENTS, "ns", NAME) or {}).get("metadata", {}).get("uid") not in {None, old_uid}
        )
        await c.settled()
        assert c.api.find(REPLICA_SETS, "ns", old_replica_set) is not None

        await c.progress(ready=1)
        await c.api.reaches(lambda: c.api.find(REPLICA_SETS, "ns", old_replica_set) is None)


async def test_what_may_not_be_taken_away_does_not_hurt_what_serves() -> None:
    async with cluster() as c:
        await c.api.put(SDEPS, iris())
        await c.until(is_state("Creating"))
        message = 'services "iris-default" is forbidden: User "u" cannot delete resource "services" in API group ""'
        c.api.faults.append(lambda call: failure(403, message) if call.method == "DELETE" else None)

        def rename(obj: dict[str, Any]) -> None:
            obj["spec"]["predictors"][0] |= {"name": "second", "replicas": 0}
            obj["metadata"]["generation"] += 1

        await c.api.change(SDEPS, "ns", "iris", rename)
        await c.until(lambda status: status.get("observedGeneration") == 2)
        await c.progress("iris-second-0-classifier", ready=0)
        await c.until(is_state("Available"))
        c.api.faults.clear()
        await c.api.reaches(lambda: c.api.find(SERVICES, "ns", "iris-default") is None)


async def test_an_invalid_deployment_says_why_and_keeps_what_serves() -> None:
    async with cluster() as c:
        await c.api.put(SDEPS, iris())
        await c.until(is_state("Creating"))
        await c.progress(ready=1)
        before = await c.until(is_state("Available"))
        await c.edit(modelUri="")
        status = await c.until(is_state("Failed"))

        assert "modelUri required" in status["description"]
        assert status["address"] == before["address"]
        assert c.api.find(DEPLOYMENTS, "ns", NAME) is not None


async def test_what_is_deleted_is_not_remembered() -> None:
    async with cluster() as c:
        await c.available()

        def rename(obj: dict[str, Any]) -> None:
            obj["spec"]["predictors"][0] |= {"name": "second", "replicas": 0}
            obj["metadata"]["generation"] += 1

        await c.api.change(SDEPS, "ns", "iris", rename)
        await c.until(lambda status: status.get("observedGeneration") == 2)
        await c.progress("iris-second-0-classifier", ready=0)
        await c.api.reaches(lambda: c.api.find(SERVICES, "ns", "iris-default") is None)
        await c.settled()

        live = {
            obj["metadata"]["uid"] for (coll, _, _), obj in c.api.objects.items() if coll in {SERVICES, DEPLOYMENTS}
        }
        assert set(c.reconciler._applier._memory._written) == live


async def test_nothing_is_done_for_what_is_going_away_or_belongs_to_another_controller() -> None:
    async with cluster(controller_id="mine") as c:
        others, leaving, ours = iris("others"), iris("leaving"), iris()
        leaving["metadata"] |= {
            "deletionTimestamp": "2026-11-21T00:00:00Z",
            "labels": {"seldon.io/controller-id": "mine"},
        }
        ours["metadata"]["labels"] = {"seldon.io/controller-id": "mine"}
        for sdep in (others, leaving, ours):
            await c.api.put(SDEPS, sdep)
        await c.until(is_state("Creating"))
        await c.settled("others")

        assert {name for (coll, _, name) in c.api.objects if coll == DEPLOYMENTS} == {NAME}


async def test_namespaces_of_other_controllers_are_left_alone() -> None:
    async with cluster() as c:
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ns"}}
        theirs = {**namespace, "metadata": {"name": "ns", "labels": {"seldon.io/controller-id": "theirs"}}}
        await c.api.put("api/v1/namespaces", theirs)
        await c.settled()
        await c.api.put(SDEPS, iris())
        await c.settled()
        assert c.writes() == []

        await c.api.put("api/v1/namespaces", namespace)
        await c.until(is_state("Creating"))


async def test_who_has_an_id_serves_its_deployments_in_every_namespace() -> None:
    async with cluster(controller_id="mine") as c:
        metadata = {"name": "ns", "labels": {"seldon.io/controller-id": "theirs"}}
        await c.api.put("api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        ours = iris()
        ours["metadata"]["labels"] = {"seldon.io/controller-id": "mine"}
        await c.api.put(SDEPS, ours)
        await c.until(is_state("Creating"))


async def test_events_tell_what_was_done() -> None:
    async with cluster() as c:
        sdep = await c.api.put(SDEPS, iris())
        await c.until(is_state("Creating"))
        await c.recorder.flush()

        assert c.events() == {("Normal", "CreateService"), ("Normal", "CreateDeployment")}
        event = next(o for (coll, _, _), o in c.api.objects.items() if coll == EVENTS)
        assert event["involvedObject"]["uid"] == sdep["metadata"]["uid"]
        assert event["source"] == {"component": "seldon-controller-manager"}
