"""`seldonctl migrate storage` on a real API server, with the rights that its guide names, and looks by the real image.

Pods have a node of their own here: a thread that runs the pod's container with docker, beside a real MinIO, with what
the pod's secret holds.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
import yaml
from testcontainers.core.network import Network

from tests.integration.conftest import SECRET_KEY, Store
from tests.integration.controller.watcher import Watcher
from tests.integration.controlplane import OPERATOR, WRITES, ControlPlane

NAMESPACE = "models"
SDEPS = f"/apis/machinelearning.seldon.io/v1/namespaces/{NAMESPACE}/seldondeployments"
SECRETS = f"/api/v1/namespaces/{NAMESPACE}/secrets"
MANAGER = "seldonctl-migrate-storage"
GUIDE = Path(__file__).parents[2] / "docs" / "upgrade-storage.md"

Object = dict[str, Any]


class Node(Watcher):
    """Runs pods of one container to their end."""

    path = "/api/v1/pods"

    def __init__(self, plane: ControlPlane, network: Network) -> None:
        super().__init__(plane)
        self._network = network
        self.ran: list[Object] = []

    def status(self, obj: Object) -> Object | None:
        """What the kubelet says of the ended container."""
        if obj.get("status", {}).get("containerStatuses"):
            return None
        self.ran.append(obj)
        container = obj["spec"]["containers"][0]
        program, *words = container["command"]
        client = docker.from_env()
        running = client.containers.run(
            container["image"],
            words,
            entrypoint=[program],
            environment=self._env(container),
            network=self._network.name,
            user="8888",
            read_only=True,
            cap_drop=["ALL"],
            detach=True,
        )
        try:
            code = running.wait(timeout=60)["StatusCode"]
            message = running.logs().decode()
        finally:
            running.remove(force=True)
            client.close()
        ended = {"exitCode": code, "message": message, "reason": "Completed" if code == 0 else "Error"}
        shown = {"name": container["name"], "image": container["image"], "imageID": "", "ready": False}
        status = {**shown, "restartCount": 0, "state": {"terminated": ended}}
        return {"phase": "Failed" if code else "Succeeded", "containerStatuses": [status]}

    def _env(self, container: Object) -> dict[str, str]:
        name = container["envFrom"][0]["secretRef"]["name"]
        return values(self._plane.request("GET", f"{SECRETS}/{name}"))


def values(secret: Object) -> dict[str, str]:
    return {key: base64.b64decode(value).decode() for key, value in (secret.get("data") or {}).items()}


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    with ControlPlane() as plane:
        plane.install_crd()
        yield plane


@pytest.fixture
def node(plane: ControlPlane, network: Network) -> Iterator[Node]:
    with Node(plane, network) as node:
        yield node


@pytest.fixture
def seeds(plane: ControlPlane, store: Store) -> Iterator[str]:
    """The upgrade tutorial's two deployments in a namespace; the manifests as they lie in somebody's git."""
    rules = next(yaml.safe_load_all(rights()))["rules"]
    role = {"name": "migrate", "namespace": NAMESPACE}
    group, user = "rbac.authorization.k8s.io", {"kind": "User", "name": OPERATOR}
    plane.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": NAMESPACE}},
        {"apiVersion": f"{group}/v1", "kind": "Role", "metadata": role, "rules": rules},
        {
            "apiVersion": f"{group}/v1",
            "kind": "RoleBinding",
            "metadata": role,
            "subjects": [{**user, "apiGroup": group}],
            "roleRef": {"apiGroup": group, "kind": "Role", "name": "migrate"},
        },
    )
    text = yaml.safe_dump_all(manifests(store))
    plane.kubectl("apply", "-f", "-", stdin=text)
    yield text
    plane.kubectl("delete", "-f", "-", stdin=text)
    plane.kubectl("delete", "configmap", "-n", NAMESPACE, "seldon-storage-migration", "--ignore-not-found")


def rights() -> str:
    """The Role in the guide."""
    after = GUIDE.read_text(encoding="utf-8").partition("kind: Role\n")
    return "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\n" + after[2].partition("```")[0]


def manifests(store: Store) -> list[Object]:
    annotations = {
        "machinelearning.seldon.io/s3-endpoint": store.endpoint.removeprefix("http://"),
        "machinelearning.seldon.io/s3-usehttps": "0",
    }
    pair = {"awsAccessKeyID": store.kfserving["AWS_ACCESS_KEY_ID"], "awsSecretAccessKey": SECRET_KEY}
    found: list[Object] = [
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "old"}, "stringData": store.kfserving},
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "minio-sa-secret", "annotations": annotations},
            "stringData": pair,
        },
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": "minio-sa"},
            "secrets": [{"name": "minio-sa-secret"}],
        },
        _sdep("sklearn-iris-secret", {"envSecretRefName": "old"}),
        _sdep("sklearn-iris-sa", {"serviceAccountName": "minio-sa"}),
    ]
    for each in found:
        each["metadata"]["namespace"] = NAMESPACE
    return found


def _sdep(name: str, credentials: Object) -> Object:
    child = {"name": "second", "implementation": "SKLEARN_SERVER", "modelUri": "s3://mymodel", **credentials}
    graph = {
        "name": "classifier",
        "implementation": "SKLEARN_SERVER",
        "modelUri": "s3://sklearn/iris",
        "children": [child],
        **credentials,
    }
    return {
        "apiVersion": "machinelearning.seldon.io/v1",
        "kind": "SeldonDeployment",
        "metadata": {"name": name},
        "spec": {"predictors": [{"name": "default", "replicas": 1, "graph": graph}]},
    }


class Migrate:
    """The command, as a user with no more rights than the guide's."""

    def __init__(self, plane: ControlPlane) -> None:
        self._plane = plane
        self._words = ["--kubeconfig", str(plane.kubeconfig_of(OPERATOR)), "--namespace", NAMESPACE]

    def run(self, *words: str, code: int) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "seldon_core.cli.main", "migrate", "storage", *words, *self._words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        for text in (done.stdout, done.stderr):
            assert "Traceback" not in text
            assert SECRET_KEY not in text
        return done

    def states(self, *, code: int) -> list[str]:
        return [each["state"] for each in json.loads(self.run("-o", "json", code=code).stdout)["models"]]

    def writes(self) -> int:
        """Successful writes of the user so far."""
        entries = self._plane.audit(verbs=WRITES, user=OPERATOR)
        return sum(each.get("responseStatus", {}).get("code", 0) < 300 for each in entries)


@pytest.fixture
def migrate(plane: ControlPlane) -> Migrate:
    return Migrate(plane)


def stored(plane: ControlPlane) -> Object:
    """Everything that a migration may touch, as it is."""
    sdeps = {each["metadata"]["name"]: each["spec"] for each in plane.items(SDEPS)}
    secrets = {each["metadata"]["name"]: values(each) for each in plane.items(SECRETS)}
    return {"sdeps": sdeps, "secrets": secrets, "pods": len(plane.items(f"/api/v1/namespaces/{NAMESPACE}/pods"))}


def test_there_and_back(plane: ControlPlane, seeds: str, node: Node, migrate: Migrate) -> None:
    before, writes = stored(plane), migrate.writes()
    assert migrate.states(code=1) == ["migrate"] * 4
    assert (stored(plane), migrate.writes()) == (before, writes)

    done = migrate.run("--verify", "--apply", code=0)
    assert "models/sklearn-iris-sa classifier: ok: 5 files" in done.stdout
    # Two folders for two service accounts: the same look is not done twice.
    assert len(node.ran) == 4
    after = stored(plane)
    assert after["pods"] == 0
    assert set(after["secrets"]) == {"old", "minio-sa-secret"}
    for name in ("old", "minio-sa-secret"):
        assert before["secrets"][name].items() < after["secrets"][name].items()
        assert after["secrets"][name]["RCLONE_CONFIG_S3_ENDPOINT"] == "http://minio:9000"
    assert after["sdeps"]["sklearn-iris-secret"] == before["sdeps"]["sklearn-iris-secret"]
    graph = after["sdeps"]["sklearn-iris-sa"]["predictors"][0]["graph"]
    assert [graph["envSecretRefName"], graph["children"][0]["envSecretRefName"]] == ["minio-sa-secret"] * 2
    owned = [e["manager"] for e in plane.request("GET", f"{SECRETS}/old")["metadata"]["managedFields"]]
    assert MANAGER in owned

    writes = migrate.writes()
    assert migrate.states(code=0) == ["done"] * 4
    migrate.run("--apply", code=0)
    assert migrate.writes() == writes

    migrate.run("--rollback", code=0)
    assert stored(plane) == before


def test_a_second_apply_of_the_old_manifest(plane: ControlPlane, seeds: str, migrate: Migrate) -> None:
    """What the plan says of manifests that are kept elsewhere: they must be changed, too."""
    done = migrate.run("--apply", code=0)
    assert "models/sklearn-iris-sa is kept by kubectl apply" in done.stdout
    plane.kubectl("apply", "-f", "-", stdin=seeds)
    # Keys in secrets stay; the field of the SeldonDeployment does not.
    assert migrate.states(code=1) == ["migrate", "migrate", "done", "done"]

    changed = migrate.run("-o", "yaml", code=1).stdout
    plane.kubectl("apply", "-f", "-", stdin=changed)
    assert migrate.states(code=0) == ["done"] * 4
    migrate.run("--rollback", code=0)


def test_one_deployment_first(plane: ControlPlane, seeds: str, migrate: Migrate) -> None:
    def images() -> list[str | None]:
        found = plane.items(SDEPS)
        return [each["spec"]["predictors"][0]["graph"].get("storageInitializerImage") for each in found]

    migrate.run("sklearn-iris-sa", "--image", "registry.corp/rclone-storage-initializer:1", "--apply", code=0)
    assert images() == ["registry.corp/rclone-storage-initializer:1", None]
    migrate.run("sklearn-iris-sa", "--image", "default", "--apply", code=0)
    assert images() == [None, None]
    migrate.run("--rollback", code=0)


def test_a_wrong_password_is_found_before_anything_is_switched(
    plane: ControlPlane, seeds: str, node: Node, migrate: Migrate
) -> None:
    wrong = {"stringData": {"AWS_SECRET_ACCESS_KEY": "a-wrong-key"}}
    plane.kubectl("patch", "secret", "old", "-n", NAMESPACE, "-p", json.dumps(wrong))
    before, writes = stored(plane), len(plane.audit(verbs={"patch"}, user=OPERATOR))
    done = migrate.run("sklearn-iris-secret", "--verify", "--apply", code=1)

    assert "models/sklearn-iris-secret classifier: FAILED: access to s3://sklearn/iris" in done.stdout
    assert "Nothing is changed" in done.stderr
    assert stored(plane) == before
    # What was patched are the looks' own secrets.
    patched = plane.audit(verbs={"patch"}, user=OPERATOR)[writes:]
    assert {entry["objectRef"]["resource"] for entry in patched} <= {"secrets"}
