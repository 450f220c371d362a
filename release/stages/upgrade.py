"""`upgrade`: from the previous release to this one while users send requests, with `--reuse-values` and without."""

from __future__ import annotations

from release.lab_live import Live
from release.lab_models import change
from release.lab_stage import ClusterStage, Visit


def ask(visit: Visit) -> None:
    """The stage's questions."""
    live = Live(visit)
    live.clean()
    with visit.ask.expect("the previous release works", where=live.previous_name, needed=True) as answer:
        live.install_previous()
        live.models.ensure()
        live.models.wait_images(live.former_images)
        answer.note(live.previous_name, live.origin_of_images)
    with live.models.asked_on(visit.ask, "the upgrade") as loads:
        before, generations = live.models.pod_ids(), live.models.generations()
        with change("helm upgrade --reuse-values", *loads):
            with visit.ask.expect("helm upgrade --reuse-values goes through", where=live.name, needed=True):
                visit.release.upgrade(visit.chart.folder, None, reuse=True, mark=live.reused)
                live.models.wait_images(live.former_images)
        kept = before.items() & live.models.pod_ids().items()
        visit.ask.figures["pods replaced by --reuse-values"] = float(len(before) - len(kept))
        with change("helm upgrade to this release", *loads):
            with visit.ask.expect("helm upgrade goes through", where=live.name, needed=True):
                visit.release.upgrade(visit.chart.folder, visit.values, reuse=False, mark=live.mark)
            with visit.ask.expect("all pods become this release's", where=live.name, needed=True):
                live.models.wait_images(live.images)
    with visit.ask.expect("no SeldonDeployment was edited", where="SeldonDeployments"):
        after = live.models.generations()
        assert after == generations, f"their generations were {generations}, and are {after}"
    with visit.ask.expect("the models answer as before", where="SeldonDeployments"):
        live.models.assert_answer()


STAGE = ClusterStage("upgrade", "The previous release becomes this one under load", ask, after=("install", "smoke"))
