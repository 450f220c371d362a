"""`install`: the chart goes into an empty cluster, works there within a minute, and is what was rendered."""

from __future__ import annotations

import time

from release.asking import Answer
from release.lab_drift import drift
from release.lab_log import errors_in
from release.lab_stage import ClusterStage, Visit
from tests.e2e.harness import manifests
from tests.e2e.harness.release import CONTROLLER, NAMESPACE, PROBE, SECURE
from tests.e2e.harness.waiting import Object

READY_SECONDS = 60.0
"""From `helm install` to a controller that works, with its image on the node."""
GOOD: Object = manifests.iris(PROBE["metadata"]["name"]) | {"metadata": PROBE["metadata"]}
REFUSED = "denied the request"
"""What the API server says where a webhook has refused, and nobody else."""
TEST_HOOK = "helm.sh/hook"


def ask(visit: Visit) -> None:
    """The stage's questions."""
    visit.release.purge()
    where = f"Deployment/{CONTROLLER}"
    began = time.monotonic()
    hint = "`kubectl describe` and the log of the controller's pod say more."
    with visit.ask.expect(f"it works {READY_SECONDS:g} s after helm install", where=where, hint=hint, needed=True):
        visit.release.install(visit.chart.folder, visit.values, seconds=READY_SECONDS)
        visit.ask.figures["helm install --wait, s"] = round(time.monotonic() - began, 1)
    with visit.ask.ask("every object is as it was rendered") as answer:
        _objects(visit, answer)
    with visit.ask.expect("the webhook answers", where="ValidatingWebhookConfiguration"):
        good, bad = visit.release.try_probe(GOOD), visit.release.try_probe(PROBE)
        assert good.returncode == 0, f"a good SeldonDeployment is refused: {good.stderr.strip()}"
        assert REFUSED in bad.stderr, f"a bad SeldonDeployment is not refused by the webhook: {bad.stderr.strip()}"
    with visit.ask.expect("its pods meet Pod Security restricted", where=f"Namespace/{NAMESPACE}"):
        _restricted(visit)
    hooks = [hook for hook in visit.release.hooks() if "test" in _annotations(hook).get(TEST_HOOK, "").split(",")]
    if hooks:
        with visit.ask.expect("helm test passes", where=", ".join(hook["metadata"]["name"] for hook in hooks)):
            visit.release.test()
    with visit.ask.ask("the controller's log tells of no error") as answer:
        for line in errors_in(visit.release.log()):
            answer.blocker(where, f"its log says: {line}")


def _objects(visit: Visit, answer: Answer) -> None:
    objects = visit.release.manifest()
    visit.ask.figures["objects"] = float(len(objects))
    for wanted in objects:
        name, namespace = wanted["metadata"]["name"], wanted["metadata"].get("namespace")
        live = visit.lab.cluster.get(wanted["apiVersion"], wanted["kind"], name, namespace)
        where = f"{wanted['kind']}/{name}"
        if live is None:
            answer.blocker(where, "was rendered, and is not in the cluster")
            continue
        for line in drift(_stored(wanted), live):
            answer.blocker(where, f"is not as rendered: {line}", "Something changes what the chart says.")


def _stored(wanted: Object) -> Object:
    """A Secret's texts, as the API server keeps them, are not written down anywhere: they are not compared."""
    return {key: value for key, value in wanted.items() if key != "stringData"}


def _restricted(visit: Visit) -> None:
    namespace = visit.lab.cluster.get("v1", "Namespace", NAMESPACE) or {"metadata": {}}
    labels = namespace["metadata"].get("labels", {})
    assert labels.items() >= SECURE.items(), f"namespace {NAMESPACE} does not enforce it any more: {labels}"
    assert visit.release.controller_pods(), "there are no pods"
    for event in visit.lab.cluster.objects("v1", "Event", NAMESPACE):
        assert "violates PodSecurity" not in event.get("message", ""), event["message"]


def _annotations(found: Object) -> dict[str, str]:
    annotations: dict[str, str] = found["metadata"].get("annotations") or {}
    return annotations


STAGE = ClusterStage("install", "The chart installs into an empty cluster", ask)
