"""`airgap`: a bundle is made, carried to a node that holds no image of ours, and installed from there."""

from __future__ import annotations

import shutil
import subprocess

from devtools.cluster import LOADED_RECORD
from release import values
from release.lab import NODE, Lab
from release.lab_bundle import LOADER, Bundle, pack
from release.lab_models import PLAIN, assert_predicts, documents
from release.lab_stage import ClusterStage, Visit

MODELS = "release-airgap"
CARRIED = "/root/bundle"
SECONDS = 300.0


def ask(visit: Visit) -> None:
    """The stage's questions."""
    folder = visit.context.work / "bundle"
    shutil.rmtree(folder, ignore_errors=True)
    names = values.own_images(values.in_force(visit.context))
    with visit.ask.expect("a bundle can be made of the chart and its images", where=visit.chart.name, needed=True):
        assert names, "the chart names no image of this project"
        bundle = pack(folder, visit.chart.folder, names, visit.lab.helm.program)
    _tell(visit, bundle)
    with visit.ask.expect(
        "the bundle holds what its list and its checksums say", where=bundle.folder.name, needed=True
    ):
        bundle.verify()
        missing = sorted(set(names) - bundle.images().keys())
        assert not missing, f"not in the bundle: {', '.join(missing)}"
    _empty(visit, names)
    with visit.ask.expect("its images can be loaded into a node that has none", where=LOADER, needed=True):
        _carry(visit.lab, bundle)
        there = visit.lab.images_in_node()
        missing = [name for name in names if name not in there]
        assert not missing, f"still not in the node: {', '.join(missing)}"
    with visit.ask.expect("the chart installs from the bundle", where=bundle.package.name, needed=True):
        visit.release.install(bundle.package, visit.values)
    workspace = visit.lab.workspace(MODELS)
    with visit.ask.expect("a model answers", where=f"SeldonDeployment/{PLAIN}"):
        workspace.apply(*documents()[:2])
        workspace.wait_available(PLAIN)
        workspace.wait_led(PLAIN)
        assert_predicts(workspace, PLAIN)
    visit.lab.drop_namespace(MODELS)


def _tell(visit: Visit, bundle: Bundle) -> None:
    files = sorted(bundle.folder.iterdir())
    visit.ask.figures["bundle, MB"] = round(sum(file.stat().st_size for file in files) / 1e6, 1)
    visit.ask.files.extend(str(file.relative_to(visit.context.report)) for file in files)


def _empty(visit: Visit, names: tuple[str, ...]) -> None:
    """Nothing of ours in the cluster, and no image of ours in its node."""
    namespaces = {sdep["metadata"]["namespace"] for sdep in visit.lab.seldon_deployments()} | {MODELS}
    visit.release.purge()
    for namespace in sorted(namespaces):
        visit.lab.drop_namespace(namespace)
    # Whoever loads images next must not be told that they are there.
    visit.lab.in_node("rm", "-f", LOADED_RECORD).checked()
    for name in set(visit.lab.images_in_node()) & set(names):
        visit.lab.in_node("ctr", "-n", "k8s.io", "images", "rm", "--sync", name).checked()


def _carry(lab: Lab, bundle: Bundle) -> None:
    """Copy the bundle into the node, and do there what it says: with its own script, and nothing else."""
    lab.in_node("rm", "-rf", CARRIED).checked()
    copy = ("docker", "cp", str(bundle.folder), f"{NODE}:{CARRIED}")
    copied = subprocess.run(copy, capture_output=True, text=True, check=False, timeout=SECONDS)
    assert copied.returncode == 0, copied.stderr.strip()
    try:
        lab.in_node("sh", f"{CARRIED}/{LOADER}", "node", seconds=SECONDS).checked()
    finally:
        lab.in_node("rm", "-rf", CARRIED)


STAGE = ClusterStage("airgap", "A bundle installs where no registry can be reached", ask)
