"""`rollback`: `helm rollback` to the previous release while users send requests."""

from __future__ import annotations

from release.lab_live import Live
from release.lab_models import change
from release.lab_stage import ClusterStage, Visit


def ask(visit: Visit) -> None:
    """The stage's questions."""
    live = Live(visit)
    revision = live.have_upgraded()
    with live.models.asked_on(visit.ask, "the way back") as loads, change("helm rollback", *loads):
        with visit.ask.expect("helm rollback goes through", where=live.previous_name, needed=True):
            visit.release.rollback(revision)
        with visit.ask.expect("all pods become the previous release's", where=live.previous_name, needed=True):
            live.models.wait_images(live.former_images)
    with visit.ask.expect("the models answer as before", where="SeldonDeployments"):
        live.models.assert_answer()


STAGE = ClusterStage("rollback", "The previous release comes back under load", ask, after=("upgrade",))
