"""`seldonctl rollout`: what it asks for, and what it says."""

import asyncio
from typing import Any

import pytest

from seldon_core.cli.rolling import progress
from seldon_core.operator.rollout.request import ANNOTATION
from tests.unit.cli.conftest import DEPLOYMENTS, SDEPS, Bench, Object, sdep

pytestmark = pytest.mark.asyncio

KEPT = {"type": "RolledOut", "status": "False", "reason": "KeptAsMade", "message": "as a former controller made them"}
WAITING = {"type": "RolledOut", "status": "False", "reason": "WaitingForTurn", "message": "when it is their turn"}
DONE = {"type": "RolledOut", "status": "True", "reason": "AllPodsUpToDate"}
STALLED = {"type": "RolledOut", "status": "False", "reason": "Stalled", "message": "New pods did not get ready."}


def said(name: str, condition: Object, *, asked: str = "") -> Object:
    found = sdep(name, {"state": "Available", "conditions": [condition]})
    found["metadata"]["annotations"] = {ANNOTATION: asked} if asked else {}
    return found


def deployment(owner: str, manager: str, time: str = "2026-11-20T18:24:03Z") -> Object:
    fields = {"f:spec": {"f:template": {"f:spec": {}}}}
    reference = {"kind": "SeldonDeployment", "name": owner, "uid": f"uid-of-{owner}", "controller": True}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": f"{owner}-default-0-classifier",
            "namespace": "ns",
            "labels": {"app.kubernetes.io/managed-by": "seldon-core", "seldon-deployment-id": owner},
            "ownerReferences": [reference],
            "managedFields": [{"manager": manager, "operation": "Update", "time": time, "fieldsV1": fields}],
        },
        "spec": {"replicas": 1},
    }


def annotation(bench: Bench, name: str) -> str | None:
    found = bench.api.find(SDEPS, "ns", name)
    assert found is not None
    value: str | None = (found["metadata"].get("annotations") or {}).get(ANNOTATION)
    return value


async def recorded(bench: Bench) -> None:
    for name, manager in (("old", "manager"), ("older", "manager"), ("ours", "seldon-core-operator")):
        await bench.put(SDEPS, said(name, KEPT) if manager == "manager" else sdep(name))
        await bench.put(DEPLOYMENTS, deployment(name, manager))


async def test_all_that_a_former_controller_made_is_asked_for(bench: Bench) -> None:
    await recorded(bench)
    code, out, err = await bench.run("rollout", "--all", "--no-wait")

    assert (code, out) == (0, "")
    assert err == "ns/old: asked for a rollout\nns/older: asked for a rollout\n"
    assert annotation(bench, "old") is not None
    assert annotation(bench, "ours") is None


async def test_one_by_its_name(bench: Bench) -> None:
    await recorded(bench)
    code, _, err = await bench.run("rollout", "ours", "old", "--no-wait")

    assert (code, annotation(bench, "older")) == (0, None)
    assert "ns/ours: no former controller made its pods\n" in err


async def test_a_clock_that_is_behind_asks_for_the_right_pods(bench: Bench) -> None:
    await bench.put(SDEPS, said("old", KEPT))
    await bench.put(DEPLOYMENTS, deployment("old", "manager", "2099-01-01T00:00:00Z"))
    await bench.run("rollout", "old", "--no-wait")

    assert annotation(bench, "old") == "2099-01-01T00:00:00Z"


async def test_it_waits_and_tells_how_far_it_is(bench: Bench) -> None:
    await bench.put(SDEPS, said("old", KEPT))
    await bench.put(DEPLOYMENTS, deployment("old", "manager"))
    running = asyncio.create_task(bench.run("rollout", "old"))
    await bench.api.reaches(lambda: annotation(bench, "old") is not None)
    for condition in (WAITING, DONE):
        await bench.api.watched()

        def tell(obj: Object, condition: Object = condition) -> None:
            obj["status"]["conditions"] = [condition]

        await bench.api.change(SDEPS, "ns", "old", tell)
    code, _, err = await running

    assert code == 0
    assert err.splitlines()[0] == "ns/old: asked for a rollout"
    assert err.splitlines()[-1] == "ns/old: the pods are of this version and serve"


async def test_a_rollout_that_takes_too_long_is_named(bench: Bench) -> None:
    await bench.put(SDEPS, said("old", KEPT))
    await bench.put(DEPLOYMENTS, deployment("old", "manager"))
    code, _, err = await bench.run("rollout", "old", "--timeout", "50ms")

    assert code == 1
    assert "Not over after 0.05 s (--timeout waits longer; the rollout goes on): ns/old." in err


async def test_a_pause_and_its_end(bench: Bench) -> None:
    await bench.put(SDEPS, sdep("iris"))
    assert await bench.run("rollout", "iris", "--resume") == (0, "", "ns/iris: is not paused\n")
    assert await bench.run("rollout", "iris", "--pause") == (0, "", "ns/iris: paused\n")
    assert annotation(bench, "iris") == "paused"
    code, _, err = await bench.run("rollout", "iris")
    assert (code, err) == (2, "ns/iris is paused: seldonctl rollout iris --resume ends that.\n")
    assert await bench.run("rollout", "iris", "--resume") == (0, "", "ns/iris: resumed\n")
    assert annotation(bench, "iris") is None


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ((), "Say which SeldonDeployments"),
        (("iris", "--all"), "Say which SeldonDeployments"),
        (("iris", "-A"), "-A goes with --all alone"),
        (("irsi",), "There is no SeldonDeployment irsi in namespace ns; did you mean iris?"),
    ],
)
async def test_what_cannot_be_meant_is_refused(bench: Bench, words: tuple[str, ...], reason: str) -> None:
    await bench.put(SDEPS, sdep("iris"))
    code, _, err = await bench.run("rollout", *words)

    assert code == 2
    assert reason in err


@pytest.mark.parametrize(
    ("before", "now", "words", "over"),
    [
        pytest.param(KEPT, KEPT, "waits for the controller", None, id="not seen yet"),
        pytest.param(KEPT, WAITING, "when it is their turn", None, id="waits"),
        pytest.param(KEPT, STALLED, "New pods did not get ready.", False, id="gave up"),
        pytest.param(STALLED, STALLED, "waits for the controller", None, id="gave up before"),
        pytest.param(KEPT, DONE, "the pods are of this version and serve", True, id="done"),
    ],
)
async def test_progress(before: Object, now: Object, words: str, over: Any) -> None:
    assert progress(said("old", before, asked="1"), said("old", now, asked="1")) == (words, over)


async def test_a_request_that_somebody_takes_away_is_told() -> None:
    words, over = progress(said("old", KEPT, asked="2026-11-21T08:00:00Z"), said("old", KEPT))

    assert over is False
    assert "was taken away or changed: set it where the manifest is kept" in words
