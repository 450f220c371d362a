"""`registry`: the images are pushed to a registry that asks for a password, and run from there by their digests."""

from __future__ import annotations

import re
from collections.abc import Mapping

from release import values
from release.lab_helm import Release
from release.lab_models import PLAIN, assert_predicts, documents, images_of
from release.lab_registry import PULL_SECRET, Registry
from release.lab_stage import ClusterStage, Visit
from release.lab_values import retagged, values_with
from tests.e2e.harness import pods
from tests.e2e.harness.release import NAMESPACE
from tests.e2e.harness.waiting import Object
from tests.e2e.harness.workspace import Workspace

MODELS = "release-registry"
REFUSED_SECONDS = 20.0
"""helm's deadline for an installation that cannot become ready."""
NOT_PULLED = {"ErrImagePull", "ImagePullBackOff"}
UNAUTHORIZED = re.compile(r"401|unauthorized|authoriz|basic auth", re.IGNORECASE)


def ask(visit: Visit) -> None:
    """The stage's questions."""
    registry = Registry.of()
    with visit.ask.expect("the registry asks for a password", where=registry.pull, needed=True):
        assert registry.refuses_strangers(), "anybody may pull from it, so that pull secrets cannot be tested"
    names = values.own_images(values.in_force(visit.context))
    digests: dict[str, str] = {}
    with visit.ask.expect("all images can be pushed", where=registry.push, needed=True):
        assert names, "the chart names no image of this project"
        for name in names:
            digests[name] = registry.take(name, visit.context.work / "docker")
            visit.ask.figures[name] = digests[name]
    _forget(visit, registry)
    with visit.ask.expect("without a pull secret nothing is pulled", where="Deployment/seldon-controller-manager"):
        _refused(visit, wanted(visit, registry, digests, secret=False))
    with visit.ask.expect("with a pull secret it installs by digest", where=registry.pull, needed=True):
        _give_secret(visit, registry)
        visit.release.install(visit.chart.folder, wanted(visit, registry, digests, secret=True))
    visit.lab.drop_namespace(MODELS)
    workspace = visit.lab.workspace(MODELS)
    workspace.apply(registry.pull_secret(), *documents()[:2])
    with visit.ask.expect("a model's pods are pulled, too, and answer", where=f"SeldonDeployment/{PLAIN}"):
        workspace.wait_available(PLAIN)
        workspace.wait_led(PLAIN)
        assert_predicts(workspace, PLAIN)
    with visit.ask.expect("what runs is what was pushed", where=registry.pull):
        _assert_pushed(
            visit, [*visit.release.controller_pods(), *workspace.pods(PLAIN)], registry, set(digests.values())
        )
    _clean(visit, workspace)


def wanted(visit: Visit, registry: Registry, digests: Mapping[str, str], *, secret: bool) -> dict[str, object]:
    """Values by which every image of ours comes from the registry, by digest."""
    by_digest = retagged(
        values.in_force(visit.context), lambda repository, tag: f"{tag}@{digests[f'{repository}:{tag}']}"
    )
    secrets = [{"name": PULL_SECRET}] if secret else []
    told = {
        "global": {"imageRegistry": registry.pull, "imagePullSecrets": secrets},
        "modelDefaults": {"imagePullSecrets": secrets},
    }
    return values_with(visit.values, by_digest, told)


def _refused(visit: Visit, told: Mapping[str, object]) -> None:
    """Nobody may pull: helm says that it did not become ready, and the pods say why."""
    visit.release.purge()
    try:
        visit.release.install(visit.chart.folder, told, seconds=REFUSED_SECONDS)
    except AssertionError:
        said = pods.describe(visit.release.controller_pods())
        reasons = sorted(reason for reason in NOT_PULLED if reason in said)
        assert reasons, f"it did not become ready, but for another reason: {said}"
        assert UNAUTHORIZED.search(said), f"the registry did not refuse it, something else did: {said}"
        visit.ask.figures["without a pull secret"] = reasons[0]
    else:
        raise AssertionError("the controller's image was pulled without credentials, and runs")


def _give_secret(visit: Visit, registry: Registry) -> None:
    Workspace(
        NAMESPACE, visit.lab.cluster, visit.lab.gateway, visit.lab.kubectl, visit.lab.timeouts, visit.lab.loads
    ).apply(registry.pull_secret())


def _assert_pushed(visit: Visit, found: list[Object], registry: Registry, digests: set[str]) -> None:
    """Every container runs a name that holds a pushed digest, and the node has the image of that very digest."""
    named = images_of(found)
    assert named, "no container of this project runs"
    there = set(visit.lab.images_in_node())
    for image in sorted(named):
        repository, _, digest = image.partition("@")
        assert image.startswith(f"{registry.pull}/"), f"{image} is not from the registry"
        assert digest in digests, f"{image} was not pushed"
        pulled = f"{repository.rpartition(':')[0]}@{digest}"
        assert pulled in there, f"the node holds no {pulled}"


def _forget(visit: Visit, registry: Registry) -> None:
    """An image that the node holds already needs no credentials: it is to hold none from there."""
    for name in visit.lab.images_in_node():
        if name.startswith(f"{registry.pull}/"):
            visit.lab.in_node("ctr", "-n", "k8s.io", "images", "rm", name).checked()


def _clean(visit: Visit, workspace: Workspace) -> None:
    """Leave no release whose pods need this registry, which ends with the run."""
    visit.lab.drop_namespace(workspace.namespace)
    release: Release = visit.release
    release.purge()
    visit.lab.cluster.delete("v1", "Secret", PULL_SECRET, NAMESPACE)


STAGE = ClusterStage(
    "registry",
    "Images run from a registry, by digest and with a pull secret",
    ask,
    needs=("release-cluster", "registry"),
)
