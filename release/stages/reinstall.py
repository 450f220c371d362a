"""`reinstall`: the chart comes back where models live without it, adopts them, and writes nothing that it need not."""

from __future__ import annotations

from release.lab_live import Live
from release.lab_models import PLAIN, change
from release.lab_stage import ClusterStage, Visit
from tests.e2e.harness import manifests
from tests.e2e.harness.waiting import assert_updated, wait_for

REPLICAS = 2


def ask(visit: Visit) -> None:
    """The stage's questions."""
    live = Live(visit)
    live.have_uninstalled()
    with live.models.asked_on(visit.ask, "the reinstallation") as loads:
        pods, before = live.models.pod_ids(), live.models.of_objects("resourceVersion")
        with change("helm install", *loads):
            with visit.ask.expect("helm install goes through", where=live.name, needed=True):
                visit.release.install(visit.chart.folder, visit.values, mark=live.mark)
                live.models.wait_images(live.images)
        with visit.ask.expect("nothing is written that was right", where="what the controller made for the models"):
            after = live.models.of_objects("resourceVersion")
            written = sorted("/".join(name) for name, version in before.items() if after.get(name) != version)
            assert not written, f"written or deleted without need: {', '.join(written)}"
            assert live.models.pod_ids() == pods, "pods were replaced"
        with change("an edit after the reinstallation", *loads):
            with visit.ask.expect("the models are the controller's again", where=f"SeldonDeployment/{PLAIN}"):
                _scale(live, REPLICAS)
    _scale(live, 1)


def _scale(live: Live, replicas: int) -> None:
    """Edit the SeldonDeployment as a user does, and wait for what the controller makes of it."""
    document = manifests.iris(PLAIN, env_secret="seldon-rclone-secret")
    document["spec"]["predictors"][0]["replicas"] = replicas
    live.models.workspace.apply(document)
    name, namespace = manifests.model_deployment(PLAIN), live.models.workspace.namespace

    def scaled() -> None:
        found = assert_updated(live.visit.lab.cluster.get("apps/v1", "Deployment", name, namespace))
        assert found["spec"]["replicas"] == replicas, f"Deployment {name} has {found['spec']['replicas']} replicas"

    wait_for(scaled, what=f"{replicas} pods of {PLAIN}", seconds=live.visit.lab.timeouts.rollout)


STAGE = ClusterStage("reinstall", "The chart comes back and adopts what is there", ask, after=("uninstall",))
