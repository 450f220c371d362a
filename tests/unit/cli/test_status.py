"""`seldonctl status`: what a user sees first."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml

from seldon_core.cli.duration import seconds, spoken
from seldon_core.cli.report import Verdict, report_of, verdict_of
from seldon_core.cli.status_text import text
from seldon_core.cli.table import WIDTH, shortened, table
from tests.unit.cli.conftest import DEPLOYMENTS, PODS, SDEPS, Bench, Object, refuse, sdep, status

pytestmark = pytest.mark.asyncio

GOOD = status("Available", Ready="True", DeploymentsReady="True")
REASON = "init container classifier-model-initializer of pod p-1 failed with exit code 1: AccessDenied"
BAD = status("Failed", description=REASON, Ready="False", DeploymentsReady="False")


def deployment(name: str, owner: str, wanted: int, available: int) -> Object:
    reference = {"kind": "SeldonDeployment", "name": owner, "uid": f"uid-of-{owner}", "controller": True}
    labels = {"app.kubernetes.io/managed-by": "seldon-core", "seldon-deployment-id": "iris"}
    return {
        "metadata": {"name": name, "namespace": "ns", "labels": labels, "ownerReferences": [reference]},
        "spec": {"replicas": wanted},
        "status": {"availableReplicas": available},
    }


def pod(name: str, container: str, image: str) -> Object:
    waiting = {"reason": "ErrImagePull", "message": f"failed to resolve {image}"}
    labels = {"app.kubernetes.io/managed-by": "seldon-core", "seldon-deployment-id": "iris"}
    return {
        "metadata": {"name": name, "namespace": "ns", "labels": labels},
        "status": {"phase": "Pending", "containerStatuses": [{"name": container, "state": {"waiting": waiting}}]},
    }


async def test_all_is_well(bench: Bench) -> None:
    await bench.put(SDEPS, sdep("iris", GOOD))
    await bench.put(DEPLOYMENTS, deployment("iris-default-0-classifier", "iris", 2, 2))
    code, out, err = await bench.run("status")

    assert (code, err) == (0, "")
    head, line = out.splitlines()
    assert head.split() == ["NAME", "STATE", "REPLICAS", "OBSERVED", "AGE", "ADDRESS"]
    assert line.split()[:4] == ["iris", "Available", "2/2", "yes"]
    assert line.split()[5] == GOOD["address"]["url"]
    # Pods are of interest only where something is wrong.
    assert not [call for call in bench.api.calls if call.path.endswith("/pods")]


async def test_a_failure_is_explained(bench: Bench) -> None:
    await bench.put(SDEPS, sdep("iris", BAD))
    await bench.put(SDEPS, sdep("fine", GOOD))
    await bench.put(PODS, pod("p-2", "classifier", "registry/model:1"))
    code, out, err = await bench.run("status")

    assert (code, err) == (1, "")
    assert f"  reason: {REASON}\n" in out
    assert "  condition: DeploymentsReady is False\n" in out
    pulled = "container classifier of pod p-2 cannot pull its image: failed to resolve registry/model:1"
    assert f"  pod: ImagePullBackOff: {pulled}" in " ".join(out.split("\n    "))
    assert "fine:" not in out


async def test_names_choose(bench: Bench) -> None:
    await bench.put(SDEPS, sdep("iris", BAD))
    await bench.put(SDEPS, sdep("fine", GOOD))
    code, out, _ = await bench.run("status", "fine")

    assert code == 0
    assert "iris " not in out
    assert "  predictor: default\n    classifier  SKLEARN_SERVER  s3://sklearn/iris\n" in out


async def test_the_graph_is_a_tree() -> None:
    given = sdep("iris", GOOD)
    container = {"name": "scale", "image": "registry/scale:1"}
    leaf = {"name": "b", "implementation": "SKLEARN_SERVER", "modelUri": "gs://m/b"}
    a = {"name": "a", "type": "MODEL", "children": [{"name": "c", "type": "MODEL"}]}
    router = {"name": "ab", "implementation": "RANDOM_ABTEST", "children": [a, leaf]}
    given["spec"]["predictors"] = [
        {
            "name": "main",
            "traffic": 75,
            "componentSpecs": [{"spec": {"containers": [container]}}],
            "graph": {"name": "scale", "type": "TRANSFORMER", "children": [router]},
        },
        {"name": "copy", "shadow": True, "traffic": 100, "graph": leaf},
    ]
    out = text([report_of(given)], namespaces=False, wide=True, graphs=True)

    assert (
        "  predictor: main, 75 % of the requests\n"
        "    scale  TRANSFORMER  registry/scale:1\n"
        "    └─ ab  RANDOM_ABTEST\n"
        "       ├─ a  MODEL\n"
        "       │  └─ c  MODEL\n"
        "       └─ b  SKLEARN_SERVER  gs://m/b\n"
        "  predictor: copy, shadow of 100 % of the requests\n"
    ) in out


async def test_it_fits_a_terminal() -> None:
    long = "a-seldon-deployment-with-a-name-as-long-as-they-may-be"
    given = sdep(long, BAD | {"description": "word " * 60})
    given["metadata"]["namespace"] = long
    given["status"]["address"]["url"] = f"http://{long}.{long}.svc.cluster.local:8000/api/v1.0/predictions"
    narrow = text([report_of(given)], namespaces=True, wide=False, graphs=False)
    wide = text([report_of(given)], namespaces=True, wide=True, graphs=False)

    assert max(map(len, narrow.splitlines())) <= WIDTH
    assert f"http://{long}.{long}.svc.cluster.local:8000/api/v1.0/predictions" in wide


async def test_json_is_for_pipelines(bench: Bench) -> None:
    leaky = f"{REASON}: https://user:hunter2@host"
    await bench.put(SDEPS, sdep("iris", BAD | {"description": leaky}))
    await bench.put(DEPLOYMENTS, deployment("iris-default-0-classifier", "iris", 2, 0))
    await bench.put(PODS, pod("p-2", "classifier", "registry/model:1"))
    code, out, _ = await bench.run("status", "-o", "json")
    (item,) = json.loads(out)["items"]

    assert code == 1
    assert "hunter2" not in out
    assert (item["name"], item["verdict"], item["state"], item["observed"]) == ("iris", "failing", "Failed", True)
    assert item["reason"] == item["description"] == f"{REASON}: https://***@host"
    assert item["deployments"] == [{"name": "iris-default-0-classifier", "available": 0, "wanted": 2}]
    assert [(p["pod"], p["container"], p["reason"]) for p in item["pods"]] == [
        ("p-2", "container classifier", "ImagePullBackOff")
    ]
    assert item["predictors"][0]["graph"]["modelUri"] == "s3://sklearn/iris"
    assert yaml.safe_load((await bench.run("status", "-o", "yaml"))[1])["items"][0] == item


@pytest.mark.parametrize(
    ("given", "generation", "verdict", "words"),
    [
        (GOOD, 1, Verdict.READY, ""),
        (BAD, 1, Verdict.FAILING, "AccessDenied"),
        (GOOD, 2, Verdict.WAITING, "has not looked at its newest version yet"),
        (BAD, 2, Verdict.WAITING, "has not looked at its newest version yet"),
        ({}, 1, Verdict.WAITING, "No controller has looked at it yet"),
        (None, 1, Verdict.WAITING, "No controller has looked at it yet"),
        (status("Creating"), 1, Verdict.WAITING, "Its pods are being started"),
        # An update that fails, while what was there before serves on.
        (status("Available", Ready="False", DeploymentsReady="False"), 1, Verdict.FAILING, "being started"),
        (status("Available", Ready="False", DeploymentsReady="True"), 1, Verdict.WAITING, "being started"),
        # v1.17.1 says neither which version it has seen, nor always a condition Ready.
        ({"state": "Available"}, 7, Verdict.READY, ""),
    ],
)
async def test_what_a_status_comes_to(given: Object | None, generation: int, verdict: Verdict, words: str) -> None:
    live = sdep("iris", given, generation=generation)

    assert verdict_of(live) is verdict
    reason = report_of(live).reason
    assert words in reason
    assert bool(words) == bool(reason)


async def test_all_namespaces(bench: Bench) -> None:
    other = sdep("far", GOOD)
    other["metadata"]["namespace"] = "other"
    await bench.put(SDEPS, sdep("iris", GOOD))
    await bench.put(SDEPS, other)

    assert [line.split()[:2] for line in (await bench.run("status", "-A"))[1].splitlines()] == [
        ["NAMESPACE", "NAME"],
        ["ns", "iris"],
        ["other", "far"],
    ]
    assert [line.split()[0] for line in (await bench.run("status", "-n", "other"))[1].splitlines()] == ["NAME", "far"]


async def test_nothing_there(bench: Bench) -> None:
    assert await bench.run("status") == (0, "", "No SeldonDeployments in namespace ns (-A looks at all).\n")
    assert await bench.run("status", "-n", "othr") == (2, "", "Namespace othr does not exist; did you mean other?\n")
    code, _, err = await bench.run("status", "--wait")
    assert (code, err.endswith("There is nothing to wait for.\n")) == (2, True)


async def test_an_unknown_name(bench: Bench) -> None:
    await bench.put(SDEPS, sdep("iris", GOOD))

    assert await bench.run("status", "irs", "else") == (
        2,
        "",
        (
            "There is no SeldonDeployment irs in namespace ns; did you mean iris?\n"
            "There is no SeldonDeployment else in namespace ns; there are: iris.\n"
        ),
    )
    assert (await bench.run("status", "-A", "iris"))[0] == 2


@pytest.mark.parametrize(
    ("code", "message", "words"),
    [
        (404, "the server could not find the requested resource", "install the chart seldon-core-operator"),
        (403, 'User "me" cannot list resource "seldondeployments"', "permission is missing: verb list on seldondep"),
        (401, "Unauthorized", "does not accept your credentials (context dev of kubeconfig "),
        (503, "down", "The cluster refuses (context dev of kubeconfig "),
    ],
)
async def test_what_the_cluster_refuses(bench: Bench, code: int, message: str, words: str) -> None:
    bench.api.faults.append(refuse(code, message, ending="/seldondeployments"))
    exit_status, out, err = await bench.run("status")

    assert (exit_status, out) == (2, "")
    assert words in err
    assert err.count("\n") == 1


async def test_no_cluster_answers(bench: Bench) -> None:
    given = yaml.safe_load(bench.kubeconfig.read_text())
    given["clusters"][0]["cluster"]["server"] = "http://127.0.0.1:1"
    bench.kubeconfig.write_text(yaml.safe_dump(given))
    code, _, err = await bench.run("status")

    assert code == 2
    assert err.startswith(f"The cluster does not answer (context dev of kubeconfig {bench.kubeconfig}): ")
    assert (await bench.run("status", "--context", "dve"))[2].endswith("did you mean dev?\n")


async def test_without_the_right_to_see_pods_the_rest_is_shown(bench: Bench) -> None:
    await bench.put(SDEPS, sdep("iris", BAD))
    bench.api.faults.append(refuse(403, 'User "me" cannot list resource "pods"', ending="/pods"))
    code, out, err = await bench.run("status")

    assert (code, REASON in out) == (1, True)
    assert err.startswith("Pods are not shown: permission is missing: verb list on pods in namespace ns")


async def waiting(bench: Bench, *words: str, then: Callable[[], Awaitable[Any]]) -> tuple[int, str, str]:
    """A `status --wait`, while which something happens: after its watch has begun."""
    running = asyncio.create_task(bench.run("status", *words, "--wait"))
    await bench.api.watched()
    await then()
    return await running


async def change(bench: Bench, new: Object) -> None:
    await bench.api.change(SDEPS, "ns", "iris", lambda live: live.update(status=new))


async def test_wait_until_it_is_ready(bench: Bench) -> None:
    await bench.put(SDEPS, sdep("iris", status("Creating", description="pod p-1 finds no node")))

    code, out, err = await waiting(bench, "iris", then=lambda: change(bench, GOOD))
    assert code == 0
    assert "Available" in out
    assert err == "iris is Creating: pod p-1 finds no node\niris is Available\n"


async def test_wait_does_not_take_an_old_status_for_the_answer(bench: Bench) -> None:
    await bench.put(SDEPS, sdep("iris", BAD, generation=2))
    newer = status("Available", observed=2, Ready="True")

    assert (await waiting(bench, then=lambda: change(bench, newer)))[0] == 0


async def test_wait_ends_at_once_where_one_fails(bench: Bench) -> None:
    await bench.put(SDEPS, sdep("iris", status("Creating")))
    await bench.put(SDEPS, sdep("slow", status("Creating")))
    began = time.monotonic()
    code, out, err = await waiting(bench, "--timeout", "60s", then=lambda: change(bench, BAD))

    assert code == 1
    assert time.monotonic() - began < 30
    assert f"  reason: {REASON}\n" in out
    assert "Not ready after" not in err


async def test_wait_gives_up_in_time(bench: Bench) -> None:
    await bench.put(SDEPS, sdep("iris", status("Creating", description="pod p-1 finds no node")))
    code, out, err = await bench.run("status", "--wait", "--timeout", "300ms")

    assert code == 1
    assert "  reason: pod p-1 finds no node\n" in out
    assert err.endswith("Not ready after 0.3 s (--timeout waits longer).\n")


async def test_wait_tells_that_it_is_gone(bench: Bench) -> None:
    await bench.put(SDEPS, sdep("iris", status("Creating")))

    code, _, err = await waiting(bench, then=lambda: bench.api.drop(SDEPS, "ns", "iris"))
    assert (code, "SeldonDeployment iris was deleted while it was waited for." in err) == (2, True)


async def test_held_pods_are_named() -> None:
    held = {"type": "RolledOut", "status": "False", "message": "The pods of x are as a former controller made them."}
    given = sdep("iris", GOOD | {"conditions": [*GOOD["conditions"], held]})

    assert "\niris:\n  rollout: The pods of x are as" in text(
        [report_of(given)], namespaces=False, wide=False, graphs=False, now=datetime.now(UTC)
    )


@pytest.mark.parametrize(
    ("typed", "amount"), [("90", 90.0), ("90s", 90.0), ("1m30s", 90.0), ("1.5h", 5400.0), ("250ms", 0.25), ("0", 0.0)]
)
async def test_durations(typed: str, amount: float) -> None:
    assert seconds(typed) == amount


@pytest.mark.parametrize("typed", ["", "s", "3x", "-1s", "1s 2s"])
async def test_what_is_no_duration(bench: Bench, typed: str) -> None:
    with pytest.raises(SystemExit) as ended:
        await bench.run("status", f"--timeout={typed}")
    assert ended.value.code == 2


@pytest.mark.parametrize(
    ("amount", "said"), [(0, "0s"), (59.9, "59s"), (3661, "1h1m"), (86400 * 3 + 5, "3d5s"), (-5, "0s")]
)
async def test_ages(amount: float, said: str) -> None:
    assert spoken(amount) == said


async def test_a_table_shortens_in_the_middle() -> None:
    assert shortened("http://host/path", 9) == "http…path"
    assert shortened("abc", 3) == "abc"
    rows = [("a", "x" * 100, "z"), ("b", "y", "z" * 50)]
    narrow = table(("ONE", "LONG", "LAST"), rows, width=60, shrink="LONG")
    assert max(map(len, narrow.splitlines())) <= 60
    assert table(("ONE", "TWO"), [("1", "2")]) == "ONE  TWO\n1    2\n"
