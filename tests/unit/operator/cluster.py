"""A cluster for unit tests: a fake API server, the controller against it, and what kubelets would do."""

import asyncio
import copy
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from seldon_core.api.values import load_values
from seldon_core.kube import Client, Timings
from seldon_core.kube.backoff import Backoff
from seldon_core.operator.controller import Controller
from seldon_core.operator.metrics import Metrics
from seldon_core.operator.objects.caches import Caches
from seldon_core.operator.objects.kinds import FIELD_MANAGER, REVISION, owned_kinds
from seldon_core.operator.queue import Queue
from seldon_core.operator.reconcile import Reconciler
from seldon_core.operator.render.config import OperatorConfig, from_values
from seldon_core.operator.report.events import Recorder
from tests.unit.kube.fake_api import PATIENCE_SECONDS, Call, FakeApi, failure, fake_api

DATA = Path(__file__).parent / "data"
SDEPS = "apis/machinelearning.seldon.io/v1/seldondeployments"
DEPLOYMENTS = "apis/apps/v1/deployments"
REPLICA_SETS = "apis/apps/v1/replicasets"
SERVICES = "api/v1/services"
PODS = "api/v1/pods"
EVENTS = "api/v1/events"
QUICK = Timings(silence=30.0, shortest=0.0, backoff=Backoff(first=0.001, longest=0.01))

Object = dict[str, Any]


def iris(name: str = "iris", **graph: Any) -> Object:
    """A minimal SeldonDeployment."""
    unit = {"name": "classifier", "implementation": "SKLEARN_SERVER", "modelUri": "s3://sklearn/iris"} | graph
    return {
        "apiVersion": "machinelearning.seldon.io/v1",
        "kind": "SeldonDeployment",
        "metadata": {"name": name, "namespace": "ns"},
        "spec": {"predictors": [{"name": "default", "replicas": 1, "graph": unit}]},
    }


def is_state(state: str) -> Callable[[Object], bool]:
    """A condition for `Cluster.until`."""
    return lambda status: status.get("state") == state


def with_defaults(obj: Object) -> Object:
    """Some of the API server's defaults, enough that what is stored is never what was written."""
    spec = obj.get("spec", {})
    if obj["kind"] == "Service":
        spec |= {"sessionAffinity": "None", "internalTrafficPolicy": "Cluster"}
        spec.setdefault("type", "ClusterIP")
        spec.setdefault("clusterIP", "10.0.0.1")
    if obj["kind"] == "HTTPRoute":
        # What a gateway says, at once.
        obj.setdefault("status", {"parents": [{"conditions": [{"type": "Accepted", "status": "True"}]}]})
    if obj["kind"] == "Deployment":
        spec.setdefault("revisionHistoryLimit", 10)
        spec.setdefault("replicas", 1)
        pod = spec["template"]["spec"]
        for name, value in (("dnsPolicy", "ClusterFirst"), ("restartPolicy", "Always"), ("securityContext", {})):
            pod.setdefault(name, value)
        for container in [*pod.get("initContainers", []), *pod["containers"]]:
            container.setdefault("terminationMessagePath", "/dev/termination-log")
            container.setdefault("terminationMessagePolicy", "File")
            container.setdefault("imagePullPolicy", "IfNotPresent")
            for port in container.get("ports", []):
                port.setdefault("protocol", "TCP")
    return obj


def default_config(*sections: str, mode: str = "sidecar") -> OperatorConfig:
    """The configuration of the chart's defaults, with the named sections enabled.

    By default with an orchestrator's container in each pod: another image of it is a change of the installation's.
    """
    enabled = {section: {"enabled": True} for section in sections}
    return from_values(load_values({"executor": {"mode": mode}} | enabled))


class Cluster:
    """Everything that runs."""

    def __init__(self, api: FakeApi, *sections: str) -> None:
        self.api = api
        self.config = default_config(*sections)
        self.client = Client.connect(field_manager=FIELD_MANAGER, server=api.url)
        self.user = Client.connect(field_manager="kubectl", server=api.url)
        self.queue: Queue[tuple[str, str]] = Queue(backoff=Backoff(first=0.001, longest=0.01))
        self.metrics = Metrics()
        self.recorder = Recorder(self.client)
        self.tasks: list[asyncio.Task[None]] = []
        self.now = datetime(2026, 11, 21, tzinfo=UTC)

    async def start(self, **options: Any) -> None:
        """Start a controller; a second call after `stop` is a restart."""
        self.queue = Queue(backoff=Backoff(first=0.001, longest=0.01))
        self.metrics = Metrics()
        self.caches = Caches(
            self.client,
            namespace=None,
            owned=owned_kinds(self.config),
            shared=not options.get("controller_id"),
            timings=QUICK,
        )
        self.reconciler = Reconciler(
            self.client,
            self.caches,
            lambda: self.config,
            recorder=self.recorder,
            metrics=self.metrics,
            now=lambda: self.now,
            wake=self.queue.add,
            **options,
        )
        self.leading = asyncio.Event()
        self.leading.set()
        self.controller = Controller(
            self.caches,
            self.reconciler.reconcile,
            queue=self.queue,
            metrics=self.metrics,
            workers=4,
            leading=self.leading,
            progressed=self.reconciler.progressed,
        )
        runs = [*(informer.run() for informer in self.caches.all), self.controller.run()]
        self.tasks = [asyncio.create_task(run) for run in runs]
        await self.caches.wait_synced()

    async def stop(self) -> None:
        """End the controller at once."""
        for task in self.tasks:
            task.cancel()
        ended = await asyncio.gather(*self.tasks, return_exceptions=True)
        assert [e for e in ended if e is not None and not isinstance(e, asyncio.CancelledError)] == []

    def status(self, name: str = "iris") -> Object:
        """A SeldonDeployment's stored status."""
        found = self.api.find(SDEPS, "ns", name) or {}
        status: Object = found.get("status", {})
        return status

    async def until(self, condition: Callable[[Object], bool], name: str = "iris") -> Object:
        """Wait for a status."""
        await self.api.reaches(lambda: condition(self.status(name)))
        return self.status(name)

    async def available(self) -> None:
        """Apply the minimal SeldonDeployment, and wait until its pods serve."""
        await self.api.put(SDEPS, iris())
        await self.until(is_state("Creating"))
        await self.progress(ready=1)
        await self.until(is_state("Available"))

    async def settled(self, name: str = "iris") -> None:
        """Wait until the controller has looked at everything that happened so far, and has nothing to write."""
        seen = -1
        while seen != self.api.version:
            seen = self.api.version
            async with asyncio.timeout(PATIENCE_SECONDS):
                while any(informer._seen < seen for informer in self.caches.all):  # noqa: ASYNC110
                    await asyncio.sleep(0)  # the informers' tasks run meanwhile
            await self.worked(name)

    async def worked(self, name: str = "iris") -> None:
        """Have the controller look at a SeldonDeployment, and wait until it has."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            before = self.metrics.duration.counts[:]
            self.queue.add(("ns", name))
            while len(self.queue) or self.queue._working or self.metrics.duration.counts == before:  # noqa: ASYNC110
                await asyncio.sleep(0)  # the workers run meanwhile

    def deployment(self, name: str = "iris-default-0-classifier") -> Object:
        """A stored Deployment."""
        found = self.api.find(DEPLOYMENTS, "ns", name)
        assert found is not None, f"there is no Deployment {name}"
        return found

    async def progress(
        self, name: str = "iris-default-0-classifier", *, ready: int, old: int = 0, **status: Any
    ) -> None:
        """What the Deployment's controller reports: pods of the present version, and of older ones, that serve."""
        deployment = self.deployment(name)
        wanted = deployment["spec"]["replicas"]
        reported = {
            "observedGeneration": deployment["metadata"]["generation"],
            "replicas": wanted + old,
            "updatedReplicas": wanted,
            "availableReplicas": ready + old,
            "unavailableReplicas": wanted - ready,
        } | status
        revision = str(deployment["metadata"]["generation"])

        def edit(obj: Object) -> None:
            obj["status"] = reported
            obj["metadata"].setdefault("annotations", {})[REVISION] = revision

        await self.api.change(DEPLOYMENTS, "ns", name, edit)

    async def pod(self, status: Object, *, deployment: str = "iris-default-0-classifier", suffix: str = "a") -> Object:
        """A pod of the present version of a Deployment, with its ReplicaSet."""
        live = self.deployment(deployment)
        generation = live["metadata"]["generation"]
        labels = live["spec"]["template"]["metadata"]["labels"]
        replica_set = self.api.find(REPLICA_SETS, "ns", f"{deployment}-{generation}") or await self.api.put(
            REPLICA_SETS,
            {
                "apiVersion": "apps/v1",
                "kind": "ReplicaSet",
                "metadata": {
                    "name": f"{deployment}-{generation}",
                    "namespace": "ns",
                    "labels": labels,
                    "annotations": {REVISION: str(generation)},
                    "ownerReferences": [owner("Deployment", deployment, live["metadata"]["uid"])],
                },
            },
        )
        name = replica_set["metadata"]["name"]
        metadata = {
            "name": f"{name}-{suffix}",
            "namespace": "ns",
            "labels": labels,
            "ownerReferences": [owner("ReplicaSet", name, replica_set["metadata"]["uid"])],
        }
        return await self.api.put(PODS, {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "status": status})

    def writes(self) -> list[Call]:
        """Writes of the controller; events are a courtesy and not counted."""
        return [c for c in self.api.writes() if "/events" not in c.path and c.query.get("fieldManager") != "kubectl"]

    def made(self) -> list[str]:
        """The collections that the controller applied objects of, in the order of their first."""
        applied = [c for c in self.writes() if "/seldondeployments/" not in c.path and c.method != "DELETE"]
        return list(dict.fromkeys(c.path.split("/")[-1 if c.method == "POST" else -2] for c in applied))

    def events(self) -> set[tuple[str, str]]:
        """Type and reason of the events so far."""
        return {(o["type"], o["reason"]) for (c, _, _), o in self.api.objects.items() if c == EVENTS}

    def conditions(self, name: str = "iris") -> dict[str, Object]:
        """The conditions of a SeldonDeployment by type."""
        return {c["type"]: c for c in self.status(name).get("conditions", [])}

    async def edit_component(self, **component: Any) -> None:
        """Say something else of the first componentSpec; None takes it away."""

        def change(obj: Object) -> None:
            predictor = obj["spec"]["predictors"][0]
            spec = (predictor.get("componentSpecs") or [{"spec": {"containers": []}}])[0] | component
            predictor["componentSpecs"] = [{k: v for k, v in spec.items() if v is not None}]
            obj["metadata"]["generation"] += 1

        changed = await self.api.change(SDEPS, "ns", "iris", change)
        await self.until(lambda status: status.get("observedGeneration") == changed["metadata"]["generation"])

    async def edit(self, name: str = "iris", **graph: Any) -> None:
        """Change the first predictor's graph as a user would."""

        def change(obj: Object) -> None:
            obj["spec"]["predictors"][0]["graph"].update(copy.deepcopy(graph))
            obj["metadata"]["generation"] += 1

        await self.api.change(SDEPS, "ns", name, change)


def owner(kind: str, name: str, uid: str) -> Object:
    """A controller's owner reference."""
    return {"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": uid, "controller": True}


@asynccontextmanager
async def cluster(*sections: str, without: str = "", **options: Any) -> AsyncIterator[Cluster]:
    """A cluster with a running controller.

    Args:
        sections: What the chart's values enable.
        without: A part of a path that the API server does not know, until its `faults` are cleared.
        options: Of the reconciler.
    """
    async with fake_api(admit=with_defaults) as api:
        if without:
            api.faults.append(lambda call: failure(404, "404 page not found") if without in call.path else None)
        result = Cluster(api, *sections)
        await result.start(**{"settle_seconds": 0.0} | options)
        try:
            yield result
        finally:
            await result.stop()
            await result.recorder.flush()
            await result.client.close()
            await result.user.close()
