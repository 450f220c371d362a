"""`helm upgrade` over the recorded release of Seldon Core 1.17.1, with Helm itself, in an API server.

A chart is made of the recorded objects, and installed: so there is a release of their name to upgrade, with the values
that it had. Nothing of it may be deleted, and no immutable field may be in the way.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from seldon_core import __version__
from seldon_core.api.crd import NAME as CRD
from seldon_core.kube.resources import DEPLOYMENTS, LEASES
from seldon_core.operator.objects.kinds import SELDON_DEPLOYMENTS
from tests.chart.test_reuse_values import recorded_values
from tests.integration.controller import recorded
from tests.integration.controlplane import OPERATOR_NAMESPACE, ControlPlane

pytestmark = pytest.mark.skipif(not recorded.FOLDER.exists(), reason="no ../shared beside this checkout")

CHART = Path(__file__).resolve().parents[3] / "charts" / "seldon-core-operator"
RELEASE = "seldon-core"
MANAGER = "seldon-controller-manager"
LEADER = "a33bd623.machinelearning.seldon.io"
CRD_PATH = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{CRD}"
HELM_SECONDS = 120

Object = dict[str, Any]


def helm(plane: ControlPlane, *words: str) -> str:
    done = subprocess.run(
        [os.environ["HELM"], *words, "--namespace", OPERATOR_NAMESPACE, "--kubeconfig", str(plane.kubeconfig)],
        capture_output=True,
        text=True,
        timeout=HELM_SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"helm {' '.join(words)}: {done.stderr}{done.stdout}"
    return done.stdout


def of_release(obj: Object) -> bool:
    """Whether the chart made an object; the others its controller made."""
    return (obj["metadata"].get("labels") or {}).get("app.kubernetes.io/managed-by") == "Helm"


def cleaned(obj: Object) -> Object:
    """As a template would say it."""
    kept = ("name", "namespace", "labels", "annotations")
    metadata = {name: obj["metadata"][name] for name in kept if name in obj["metadata"]}
    annotations = {k: v for k, v in (metadata.get("annotations") or {}).items() if not k.startswith("meta.helm.sh/")}
    metadata["annotations"] = {k: v for k, v in annotations.items() if k != recorded.REVISION}
    body = {name: value for name, value in obj.items() if name not in {"metadata", "status"}}
    if obj["kind"] == "Service":
        body["spec"] = {name: value for name, value in obj["spec"].items() if not name.startswith("clusterIP")}
    return {**body, "metadata": metadata}


def former_definition() -> Object:
    found = yaml.safe_load((recorded.FOLDER / "crd-without-schema.json").read_text(encoding="utf-8"))
    for version in found["spec"]["versions"]:
        schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        version["schema"] = {"openAPIV3Schema": schema}
    return cleaned(found)


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A cluster in which the recorded release is installed."""
    chart = tmp_path_factory.mktemp("former") / "seldon-core-operator"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: seldon-core-operator\nversion: 1.17.1\n", encoding="utf-8")
    (chart / "values.yaml").write_text(yaml.safe_dump(recorded_values()), encoding="utf-8")
    objects = recorded.objects("system.json")
    released = [former_definition(), *(cleaned(each) for each in objects if of_release(each))]
    for number, obj in enumerate(released):
        # Annotations may hold what Helm would take for a template.
        text = yaml.safe_dump(obj).replace("{{", '{{ "{{" }}')
        (chart / "templates" / f"{number:02}.yaml").write_text(text, encoding="utf-8")
    with ControlPlane() as plane:
        helm(plane, "install", RELEASE, str(chart))
        plane.apply(*(cleaned(each) for each in objects if not of_release(each)))
        yield plane


def uids(plane: ControlPlane) -> dict[str, str]:
    """The uid of everything that was recorded."""
    found = {}
    for obj in recorded.objects("system.json"):
        metadata = obj["metadata"]
        scope = ("--namespace", metadata["namespace"]) if "namespace" in metadata else ()
        kind = f"{obj['kind']}.{obj['apiVersion'].rpartition('/')[0]}".rstrip(".")
        uid = plane.kubectl("get", kind, metadata["name"], *scope, "--output=jsonpath={.metadata.uid}").stdout
        found[f"{obj['kind']} {metadata['name']}"] = uid
    found[CRD] = plane.request("GET", CRD_PATH)["metadata"]["uid"]
    return found


def test_the_recorded_release_is_upgraded_in_place(plane: ControlPlane) -> None:
    plane.request("POST", "/api/v1/namespaces", {"metadata": {"name": "models"}})
    # The recorded webhook has nobody who answers.
    webhook = f"seldon-validating-webhook-configuration-{OPERATOR_NAMESPACE}"
    plane.kubectl("patch", "validatingwebhookconfiguration", webhook, "--type=json", f"--patch={IGNORE}")
    sdep = next(each for each in recorded.objects("models.json") if each["kind"] == SELDON_DEPLOYMENTS.kind)
    plane.apply(cleaned(sdep))
    before = uids(plane)
    selector = plane.request("GET", manager_path())["spec"]["selector"]

    notes = helm(plane, "upgrade", RELEASE, str(CHART), "--reuse-values")

    assert uids(plane) == before, "something was made anew"
    deployment = plane.request("GET", manager_path())
    assert deployment["spec"]["selector"] == selector
    containers = deployment["spec"]["template"]["spec"]["containers"]
    assert [each["image"] for each in containers] == [f"localhost/seldon-core/operator:{__version__}"]
    assert "image: seldonio/seldon-core-operator:1.17.1 was an older release's default" in notes
    # People's SeldonDeployments are there, and outlive the chart.
    assert plane.find(SELDON_DEPLOYMENTS.path(namespace="models", name=sdep["metadata"]["name"]))
    definition = plane.request("GET", CRD_PATH)
    assert definition["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    assert "openAPIV3Schema" in definition["spec"]["versions"][0]["schema"]
    assert "properties" in definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    # The lock is the same one: the former controller, should it still run, and ours never work at the same time.
    assert plane.find(LEASES.path(namespace=OPERATOR_NAMESPACE, name=LEADER))

    helm(plane, "upgrade", RELEASE, str(CHART), "--reuse-values")
    assert uids(plane) == before


IGNORE = '[{"op": "replace", "path": "/webhooks", "value": []}]'


def manager_path() -> str:
    return DEPLOYMENTS.path(namespace=OPERATOR_NAMESPACE, name=MANAGER)
