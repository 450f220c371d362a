"""`seldonctl diff`: nothing is written, and what is told is what the controller would do.

That it is so against a real API server is shown in tests/integration/controller/test_seldonctl.py.
"""

import copy
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from seldon_core.api.decode import load
from seldon_core.api.values import load_values
from seldon_core.cli.changed import ObjectChange, Outcome, text
from seldon_core.operator.config.liveconfig import BASE
from seldon_core.operator.objects.ownership import with_owner
from seldon_core.operator.render import render
from seldon_core.operator.render.config import from_values
from tests.unit.cli.conftest import DEPLOYMENTS, NAMESPACES, SDEPS, Bench, Object, refuse, sdep

pytestmark = pytest.mark.asyncio

CONFIG_MAPS = "api/v1/configmaps"
SERVICES = "api/v1/services"
SERVICE_ACCOUNTS = "api/v1/serviceaccounts"
SECRETS = "api/v1/secrets"
UNKNOWN = "The values in force are unknown (no ConfigMap seldon-operator-values that you may read)"


async def install(
    bench: Bench, namespace: str = "seldon-system", *, config: Object | None = None, **values: Any
) -> None:
    """What the chart leaves in a cluster."""
    data = {"values.yaml": yaml.safe_dump(values or {"istio": {"enabled": False}})}
    for name, content in (("seldon-operator-values", data), ("seldon-config", config or {"credentials": "{}"})):
        metadata = {"name": name, "namespace": namespace}
        await bench.put(CONFIG_MAPS, {"kind": "ConfigMap", "metadata": metadata, "data": content})


async def objects(bench: Bench, *words: str) -> tuple[int, dict[str, Object], str]:
    """Exit status, changes by kind and name, stderr."""
    code, out, err = await bench.run("diff", "-o", "json", *words)
    items = json.loads(out)["items"] if out else []
    return code, {f"{c['kind']}/{c['name']}": c for item in items for c in item["changes"]}, err


def write(path: Path, *manifests: Object) -> str:
    path.write_text(yaml.safe_dump_all(manifests), encoding="utf-8")
    return str(path)


async def test_a_new_one_is_created(bench: Bench, tmp_path: Path) -> None:
    await install(bench)
    given = sdep("iris")
    del given["metadata"]["namespace"]
    code, out, err = await bench.run("diff", "-f", write(tmp_path / "iris.yaml", given))

    assert (code, err) == (1, "")
    assert out.splitlines() == [
        "SeldonDeployment ns/iris is created",
        "Service ns/iris-default-classifier is created",
        "Service ns/iris-default is created",
        "Deployment ns/iris-default-0-classifier is created",
        "",
        "Would change: 4 create, for 1 of 1 SeldonDeployment.",
        "No running pod would be replaced.",
    ]
    assert not bench.api.writes()


async def test_nothing_is_said_of_what_stays(bench: Bench, tmp_path: Path) -> None:
    await install(bench)

    assert await bench.run("diff", "--all") == (0, "Nothing would change.\n", "")
    assert await bench.run("diff", "-o", "yaml") == (0, "---\nitems: []\n", "")


async def test_an_edit_is_told_field_by_field(bench: Bench, tmp_path: Path) -> None:
    await install(bench)
    await bench.put(SDEPS, sdep("iris"))
    given = sdep("iris")
    predictor = given["spec"]["predictors"][0]
    predictor["graph"] |= {
        "modelUri": "s3://sklearn/wine",
        "parameters": [{"name": "api_key", "value": "hunter2", "type": "STRING"}],
    }
    predictor["replica"] = 3
    code, found, err = await objects(bench, "-f", write(tmp_path / "iris.yaml", given))

    assert code == 1
    own = found["SeldonDeployment/iris"]
    assert own["fields"][0] == {
        "path": "spec.predictors[name=default].graph.modelUri",
        "old": "s3://sklearn/iris",
        "new": "s3://sklearn/wine",
    }
    assert "replica:" not in json.dumps(own)
    assert "hunter2" not in json.dumps(found)
    # The field that nobody knows is named, once.
    assert err.startswith("iris: spec.predictors[0].replica: is no field of a SeldonDeployment and is ignored; did you")
    assert err.count("\n") == 1


async def test_what_would_be_refused(bench: Bench, tmp_path: Path) -> None:
    await install(bench)
    bad, good = sdep("bad"), sdep("good")
    bad["spec"]["predictors"][0]["graph"]["implementation"] = "FOO_SERVER"
    code, found, err = await objects(bench, "-f", write(tmp_path / "m.yaml", bad, good))

    assert code == 2
    assert "Deployment/good-default-0-classifier" in found
    assert err.startswith("ns/bad: ")
    assert "FOO_SERVER" in err
    # The same where new values take a server away from what is there.
    await bench.put(SDEPS, sdep("iris"))
    code, _, err = await objects(bench, "--set", "predictor_servers.SKLEARN_SERVER=null")
    assert (code, "ns/iris: " in err, "SKLEARN_SERVER" in err) == (2, True, True)


async def test_a_name_that_is_taken(bench: Bench, tmp_path: Path) -> None:
    await install(bench)
    await bench.put(SERVICES, {"kind": "Service", "metadata": {"name": "iris-default", "namespace": "ns"}, "spec": {}})
    code, found, err = await objects(bench, "-f", write(tmp_path / "iris.yaml", sdep("iris")))

    assert (code, list(found)) == (2, ["SeldonDeployment/iris"])
    assert err.startswith("ns/iris: Service iris-default exists already and is not this SeldonDeployment's")


async def test_credentials_are_read_as_the_controller_does(bench: Bench, tmp_path: Path) -> None:
    await install(bench)
    account = {
        "kind": "ServiceAccount",
        "metadata": {"name": "default", "namespace": "ns"},
        "secrets": [{"name": "s3"}],
    }
    await bench.put(SERVICE_ACCOUNTS, account)
    data = {"awsAccessKeyID": "aHVudGVyMg==", "awsSecretAccessKey": "aHVudGVyMg=="}
    await bench.put(SECRETS, {"kind": "Secret", "metadata": {"name": "s3", "namespace": "ns"}, "data": data})
    path = write(tmp_path / "iris.yaml", sdep("iris"))

    assert (await objects(bench, "-f", path))[2] == ""
    assert [call for call in bench.api.calls if call.path.endswith("/secrets/s3")]
    bench.api.faults.append(refuse(403, 'User "me" cannot get resource "secrets"', ending="/secrets/s3"))
    code, found, err = await objects(bench, "-f", path)
    assert (code, len(found)) == (1, 4)
    assert err.startswith("Credentials of service accounts are left out, so init containers may seem to change: perm")
    assert err.count("\n") == 1
    # A controller that may not read them does without, too.
    bench.api.calls.clear()
    code, _, err = await objects(bench, "-f", path, "--set", "storageInitializer.serviceAccountCredentials=false")
    assert (code, err) == (1, "")
    assert not [call for call in bench.api.calls if "/secrets/" in call.path]


async def test_values_in_force_are_the_base(bench: Bench, tmp_path: Path) -> None:
    live = {"storageInitializer": '{"image": "edited:1"}'}
    await install(bench, config=live, storageInitializer={"image": "theirs:1"}, executor={"mode": "sidecar"})

    async def image(*words: str) -> str:
        await bench.put(SDEPS, sdep("iris"))
        await bench.put(DEPLOYMENTS, deployment())
        code, found, err = await objects(bench, *words)
        assert (code < 2, err) == (True, "")
        # Its pods are another controller's, and are held: what they would become is told all the same.
        fields = found["Deployment/iris-default-0-classifier"]["held"]
        return next(f["new"] for f in fields if "initContainers" in f["path"] and f["path"].endswith("].image"))

    # An edit of seldon-config wins over the values, over later ones, too.
    assert await image() == "edited:1"
    assert await image("--set-string", "executor.image.tag=2") == "edited:1"
    assert await image("--set", "storageInitializer.image=new:1") == "edited:1"
    # What is there as the controller has written it becomes what the values say.
    said = {"storageInitializer": {"image": "theirs:1"}}
    metadata = {"name": "seldon-config", "namespace": "seldon-system", "annotations": {BASE: json.dumps(said)}}
    data = {name: json.dumps(entries) for name, entries in said.items()}
    await bench.put(CONFIG_MAPS, {"kind": "ConfigMap", "metadata": metadata, "data": data})
    assert await image() == "theirs:1"
    assert await image("--set", "storageInitializer.image=new:1") == "new:1"
    chart = tmp_path / "chart"
    chart.mkdir()
    (chart / "values.yaml").write_text("storageInitializer: {image: 'chart:1'}\n", encoding="utf-8")
    assert await image("--chart", str(chart)) == "chart:1"
    with tarfile.open(tmp_path / "chart.tgz", "w:gz") as package:
        package.add(chart, "seldon-core-operator")
    assert await image("--chart", str(tmp_path / "chart.tgz"), "--set", "storageInitializer.image=x:1") == "x:1"


def deployments(of: Object) -> list[Object]:
    """The Deployments of a SeldonDeployment as another controller has made them, with another initializer."""
    found = render(load(of), from_values(load_values({}))).objects
    metadata = of["metadata"]
    made = [with_owner(each, metadata["name"], metadata["uid"]) for each in found if each["kind"] == "Deployment"]
    for manifest in made:
        manifest["spec"]["template"]["spec"]["initContainers"][0]["image"] = "before:1"
    return made


def deployment() -> Object:
    """That of `sdep()`."""
    return deployments(sdep("iris"))[0]


async def test_each_deployment_is_held_by_itself(bench: Bench, tmp_path: Path) -> None:
    await install(bench)
    live, given = two_predictors(), two_predictors()
    await bench.put(SDEPS, live)
    for each in deployments(live):
        await bench.put(DEPLOYMENTS, each)
    given["spec"]["predictors"][1]["graph"]["modelUri"] = "s3://sklearn/wine"
    _, found, _ = await objects(bench, "-f", write(tmp_path / "iris.yaml", given))

    kept, edited = (found[f"Deployment/iris-{name}-0-classifier"] for name in ("default", "second"))
    assert (kept["rollsPods"], bool(kept["held"])) == (False, True)
    assert (edited["rollsPods"], edited["held"]) == (True, [])
    assert not any("a former controller made them" in reason for reason in edited["reasons"])


def two_predictors() -> Object:
    """A SeldonDeployment with two of them."""
    found = sdep("iris")
    first = found["spec"]["predictors"][0] | {"traffic": 50}
    found["spec"]["predictors"] = [first, {**copy.deepcopy(first), "name": "second"}]
    return found


async def test_namespaces_of_other_controllers_are_left_out(bench: Bench) -> None:
    await install(bench)
    await bench.put(SDEPS, sdep("iris"))
    metadata = {"name": "ns", "labels": {"seldon.io/controller-id": "theirs"}}
    await bench.put(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    left_out = (0, {}, "ns/iris is left out: another controller serves it.\n")

    assert await objects(bench, "--all") == left_out
    assert await objects(bench) == left_out
    # Who may not list namespaces may get the one that is looked at.
    bench.api.faults.append(refuse(403, 'User "me" cannot list resource "namespaces"', ending="/api/v1/namespaces"))
    assert await objects(bench) == left_out
    # Who has an id goes by the labels of SeldonDeployments alone.
    await install(bench, controllerId="mine")
    owned = sdep("iris")
    owned["metadata"]["labels"] = {"seldon.io/controller-id": "mine"}
    await bench.put(SDEPS, owned)
    assert "Deployment/iris-default-0-classifier" in (await objects(bench, "--all"))[1]


async def test_without_the_values_it_says_so(bench: Bench, tmp_path: Path) -> None:
    path = write(tmp_path / "iris.yaml", sdep("iris"))

    code, _, err = await objects(bench, "-f", path)
    assert (code, err.startswith(UNKNOWN)) == (1, True)
    # Who may not look at the whole cluster is served from the usual place.
    await install(bench)
    bench.api.faults.append(refuse(403, 'User "me" cannot list resource "configmaps"', ending="/api/v1/configmaps"))
    assert (await objects(bench, "-f", path))[2] == ""


async def test_of_several_controllers_one_is_meant(bench: Bench, tmp_path: Path) -> None:
    await install(bench, "one", controllerId="a")
    await install(bench, "two", controllerId="b")
    await bench.put(SDEPS, sdep("iris"))

    code, _, err = await objects(bench)
    assert (code, "in several namespaces (one, two): say with --controller-namespace" in err) == (2, True)
    code, found, err = await objects(bench, "--controller-namespace", "two")
    assert (code, found, err) == (0, {}, "ns/iris is left out: another controller serves it.\n")
    assert "neither the ConfigMap" in (await objects(bench, "--controller-namespace", "three"))[2]


async def test_kinds_that_the_cluster_does_not_know(bench: Bench, tmp_path: Path) -> None:
    await install(bench, istio={"enabled": True})
    bench.api.faults += [
        refuse(404, "the server could not find the requested resource", ending=f"/{plural}")
        for plural in ("virtualservices", "destinationrules")
    ]
    _, found, err = await objects(bench, "-f", write(tmp_path / "iris.yaml", sdep("iris")))

    assert not [name for name in found if "VirtualService" in name]
    assert "The cluster does not know virtualservices.networking.istio.io: the controller makes none.\n" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--set", "executr.image.tag=1"], "did you mean executor.image.tag?"),
        (["--chart", "/nowhere.tgz"], "/nowhere.tgz: is no chart"),
        (["--all", "-n", "ns"], "leave --namespace out"),
        (["-f", "-", "--all"], "leave --all out"),
    ],
)
async def test_bad_use(bench: Bench, words: list[str], said: str) -> None:
    code, out, err = await bench.run("diff", *words)

    assert (code, out, said in err) == (2, "", True)


@pytest.mark.parametrize("text", ["[1]", ": : :", "executr: {}"])
async def test_values_in_the_cluster_that_cannot_be_used(bench: Bench, text: str) -> None:
    await install(bench)
    await bench.api.change(
        CONFIG_MAPS, "seldon-system", "seldon-operator-values", lambda live: live.update(data={"values.yaml": text})
    )
    await bench.put(SDEPS, sdep("iris"))

    assert (await bench.run("diff"))[0] == 2


def outcome(name: str, *reasons: str, action: Any = "update") -> Outcome:
    """One whose Deployment changes."""
    change = ObjectChange(kind="Deployment", namespace="ns", name=name, action=action, rolls_pods=True, reasons=reasons)
    return Outcome(namespace="ns", name=name, changes=(change,), in_turn=True)


async def test_what_is_the_same_is_said_once() -> None:
    image, other = "container c: image a -> b", "container c: image a -> c"
    found = text([outcome("x", image), outcome("y", other), *(outcome(f"z{n}", image) for n in range(9))], at_a_time=5)

    assert found == (
        "Deployment ns/x, ns/z0, ns/z1, ns/z2, ns/z3, ns/z4, ns/z5, ns/z6, ns/z7, ns/z8 are updated; their pods roll\n"
        "    container c: image a -> b\n"
        "Deployment ns/y is updated; its pods roll\n"
        "    container c: image a -> c\n"
        "\n"
        "Would change: 11 update, for 11 of 11 SeldonDeployments.\n"
        "Pods would roll in: ns/x, ns/y, ns/z0, ns/z1, ns/z2, ns/z3, ns/z4, ns/z5 and 3 more; at most 5 "
        "SeldonDeployments at a\n  time.\n"
    )
