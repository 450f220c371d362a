"""`uninstall`: the release goes; what users deployed stays, answers, and can still be edited."""

from __future__ import annotations

from release.lab import CRD, CRD_API
from release.lab_live import Live
from release.lab_models import NAMES, PLAIN, change
from release.lab_stage import ClusterStage, Visit
from tests.e2e.harness.release import CONTROLLER, NAMESPACE

KEEP = "Annotation helm.sh/resource-policy: keep on the CustomResourceDefinition keeps it, and everything of its kind."


def ask(visit: Visit) -> None:
    """The stage's questions."""
    live = Live(visit)
    live.have_installed()
    with live.models.asked_on(visit.ask, "the uninstallation") as loads:
        before, pods = live.models.of_objects("uid"), live.models.pod_ids()
        with change("helm uninstall", *loads), visit.ask.expect("helm uninstall goes through", where=live.name):
            visit.release.uninstall()
        with visit.ask.expect("nothing of the users is deleted", where=f"CustomResourceDefinition/{CRD}", hint=KEEP):
            definition = visit.lab.cluster.get(*CRD_API, CRD)
            stays = definition is not None and not definition["metadata"].get("deletionTimestamp")
            assert stays, "the definition was deleted with the release"
            after = live.models.of_objects("uid")
            lost = sorted("/".join(name) for name, uid in before.items() if after.get(name) != uid)
            assert not lost, f"deleted or made anew: {', '.join(lost)}"
            assert live.models.pod_ids() == pods, "pods were replaced"
    with visit.ask.expect("nothing of the release is left", where=live.name):
        assert visit.lab.cluster.get("apps/v1", "Deployment", CONTROLLER, NAMESPACE) is None, "the controller is left"
        assert visit.release.revision() == 0, "helm still knows the release"
    with visit.ask.expect("users can still edit their SeldonDeployments", where="ValidatingWebhookConfiguration"):
        words = ("annotate", "sdep", PLAIN, "release-validate/edited=without-controller", "--overwrite")
        command = (*words, "--namespace", live.models.workspace.namespace)
        visit.lab.kubectl.run(command, seconds=visit.lab.timeouts.kubectl).checked()
    with visit.ask.expect("the models answer as before", where=", ".join(NAMES)):
        live.models.assert_answer()


STAGE = ClusterStage("uninstall", "The release goes and the users' models stay", ask, after=("install", "smoke"))
