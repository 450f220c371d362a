"""`seldonctl` as a process, against a real API server with the real controller: what it tells is what happens."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from seldon_core.kube import Resource
from seldon_core.kube.resources import CONFIG_MAPS, DEPLOYMENTS, PODS
from seldon_core.operator.objects.kinds import OPTIONAL, OWNED, SELDON_DEPLOYMENTS
from tests.integration.controller import recorded
from tests.integration.controller.gateways import Gateways
from tests.integration.controller.kubelet import Kubelet
from tests.integration.controller.manifests import NAME, TRANSITIONS, VALUES, seldon_deployment
from tests.integration.controller.process import Controller
from tests.integration.controller.world import Life, World
from tests.integration.controlplane import ADMIN, OPERATOR, WRITES, ControlPlane, until

REVISION = "deployment.kubernetes.io/revision"
KINDS = tuple(resource for resource in OWNED if resource not in OPTIONAL)
"""What Kubernetes itself defines."""
LOADS = "AccessDenied: no such key: models/iris"

Object = dict[str, Any]


class Seldonctl:
    """The command of one user.

    Args:
        kubeconfig: The user's.
        namespace: That of the context.
    """

    def __init__(self, kubeconfig: Path, namespace: str) -> None:
        self._words = ["--kubeconfig", str(kubeconfig), "--namespace", namespace]

    def run(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        done = subprocess.run(
            [sys.executable, "-m", "seldon_core.cli.main", *words, *self._words],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def diff(self, *words: str, manifest: Object | None = None) -> dict[str, Object]:
        """The changes by kind and name; the exit status is checked against them."""
        of_file = ["-f", "-"] if manifest else []
        done = self.run("diff", "-o", "json", *of_file, *words, stdin=yaml.safe_dump(manifest) if manifest else "")
        assert done.returncode in {0, 1}, done.stderr
        changes = [change for item in json.loads(done.stdout)["items"] for change in item["changes"]]
        found = {f"{change['kind']} {change['name']}": change for change in changes if change["action"] != "keep"}
        assert done.returncode == (1 if found else 0)
        return found


@pytest.fixture(scope="module")
def life(world: World) -> Iterator[Life]:
    """A namespace with a controller, and the ConfigMaps that the chart would leave there."""
    with Gateways(world.plane), world.life("seldonctl") as life:
        publish(world.plane, life.namespace, VALUES)
        life.controller.start()
        yield life


@pytest.fixture
def seldonctl(life: Life) -> Seldonctl:
    return Seldonctl(life.world.plane.kubeconfig, life.namespace)


def publish(plane: ControlPlane, namespace: str, values: Object) -> None:
    """The values in force, as the chart writes them."""
    for name, data in (("seldon-operator-values", {"values.yaml": yaml.safe_dump(values)}), ("seldon-config", {})):
        body = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": namespace},
            "data": data,
        }
        path = CONFIG_MAPS.path(namespace=namespace, name=name)
        plane.request(
            "PATCH", f"{path}?fieldManager=helm&force=true", body, content_type="application/apply-patch+yaml"
        )


def contents(plane: ControlPlane, namespace: str, kinds: Iterable[Resource] = OWNED) -> dict[str, Object]:
    """What there is of SeldonDeployments, without what changes by itself; the uid tells who was made anew."""
    found = {}
    for resource in (SELDON_DEPLOYMENTS, *kinds):
        for obj in plane.items(resource.path(namespace=namespace)):
            metadata = obj["metadata"]
            if resource == SELDON_DEPLOYMENTS or metadata.get("ownerReferences"):
                annotations = {k: v for k, v in (metadata.get("annotations") or {}).items() if k != REVISION}
                found[f"{resource.kind} {metadata['name']}"] = {
                    "uid": metadata["uid"],
                    "content": [metadata.get("labels"), annotations, obj.get("spec")],
                }
    return found


def happened(before: dict[str, Object], after: dict[str, Object]) -> dict[str, str]:
    """What became of each object, in the words of `diff`."""
    found: dict[str, str] = {}
    for name in before.keys() | after.keys():
        if name not in after:
            found[name] = "delete"
        elif name not in before:
            found[name] = "create"
        elif before[name]["uid"] != after[name]["uid"]:
            found[name] = "replace"
        elif before[name]["content"] != after[name]["content"]:
            found[name] = "update"
    return found


def rolled(before: dict[str, Object], after: dict[str, Object]) -> set[str]:
    """The Deployments whose pods were replaced."""
    return {
        name
        for name in before.keys() & after.keys()
        if name.startswith(DEPLOYMENTS.kind)
        and (before[name]["uid"], before[name]["content"][2]["template"])
        != (after[name]["uid"], after[name]["content"][2]["template"])
    }


def test_what_it_tells_of_an_apply_is_what_happens(life: Life, seldonctl: Seldonctl) -> None:
    plane = life.world.plane
    for step, state in TRANSITIONS.items():
        before, count = contents(plane, life.namespace), len(plane.audit(verbs=WRITES, user=ADMIN))
        told = seldonctl.diff(manifest=state(life.namespace))
        assert len(plane.audit(verbs=WRITES, user=ADMIN)) == count, "diff has written"

        life.settled(life.apply(state))
        after = contents(plane, life.namespace)
        assert {name: change["action"] for name, change in told.items()} == happened(before, after), step
        rolls = {n for n, c in told.items() if c["rollsPods"] and c["action"] in {"update", "replace"}}
        assert rolls == rolled(before, after), step
        assert seldonctl.diff(manifest=state(life.namespace)) == {}
        assert seldonctl.diff() == {}


def test_why_pods_roll(life: Life, seldonctl: Seldonctl) -> None:
    life.settled(life.apply(TRANSITIONS["create"]))
    changed = TRANSITIONS["create"](life.namespace)
    changed["spec"]["predictors"][1]["graph"]["modelUri"] = "gs://seldon-models/sklearn/wine"
    done = seldonctl.run("diff", "-f", "-", stdin=yaml.safe_dump(changed))

    assert done.returncode == 1
    assert done.stdout.startswith(f"SeldonDeployment {life.namespace}/{NAME} is updated\n")
    assert f"Deployment {life.namespace}/{NAME}-canary-0-classifier is updated; its pods roll\n" in done.stdout
    told = " ".join(done.stdout.split())
    assert "initializer: args[0] gs://seldon-models/sklearn/iris -> gs://seldon-models/sklearn/wine" in told
    assert done.stdout.endswith(f"Pods would roll in: {life.namespace}/{NAME}-canary-0-classifier.\n")


def test_what_it_tells_of_new_values_is_what_happens(life: Life, seldonctl: Seldonctl) -> None:
    plane = life.world.plane
    life.settled(life.apply(TRANSITIONS["create"]))
    before = contents(plane, life.namespace)
    told = seldonctl.diff("--set", "executor.mode=sidecar", "--set", "executor.resources.cpuRequest=60m")
    one = told[f"Deployment {NAME}-canary-0-classifier"]
    assert "container seldon-container-engine: is added" in one["reasons"]

    values = VALUES | {"executor": {"mode": "sidecar", "resources": {"cpuRequest": "60m"}}}
    upgraded = upgrade(life, values)
    try:
        until(lambda: happened(before, contents(plane, life.namespace)) == actions(told), 60, upgraded.tail)
        assert {n for n, c in told.items() if c["rollsPods"]} == rolled(before, contents(plane, life.namespace))
        assert seldonctl.diff() == {}
    finally:
        upgraded.stop()
        upgraded.close()
        publish(plane, life.namespace, VALUES)
        life.controller.start()


def actions(told: dict[str, Object]) -> dict[str, str]:
    return {name: change["action"] for name, change in told.items()}


def upgrade(life: Life, values: Object) -> Controller:
    """Another controller in the place of the life's."""
    life.controller.stop()
    publish(life.world.plane, life.namespace, values)
    folder = life.world.plane.folder / f"{life.namespace}-upgraded"
    config = life.world.plane.kubeconfig_of(OPERATOR, name=folder.name)
    upgraded = Controller(
        folder, kubeconfig=config, namespace=life.namespace, watched=life.namespace, values=values, identity="upgraded"
    )
    upgraded.start()
    return upgraded


def single(name: str) -> Callable[[str], Object]:
    """A SeldonDeployment of one pod."""
    graph = {"name": "classifier", "implementation": "SKLEARN_SERVER", "modelUri": "gs://seldon-models/iris"}
    return lambda namespace: seldon_deployment(namespace, [{"name": "main", "replicas": 1, "graph": graph}], name)


def test_waiting_until_it_serves(life: Life, seldonctl: Seldonctl) -> None:
    life.apply(single("quick"))
    done = seldonctl.run("status", "quick", "--wait", "--timeout", "60s")

    assert done.returncode == 0, done.stdout + done.stderr
    head, line = done.stdout.splitlines()[:2]
    assert head.split() == ["NAME", "STATE", "REPLICAS", "OBSERVED", "AGE", "ADDRESS"]
    assert line.split()[:4] == ["quick", "Available", "1/1", "yes"]
    assert "classifier  SKLEARN_SERVER  gs://seldon-models/iris" in done.stdout


def test_a_failing_pod_is_explained(life: Life, seldonctl: Seldonctl) -> None:
    plane = life.world.plane
    life.apply(single("broken"))
    assert seldonctl.run("status", "broken", "--wait").returncode == 0
    ended = {"exitCode": 1, "reason": "Error", "message": LOADS}
    container = {"name": "classifier-model-initializer", "ready": False, "restartCount": 1, "image": "i", "imageID": ""}
    ready = [{"type": kind, "status": "False"} for kind in ("Ready", "ContainersReady")]
    status = {
        "phase": "Pending",
        "conditions": ready,
        "initContainerStatuses": [container | {"state": {"terminated": ended}}],
    }
    selector = "?labelSelector=seldon-deployment-id%3Dbroken"
    (pod,) = plane.items(PODS.path(namespace=life.namespace) + selector)
    path = PODS.path(namespace=life.namespace, name=pod["metadata"]["name"], subresource="status")
    plane.request("PATCH", path, {"status": status}, content_type="application/merge-patch+json")

    until(lambda: state_of(life, "broken") == "Failed", 30, life.controller.tail)
    for words in (("broken",), ("broken", "--wait", "--timeout", "100s"), ()):
        done = seldonctl.run("status", *words)
        told = " ".join(done.stdout.split())
        assert done.returncode == 1, done.stderr
        assert f"init container classifier-model-initializer of pod {pod['metadata']['name']} failed" in told
        assert LOADS in told
        assert max(map(len, done.stdout.splitlines())) <= 120
    plane.request("DELETE", SELDON_DEPLOYMENTS.path(namespace=life.namespace, name="broken"))


def state_of(life: Life, name: str) -> str:
    live = life.world.plane.find(SELDON_DEPLOYMENTS.path(namespace=life.namespace, name=name)) or {}
    return str((live.get("status") or {}).get("state"))


def test_without_rights(life: Life, tmp_path: Path) -> None:
    plane, namespace = life.world.plane, life.namespace
    life.apply(TRANSITIONS["create"])
    assert Seldonctl(plane.kubeconfig, namespace).run("status", NAME, "--wait").returncode == 0
    plane.kubectl("-n", namespace, "create", "serviceaccount", "viewer")
    token = plane.kubectl("-n", namespace, "create", "token", "viewer").stdout.strip()
    config = yaml.safe_load(plane.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": token}
    path = tmp_path / "viewer"
    path.write_text(yaml.safe_dump(config))
    viewer = Seldonctl(path, namespace)

    for command in ("status", "diff"):
        refused = viewer.run(command)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert "permission is missing: verb list on" in refused.stderr
        assert refused.stderr.count("\n") == 1
    names = ",".join(
        f"{r.plural}.{r.group}" if r.group else r.plural for r in (SELDON_DEPLOYMENTS, *OWNED, PODS, CONFIG_MAPS)
    )
    plane.kubectl("-n", namespace, "create", "role", "viewer", "--verb=get,list,watch", f"--resource={names}")
    plane.kubectl(
        "-n", namespace, "create", "rolebinding", "viewer", "--role=viewer", f"--serviceaccount={namespace}:viewer"
    )
    until(lambda: viewer.run("status").returncode == 0, 10, "the role has no effect")
    told = viewer.run("diff", "--controller-namespace", namespace)
    assert (told.returncode, told.stdout) == (0, "Nothing would change.\n")
    assert told.stderr.startswith("Credentials of service accounts are left out, so init containers may seem to change")


def test_kubeconfig_of_several_files(life: Life, tmp_path: Path) -> None:
    config = yaml.safe_load(life.world.plane.kubeconfig.read_text())
    parts = []
    for section in ("contexts", "clusters", "users"):
        parts.append(tmp_path / section)
        parts[-1].write_text(yaml.safe_dump({section: config[section]}))
    environment = {**os.environ, "KUBECONFIG": ":".join(map(str, parts))}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "seldon_core.cli.main", "status", "-n", life.namespace, *words]
        return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=60)

    assert run("--context", "test").returncode in {0, 1}
    lacking = run()
    assert lacking.returncode == 2
    assert "names no current context; name one with --context: test." in lacking.stderr


@pytest.mark.skipif(not recorded.FOLDER.exists(), reason="no ../shared beside this checkout")
@pytest.mark.parametrize("policy", ["keep", "roll"])
def test_what_it_tells_of_a_takeover_is_what_happens(policy: str) -> None:
    values = {"manager": {"takeover": policy}}
    with ExitStack() as stack:
        plane = stack.enter_context(ControlPlane())
        plane.install_crd()
        plane.grant_all(OPERATOR)
        recorded.restore(plane, "models")
        publish(plane, "models", values)
        seldonctl, before = Seldonctl(plane.kubeconfig, "models"), contents(plane, "models", KINDS)
        told = seldonctl.diff()
        assert {name for name, change in told.items() if change["action"] != "update"} == set()
        text = seldonctl.run("diff").stdout
        assert ("Pods are held as they are in: " in text) == (policy == "keep")
        assert ("Pods would roll in: " in text) == (policy == "roll")

        plane.start_controller_manager("deployment-controller,replicaset-controller,garbage-collector-controller")
        stack.enter_context(Kubelet(plane))
        config = plane.kubeconfig_of(OPERATOR)
        controller = Controller(
            plane.folder / "c", kubeconfig=config, namespace="models", watched="models", values=values
        )
        stack.callback(controller.close)
        controller.start()
        until(lambda: seldonctl.diff() == {}, 60, lambda: f"{seldonctl.run('diff').stdout} {controller.tail()}")
        after = contents(plane, "models", KINDS)
        wrote = {
            f"{entry['objectRef']['resource']}/{entry['objectRef']['name']}"
            for entry in plane.audit(verbs=WRITES, user=OPERATOR)
            if entry["objectRef"]["resource"] in {resource.plural for resource in KINDS}
        }
    assert wrote == {f"{change['kind'].lower()}s/{change['name']}" for change in told.values()}
    assert set(happened(before, after)) <= set(told)
    assert rolled(before, after) == {name for name, change in told.items() if change["rollsPods"]}
