"""Our controller takes over what Seldon Core 1.17.1 left in a cluster, and upgrades of our own go on in turns.

The recorded cluster is put into an API server, with the real controllers of Deployments and ReplicaSets beside it. No
pod runs: what nodes would report is reported when a test wants it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from seldon_core.kube import Resource
from seldon_core.kube.resources import DEPLOYMENTS, PODS, REPLICA_SETS, SERVICES
from seldon_core.operator.objects.kinds import FIELD_MANAGER, OWNED, SELDON_DEPLOYMENTS
from seldon_core.operator.rollout.request import ANNOTATION
from tests.integration.controller import recorded
from tests.integration.controller.kubelet import Kubelet
from tests.integration.controller.nursery import Nursery
from tests.integration.controller.process import Controller
from tests.integration.controlplane import OPERATOR, WRITES, ControlPlane, until

pytestmark = pytest.mark.skipif(not recorded.FOLDER.exists(), reason="no ../shared beside this checkout")

CONTROLLERS = "deployment-controller,replicaset-controller,garbage-collector-controller"
WAIT_SECONDS = 60.0
MERGE = "application/merge-patch+json"

IRIS = "iris-default-0-classifier"
CANARY = ("canary-canary-0-classifier", "canary-main-0-classifier")
NAMESPACES = ("kept", "edited", "asked", "rolled", "unseen", "stranger", "nobody", "paused")
WRITERS = {"stranger": "kubectl-create", "nobody": ""}
OWN = "own"

Object = dict[str, Any]


@dataclass
class Place:
    """A namespace of the recorded cluster, and what is asked of it."""

    plane: ControlPlane
    namespace: str
    nursery: Nursery

    def get(self, resource: Resource, name: str) -> Object:
        found: Object = self.plane.request("GET", resource.path(namespace=self.namespace, name=name))
        return found

    def all(self, *resources: Resource) -> dict[tuple[str, str], Object]:
        """Objects by kind and name."""
        return {
            (resource.kind, each["metadata"]["name"]): each
            for resource in resources
            for each in self.plane.items(resource.path(namespace=self.namespace))
        }

    def template(self, name: str) -> Object:
        found: Object = self.get(DEPLOYMENTS, name)["spec"]["template"]
        return found

    def status(self, name: str) -> Object:
        return self.get(SELDON_DEPLOYMENTS, name).get("status") or {}

    def rolled_out(self, name: str) -> tuple[str, str, str]:
        """Status, reason and message of the condition; empty where it is not there."""
        conditions = {each["type"]: each for each in self.status(name).get("conditions") or ()}
        found = conditions.get("RolledOut", {})
        return found.get("status", ""), found.get("reason", ""), found.get("message", "")

    def patch(self, name: str, patch: Object) -> None:
        path = SELDON_DEPLOYMENTS.path(namespace=self.namespace, name=name)
        self.plane.request("PATCH", f"{path}?fieldManager=kubectl-edit", patch, content_type=MERGE)

    def annotate(self, name: str, value: str | None) -> None:
        self.patch(name, {"metadata": {"annotations": {ANNOTATION: value}}})

    def edit_graph(self, name: str, **graph: str) -> None:
        predictors = self.get(SELDON_DEPLOYMENTS, name)["spec"]["predictors"]
        predictors[0]["graph"] |= graph
        self.patch(name, {"spec": {"predictors": predictors}})

    def observed(self, name: str) -> None:
        """Wait until the controller has seen the newest version."""

        def seen() -> bool:
            live = self.get(SELDON_DEPLOYMENTS, name)
            return bool((live.get("status") or {}).get("observedGeneration") == live["metadata"]["generation"])

        until(seen, WAIT_SECONDS, lambda: f"{name} is not looked at: {self.status(name)}")

    def reaches(self, name: str, *reasons: str) -> None:
        """Wait until condition RolledOut has one of these reasons."""
        until(lambda: self.rolled_out(name)[1] in reasons, WAIT_SECONDS, lambda: f"{name}: {self.status(name)}")

    def replica_sets(self, deployment: str) -> int:
        sets = self.all(REPLICA_SETS).values()
        return sum(each["metadata"]["ownerReferences"][0]["name"] == deployment for each in sets)

    def writes(self, *, of: str = "") -> list[Object]:
        """What the controllers wrote here so far, of all kinds or of one; the courtesy of events is not counted."""
        skipped = {"events", "leases", "secrets"}
        return [
            entry
            for entry in self.plane.audit(verbs=WRITES, user=OPERATOR)
            if entry["objectRef"].get("namespace") == self.namespace
            and entry["objectRef"]["resource"] not in skipped
            and of in {"", entry["objectRef"]["resource"]}
        ]

    @contextmanager
    def controller(self, **values: Any) -> Iterator[Controller]:
        """A controller that serves this namespace alone."""
        running = Controller(
            self.plane.folder / f"controller-{self.namespace}",
            kubeconfig=self.plane.kubeconfig_of(OPERATOR),
            namespace=self.namespace,
            watched=self.namespace,
            values=values,
            nursery=self.nursery,
        )
        running.start()
        try:
            yield running
            running.stop()
        finally:
            running.close()

    @contextmanager
    def nodes(self) -> Iterator[None]:
        """Pods get ready, from now on."""
        with Kubelet(self.plane):
            yield


@pytest.fixture(scope="module")
def world() -> Iterator[tuple[ControlPlane, Nursery]]:
    with ExitStack() as stack:
        plane = stack.enter_context(ControlPlane())
        plane.grant_all(OPERATOR)
        plane.install_crd()
        for namespace in NAMESPACES:
            recorded.restore(plane, namespace, manager=WRITERS.get(namespace, recorded.FORMER_MANAGER))
        recorded.make_namespace(plane, OWN)
        # The recorded pods are there now: they are adopted, and none is made in their place.
        plane.start_controller_manager(CONTROLLERS)
        yield plane, stack.enter_context(Nursery())


@pytest.fixture
def place(request: pytest.FixtureRequest, world: tuple[ControlPlane, Nursery]) -> Place:
    """The namespace that a test names."""
    return Place(world[0], request.param, world[1])


EVERYTHING = (
    SELDON_DEPLOYMENTS,
    DEPLOYMENTS,
    REPLICA_SETS,
    PODS,
    *(r for r in OWNED if r.group in {"", "autoscaling"}),
)


@pytest.mark.parametrize("place", ["kept"], indirect=True)
def test_nothing_is_made_anew_and_no_pod_is_replaced(place: Place) -> None:
    before = place.all(*EVERYTHING)
    with place.controller():
        place.reaches("iris", "KeptAsMade")
        place.reaches("canary", "KeptAsMade")
        after = place.all(*EVERYTHING)

        assert {key: obj["metadata"]["uid"] for key, obj in after.items()} == {
            key: obj["metadata"]["uid"] for key, obj in before.items()
        }
        for key, obj in after.items():
            if key[0] == "Deployment":
                assert obj["spec"]["template"] == before[key]["spec"]["template"], key
                assert obj["spec"]["replicas"] == before[key]["spec"]["replicas"], key
            if key[0] == "Service":
                assert obj["spec"]["clusterIP"] == before[key]["spec"]["clusterIP"]
        until(lambda: place.status("iris")["state"] == "Available", WAIT_SECONDS, lambda: str(place.status("iris")))
        assert place.rolled_out("iris")[2].endswith("or by `seldonctl rollout iris --namespace kept`.")
        # Nothing of the former controller is left but the pods.
        kept = place.get(DEPLOYMENTS, IRIS)
        assert "seldon.io/last-applied" not in kept["metadata"]["annotations"]
        former = [entry["fieldsV1"] for entry in kept["metadata"]["managedFields"] if entry["manager"] == "manager"]
        assert [(list(each), list(each["f:spec"])) for each in former] == [(["f:spec"], ["f:template"])]
        for key, obj in after.items():
            if key[0] in {"Service", "HorizontalPodAutoscaler"}:
                assert "manager" not in {entry["manager"] for entry in obj["metadata"]["managedFields"]}, key

    written = len(place.writes())
    with place.controller():
        place.patch("iris", {"metadata": {"labels": {"touched": "1"}}})
        place.patch("canary", {"metadata": {"labels": {"touched": "1"}}})
        place.observed("iris")
        place.observed("canary")
    assert place.writes()[written:] == [], "a restarted controller has written"


@pytest.mark.parametrize("place", ["edited"], indirect=True)
def test_an_edit_replaces_the_pods_that_it_is_about(place: Place) -> None:
    before = {name: place.template(name) for name in (IRIS, *CANARY)}
    with place.controller():
        place.reaches("iris", "KeptAsMade")
        place.reaches("canary", "KeptAsMade")
        # What no pod has to do with: replicas, and shares of the traffic.
        predictors = place.get(SELDON_DEPLOYMENTS, "canary")["spec"]["predictors"]
        predictors[0] |= {"replicas": 2, "traffic": 60}
        predictors[1] |= {"traffic": 40}
        place.patch("canary", {"spec": {"predictors": predictors}})
        place.observed("canary")
        assert place.get(DEPLOYMENTS, CANARY[1])["spec"]["replicas"] == 2
        assert [place.template(name) for name in CANARY] == [before[name] for name in CANARY]

        place.edit_graph("canary", modelUri="s3://sklearn/iris-2")
        place.observed("canary")
        template = place.template(CANARY[1])
        assert template["spec"]["initContainers"][0]["args"][0] == "s3://sklearn/iris-2"
        assert template["spec"]["containers"][0]["image"].startswith("localhost/seldon-core/")
        # The other predictor is as it was, and so is the other SeldonDeployment.
        assert place.template(CANARY[0]) == before[CANARY[0]]
        assert place.template(IRIS) == before[IRIS]
        assert place.rolled_out("canary")[1] == "KeptAsMade"


@pytest.mark.parametrize("place", ["asked"], indirect=True)
def test_a_rollout_that_is_asked_for_goes_on_in_turns(place: Place) -> None:
    sets = {name: place.replica_sets(name) for name in (IRIS, *CANARY)}
    before = {name: place.template(name) for name in sets}
    pods = {key[1] for key in place.all(PODS)}
    with place.controller(manager={"rollout": {"maxConcurrent": 1}}):
        place.reaches("iris", "KeptAsMade")
        place.reaches("canary", "KeptAsMade")
        command = seldonctl(place, "rollout", "--all", "--timeout", str(WAIT_SECONDS))
        first, second = in_turn(place)

        # Without nodes the new pods of the first do not get ready: the other one's stay, and so do all old ones.
        assert f"that of asked/{first} is not over" in place.rolled_out(second)[2]
        assert place.status(second).get("description", "").startswith("The pods of ") or second == "canary"
        others = (IRIS,) if second == "iris" else CANARY
        assert {name: place.replica_sets(name) for name in others} == {name: sets[name] for name in others}
        assert pods <= {key[1] for key in place.all(PODS)}
        # Old and new pods are behind the same Services meanwhile.
        under_way = IRIS if first == "iris" else CANARY[0]
        both = (before[under_way], place.template(under_way))
        assert before[under_way] != both[1]
        assert place.get(DEPLOYMENTS, under_way)["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
        chosen = [behind(place, template["metadata"]["labels"]) for template in both]
        assert chosen[0] == chosen[1] != set()
        with place.nodes():
            out, err = command.communicate(timeout=WAIT_SECONDS)
        assert command.returncode == 0, out + err
        assert f"asked/{second}: the pods are of this version and serve" in err

        for name in (IRIS, *CANARY):
            live = place.get(DEPLOYMENTS, name)
            assert place.replica_sets(name) == sets[name] + 1, "rolled more than once"
            assert {entry["manager"] for entry in live["metadata"]["managedFields"]} <= {
                FIELD_MANAGER,
                recorded.KUBERNETES,
            }
            # What the former controller wrote, and we do not, is gone: a probe has one way to ask.
            for container in live["spec"]["template"]["spec"]["containers"]:
                assert set(container["readinessProbe"]) & {"tcpSocket", "httpGet"} == {"httpGet"}
        again = seldonctl(place, "rollout", "--all")
        assert (again.communicate(timeout=WAIT_SECONDS)[0], again.returncode) == ("", 0)
        assert {name: place.replica_sets(name) for name in sets} == {name: sets[name] + 1 for name in sets}


@pytest.mark.parametrize("place", ["rolled"], indirect=True)
def test_pods_are_replaced_at_once_where_the_values_say_so(place: Place) -> None:
    before = place.template(IRIS)
    with place.controller(manager={"takeover": "roll"}), place.nodes():
        place.reaches("iris", "AllPodsUpToDate")
        assert place.template(IRIS) != before
        assert {entry["manager"] for entry in place.get(DEPLOYMENTS, IRIS)["metadata"]["managedFields"]} <= {
            FIELD_MANAGER,
            recorded.KUBERNETES,
        }
        assert place.replica_sets(IRIS) == 3


@pytest.mark.parametrize("place", ["unseen"], indirect=True)
def test_an_edit_that_the_former_controller_did_not_see_is_carried_out(place: Place) -> None:
    before = {name: place.template(name) for name in CANARY}
    place.edit_graph("iris", modelUri="s3://sklearn/iris-3")
    with place.controller():
        place.observed("iris")
        place.reaches("canary", "KeptAsMade")

        assert place.template(IRIS)["spec"]["initContainers"][0]["args"][0] == "s3://sklearn/iris-3"
        assert {name: place.template(name) for name in CANARY} == before


@pytest.mark.parametrize("place", WRITERS, indirect=True)
def test_who_wrote_the_objects_is_no_matter(place: Place) -> None:
    """Restored from a backup, they are written under another name, or under none."""
    before = place.template(IRIS)
    with place.controller():
        place.reaches("iris", "KeptAsMade")
        assert place.template(IRIS) == before
        place.annotate("iris", "2100-01-01T00:00:00Z")
        with place.nodes():
            place.reaches("iris", "AllPodsUpToDate")
        live = place.get(DEPLOYMENTS, IRIS)
        assert {entry["manager"] for entry in live["metadata"]["managedFields"]} <= {FIELD_MANAGER, recorded.KUBERNETES}
        assert "seldon.io/last-applied" not in live["metadata"]["annotations"]
        for container in live["spec"]["template"]["spec"]["containers"]:
            assert "tcpSocket" not in container["readinessProbe"]


@pytest.mark.parametrize("place", ["paused"], indirect=True)
def test_a_pause_holds_an_edit_until_it_is_over(place: Place) -> None:
    before = place.template(IRIS)
    with place.controller():
        place.reaches("iris", "KeptAsMade")
        assert seldonctl(place, "rollout", "iris", "--pause").wait(WAIT_SECONDS) == 0
        place.edit_graph("iris", modelUri="s3://sklearn/iris-4")
        place.observed("iris")
        place.reaches("iris", "Paused")
        assert place.template(IRIS) == before
        assert ANNOTATION in place.status("iris")["description"]

    # The pause outlives the controller, and so does the edit.
    with place.controller():
        place.annotate("iris", "soon")
        until(lambda: '"soon"' in place.rolled_out("iris")[2], WAIT_SECONDS, lambda: str(place.status("iris")))
        assert place.template(IRIS) == before
        place.annotate("iris", None)
        until(lambda: place.template(IRIS) != before, WAIT_SECONDS, lambda: str(place.status("iris")))
        assert place.template(IRIS)["spec"]["initContainers"][0]["args"][0] == "s3://sklearn/iris-4"


@pytest.mark.parametrize("place", [OWN], indirect=True)
def test_an_upgrade_of_our_own_goes_on_in_turns_and_an_edit_does_not_wait(place: Place) -> None:
    names = ("a", "b", "c")
    for name in names:
        place.plane.apply(own(name, place.namespace))
    with place.controller(), place.nodes():
        for name in names:
            until(lambda name=name: place.status(name).get("state") == "Available", WAIT_SECONDS, name)
    image = {"image": {"registry": "registry.example", "repository": "executor", "tag": "2"}}
    values: dict[str, Any] = {"executor": {"mode": "sidecar", **image}, "manager": {"rollout": {"maxConcurrent": 1}}}

    def rolled(name: str) -> bool:
        containers = place.template(f"{name}-default-0-classifier")["spec"]["containers"]
        return any(each["image"] == "registry.example/executor:2" for each in containers)

    with place.controller(**values):
        until(lambda: sum(place.rolled_out(name)[1] == "RollingOut" for name in names) == 1, WAIT_SECONDS, "no turn")
        until(lambda: sum(place.rolled_out(n)[1] == "WaitingForTurn" for n in names) == 2, WAIT_SECONDS, "none waits")
        until(lambda: sum(map(rolled, names)) == 1, WAIT_SECONDS, "none is rolled")
        first = next(name for name in names if rolled(name))
        edited, last = (name for name in names if name != first)

    # A controller that is started again knows whose turn it is.
    with place.controller(**values):
        place.edit_graph(edited, modelUri="s3://sklearn/iris-5")
        place.observed(edited)
        assert rolled(edited), "an edit has waited"
        place.annotate(last, "paused")
        place.reaches(last, "Paused")
        with place.nodes():
            place.reaches(first, "AllPodsUpToDate")
            place.annotate(last, None)
            place.reaches(last, "AllPodsUpToDate")
        assert rolled(last)


def in_turn(place: Place) -> tuple[str, str]:
    """Whose pods are being replaced, and who waits."""

    def found() -> tuple[str, str] | None:
        reasons = {place.rolled_out(name)[1]: name for name in ("iris", "canary")}
        under_way, waiting = reasons.get("RollingOut"), reasons.get("WaitingForTurn")
        if not under_way or not waiting:
            return None
        deployment = IRIS if under_way == "iris" else CANARY[0]
        images = [each["image"] for each in place.template(deployment)["spec"]["containers"]]
        return (under_way, waiting) if "seldonio/sklearnserver:1.17.1" not in images else None

    result = until(found, WAIT_SECONDS, lambda: str([place.rolled_out(name) for name in ("iris", "canary")]))
    assert result is not None
    return result


def behind(place: Place, labels: dict[str, str]) -> set[str]:
    """The Services that lead to pods with these labels."""
    services = place.all(SERVICES).values()
    return {s["metadata"]["name"] for s in services if s["spec"]["selector"].items() <= labels.items()}


def own(name: str, namespace: str) -> Object:
    """A SeldonDeployment of this project's own days."""
    graph = {"name": "classifier", "implementation": "SKLEARN_SERVER", "modelUri": "s3://sklearn/iris"}
    return {
        "apiVersion": "machinelearning.seldon.io/v1",
        "kind": "SeldonDeployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"predictors": [{"name": "default", "replicas": 1, "graph": graph}]},
    }


def seldonctl(place: Place, *words: str) -> subprocess.Popen[str]:
    """The command, as a user would run it."""
    options = ("--kubeconfig", str(place.plane.kubeconfig), "--namespace", place.namespace)
    return subprocess.Popen(
        [sys.executable, "-m", "seldon_core.cli.main", *words, *options],
        env=dict(os.environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
