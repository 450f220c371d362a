"""`seldonctl` against a fake API server, through a kubeconfig file as a user has one."""

import asyncio
import copy
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml

from seldon_core.cli.main import main
from tests.unit.kube.fake_api import Call, FakeApi, failure, fake_api

SDEPS = "apis/machinelearning.seldon.io/v1/seldondeployments"
DEPLOYMENTS = "apis/apps/v1/deployments"
PODS = "api/v1/pods"
NAMESPACES = "api/v1/namespaces"

Object = dict[str, Any]
Ran = tuple[int, str, str]


def sdep(name: str = "iris", status: Object | None = None, *, generation: int = 1) -> Object:
    """A SeldonDeployment of one node, as it is stored."""
    graph = {"name": "classifier", "implementation": "SKLEARN_SERVER", "modelUri": "s3://sklearn/iris"}
    return {
        "apiVersion": "machinelearning.seldon.io/v1",
        "kind": "SeldonDeployment",
        "metadata": {
            "name": name,
            "namespace": "ns",
            "uid": f"uid-of-{name}",
            "generation": generation,
            "creationTimestamp": "2026-11-21T08:00:00Z",
        },
        "spec": {"predictors": [{"name": "default", "replicas": 1, "graph": graph}]},
        **({"status": status} if status is not None else {}),
    }


def status(state: str, *, observed: int = 1, description: str = "", **conditions: str) -> Object:
    """A status; conditions as `DeploymentsReady="False"`."""
    found: Object = {
        "state": state,
        "observedGeneration": observed,
        "address": {"url": "http://iris-default.ns.svc.cluster.local:8000/api/v1.0/predictions"},
        "deploymentStatus": {"iris-default-0-classifier": {"replicas": 1, "availableReplicas": 1}},
        "conditions": [{"type": kind, "status": value} for kind, value in conditions.items()],
    }
    return found | ({"description": description} if description else {})


def refuse(code: int, message: str, *, ending: str) -> Callable[[Call], Any]:
    """A fault: calls whose path ends so are answered with a failure."""
    return lambda call: failure(code, message) if call.path.endswith(ending) else None


class Bench:
    """The API server, and the command in front of it."""

    def __init__(self, api: FakeApi, kubeconfig: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.api = api
        self.kubeconfig = kubeconfig
        self._capsys = capsys

    async def put(self, collection: str, obj: Object) -> None:
        """Store an object."""
        await self.api.put(collection, copy.deepcopy(obj))

    async def run(self, *words: str) -> Ran:
        """Exit status, stdout and stderr of one command."""
        code = await asyncio.to_thread(main, [*words, "--kubeconfig", str(self.kubeconfig)])
        out, err = self._capsys.readouterr()
        assert "Traceback" not in err
        return code, out, err


@pytest_asyncio.fixture
async def bench(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> AsyncIterator[Bench]:
    async with fake_api() as api:
        path = tmp_path / "kubeconfig"
        config = {
            "current-context": "dev",
            "contexts": [{"name": "dev", "context": {"cluster": "dev", "namespace": "ns"}}],
            "clusters": [{"name": "dev", "cluster": {"server": api.url}}],
        }
        path.write_text(yaml.safe_dump(config), encoding="utf-8")
        found = Bench(api, path, capsys)
        for namespace in ("ns", "other"):
            await found.put(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        yield found
