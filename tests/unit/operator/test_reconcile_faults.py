"""The controller when something goes wrong: refusals, races, an API server that fails, faults of its own."""

import copy
import logging
from typing import Any

import pytest

from seldon_core.kube import ConflictError, resources
from seldon_core.operator.render import render
from tests.unit.kube.fake_api import Call, failure
from tests.unit.operator.cluster import DEPLOYMENTS, SDEPS, SERVICES, cluster, iris, is_state

pytestmark = pytest.mark.asyncio

NAME = "iris-default-0-classifier"


async def test_a_refusal_is_said_and_tried_again() -> None:
    message = 'deployments.apps is forbidden: User "u" cannot patch resource "deployments" in API group "apps"'
    async with cluster() as c:
        c.api.faults.append(lambda call: failure(403, message) if _writes_deployment(call) else None)
        await c.api.put(SDEPS, iris())
        status = await c.until(is_state("Failed"))
        assert "permission is missing: verb create on deployments.apps in namespace ns" in status["description"]
        c.api.faults.clear()
        await c.until(is_state("Creating"))


async def test_a_short_failure_of_the_api_server_is_no_failure_of_the_deployment() -> None:
    async with cluster() as c:
        failed: list[Call] = []

        def fail(call: Call) -> Any:
            if not _writes_deployment(call) or len(failed) >= 3:
                return None
            failed.append(call)
            return failure(503, "etcd leader changed")

        c.api.faults.append(fail)
        await c.api.put(SDEPS, iris())
        await c.until(is_state("Creating"))

        states = {obj["status"]["state"] for _, coll, _, obj in c.api.log if coll == SDEPS and "status" in obj}
        assert states == {"Creating"}
        assert len(failed) == 3


async def test_who_gets_on_does_not_wait_longer_and_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    """An overloaded API server refuses each write once."""
    async with cluster() as c:
        refused: set[str] = set()
        failures: list[int] = []
        retry = c.queue.retry

        def refuse_once(call: Call) -> Any:
            if not call.is_write or call.path in refused:
                return None
            refused.add(call.path)
            return failure(429, "busy")

        def noted(key: Any, at_least: float = 0.0) -> float:
            failures.append(c.queue.failures(key))
            return retry(key, at_least)

        monkeypatch.setattr(c.queue, "retry", noted)
        c.api.faults.append(refuse_once)
        await c.api.put(SDEPS, iris())
        await c.until(is_state("Creating"))

        assert len(failures) >= 3
        assert max(failures) <= 1


async def test_a_race_with_another_controller_is_no_failure() -> None:
    """Both made the object in the same moment; and what was to be changed is gone meanwhile."""
    async with cluster() as c:
        answers = [failure(404, "not found"), failure(409, "exists already", "AlreadyExists")]
        c.api.faults.append(lambda call: answers.pop() if _writes_deployment(call) and answers else None)
        await c.api.put(SDEPS, iris())
        await c.until(is_state("Creating"))
        await c.recorder.flush()

        states = {obj["status"]["state"] for _, coll, _, obj in c.api.log if coll == SDEPS and "status" in obj}
        assert (states, answers) == ({"Creating"}, [])
        assert ("Warning", "InternalError") not in c.events()


async def test_the_status_of_a_former_one_is_not_written_to_its_successor() -> None:
    """Deleted and applied at once, before the watch has told: `kubectl wait` must not see what is true no more."""
    async with cluster() as c:
        await c.api.put(SDEPS, iris())
        await c.until(is_state("Creating"))
        await c.settled()
        await c.api.freeze(frozen=True)
        live = copy.deepcopy(c.deployment())
        live["status"] = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}
        live["metadata"]["resourceVersion"] = str(c.api.version + 1)
        c.caches.owned[resources.DEPLOYMENTS].learn(live)
        await c.api.drop(SDEPS, "ns", "iris")
        await c.api.put(SDEPS, iris())
        with pytest.raises(ConflictError):
            await c.reconciler.reconcile(("ns", "iris"))

        assert c.status() == {}


async def test_nothing_is_made_and_nothing_said_in_a_namespace_that_ends(caplog: pytest.LogCaptureFixture) -> None:
    message = (
        'deployments.apps "x" is forbidden: unable to create new content in namespace ns because it is being terminated'
    )
    async with cluster() as c:
        c.api.faults.append(lambda call: failure(403, message) if call.method in {"POST", "PATCH"} else None)
        with caplog.at_level(logging.INFO):
            await c.api.put(SDEPS, iris())
            await c.settled()
            await c.recorder.flush()

        assert c.status() == {}
        assert c.events() == set()
        assert [r.message for r in caplog.records if r.levelno >= logging.WARNING or "again in" in r.message] == []
        assert c.metrics.reconciles.values == {(("result", "done"),): sum(c.metrics.reconciles.values.values())}


async def test_a_fault_of_ours_is_told_in_the_status_and_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    async with cluster() as c:

        def broken(sdep: Any, *rest: Any) -> Any:
            if sdep.metadata.name == "iris":
                raise KeyError("x")
            return render(sdep, *rest)

        monkeypatch.setattr("seldon_core.operator.reconcile.render", broken)
        await c.api.put(SDEPS, iris())
        await c.api.put(SDEPS, iris("other"))
        status = await c.until(is_state("Failed"))
        await c.until(is_state("Creating"), "other")

        assert status["description"].startswith("A fault of the controller (KeyError)")
        monkeypatch.undo()
        await c.until(is_state("Creating"))


async def test_two_controllers_at_once_come_to_one_result() -> None:
    async with cluster() as c:
        first = c.tasks
        await c.start()
        c.tasks += first
        await c.api.put(SDEPS, iris())
        await c.until(is_state("Creating"))
        await c.settled()

        assert {name for (coll, _, name) in c.api.objects if coll in {SERVICES, DEPLOYMENTS}} == {
            "iris-default",
            "iris-default-classifier",
            NAME,
        }
        assert c.status()["state"] == "Creating"


def _writes_deployment(call: Call) -> bool:
    return call.is_write and "/deployments" in call.path
