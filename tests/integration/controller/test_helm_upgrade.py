"""The chart in a cluster, with Helm 3 and Helm 4: installed, upgraded again and again, uninstalled.

What the controller writes into the chart's objects (the authority, the certificate, the live configuration) and what
people edit in them is there after each upgrade, and no upgrade meets a conflict. The controller runs with the rights
that the chart gives it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest

from seldon_core.api.values import Values
from seldon_core.operator.config import edits
from seldon_core.operator.webhook import certificates
from tests.chart.helm import copy_chart
from tests.integration.controller.helm import RELEASE, Helm, controller
from tests.integration.controller.process import Controller
from tests.integration.controlplane import OPERATOR, OPERATOR_NAMESPACE, WRITES, ControlPlane, install, until

SECONDS = 60.0
IN_NAMESPACE = f"/api/v1/namespaces/{OPERATOR_NAMESPACE}"
CONFIG = f"{IN_NAMESPACE}/configmaps/seldon-config"
SECRET = f"{IN_NAMESPACE}/secrets/seldon-webhook-tls"
SERVICE = f"{IN_NAMESPACE}/services/seldon-webhook-service"
WEBHOOK = (
    "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/"
    "seldon-validating-webhook-configuration-seldon-system"
)
DEFINITION = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/seldondeployments.machinelearning.seldon.io"
SDEP = "/apis/machinelearning.seldon.io/v1/namespaces/models/seldondeployments/iris"

INJECTED = "seldon-system/seldon-serving-cert"

MINE = {"protocols": {"seldon": {"image": "mine", "defaultImageVersion": "1"}}}
PINNED = {"image": "registry.example.com/sklearnserver", "defaultImageVersion": "7"}
IRIS = {
    "apiVersion": "machinelearning.seldon.io/v1",
    "kind": "SeldonDeployment",
    "metadata": {"name": "iris", "namespace": "models"},
    "spec": {
        "predictors": [
            {"name": "default", "graph": {"name": "c", "implementation": "SKLEARN_SERVER", "modelUri": "s3://m"}}
        ]
    },
}
# Kinds of cert-manager, as far as the API server has to know them.
CERT_MANAGER = [
    {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.lower()}s.cert-manager.io"},
        "spec": {
            "group": "cert-manager.io",
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": f"{kind.lower()}s", "singular": kind.lower()},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
                }
            ],
        },
    }
    for kind in ("Issuer", "Certificate")
]

PROGRAMS = [("HELM", "HELM"), ("HELM4", "HELM4"), ("HELM", "HELM4")]
"""Who installs, and who upgrades."""


@pytest.fixture
def plane() -> Iterator[ControlPlane]:
    with ControlPlane() as plane:
        yield plane


@contextmanager
def running(process: Controller) -> Iterator[Controller]:
    """A controller that is ready; it ends in order."""
    try:
        process.start()
        yield process
        process.stop()
    finally:
        process.close()


def config(plane: ControlPlane) -> dict[str, Any]:
    """The live configuration's entries."""
    data = (plane.find(CONFIG) or {}).get("data") or {}
    return {key: json.loads(text) for key, text in data.items()}


def authority(plane: ControlPlane) -> str:
    """The bundle in the webhook's configuration; empty where there is none."""
    hooks = (plane.find(WEBHOOK) or {}).get("webhooks") or [{}]
    bundle: str = hooks[0].get("clientConfig", {}).get("caBundle", "")
    return bundle


def edit_servers(plane: ControlPlane) -> None:
    """What a person does in `kubectl edit configmap seldon-config`: a row of one's own, and another image in one."""
    servers = config(plane)["predictor_servers"] | {"MINE": MINE}
    servers["SKLEARN_SERVER"]["protocols"]["seldon"] = PINNED
    patch = json.dumps({"data": {"predictor_servers": json.dumps(servers)}})
    words = ("--namespace", OPERATOR_NAMESPACE, "--type=merge", "--field-manager=kubectl-edit", "--patch", patch)
    plane.kubectl("patch", "configmap", "seldon-config", *words)


def is_edited(plane: ControlPlane) -> bool:
    servers = config(plane)["predictor_servers"]
    return bool(servers["MINE"] == MINE and servers["SKLEARN_SERVER"]["protocols"]["seldon"] == PINNED)


def make_sdep(plane: ControlPlane) -> None:
    """A SeldonDeployment where the webhook is not asked: without a node it cannot be reached."""
    labels = {"seldon.io/controller-id": "another"}
    plane.request("POST", "/api/v1/namespaces", {"metadata": {"name": "models", "labels": labels}})
    plane.apply(IRIS)


@pytest.mark.parametrize(("installer", "upgrader"), PROGRAMS)
def test_upgrades_keep_what_the_controller_and_people_have_written(
    plane: ControlPlane, tmp_path: Path, installer: str, upgrader: str
) -> None:
    helm = Helm(plane, upgrader)
    Helm(plane, installer).upgrade()
    assert not config(plane)
    until(lambda: plane.find(DEFINITION), SECONDS, "the definition is not there")
    with running(controller(plane, tmp_path / "first")):
        assert config(plane)["predictor_servers"] == edits.of_chart(Values())["predictor_servers"]
        certificate, trusted = (plane.find(SECRET) or {})["data"], authority(plane)
        assert certificate["ca.crt"] == trusted != ""
        edit_servers(plane)
        make_sdep(plane)

        helm.upgrade()
        helm.upgrade()

        assert is_edited(plane)
        assert authority(plane) == trusted
        assert (plane.find(SECRET) or {})["data"] == certificate

    other = {"storageInitializer": {"image": "mine:2"}, "predictor_servers": {"TRITON_SERVER": None, "NEW": MINE}}
    helm.upgrade(other)
    assert is_edited(plane)
    with running(controller(plane, tmp_path / "second")):
        # It is ready before it leads, and merges once it does.
        until(lambda: config(plane)["predictor_servers"].get("NEW") == MINE, SECONDS, "the new row is not there")
        servers = config(plane)["predictor_servers"]
        assert is_edited(plane)
        assert "TRITON_SERVER" not in servers
        assert config(plane)["storageInitializer"]["image"] == "mine:2"
        helm.upgrade(other)
        assert is_edited(plane)
        assert authority(plane) == trusted

    helm.run("rollback", RELEASE, "1", "--namespace", OPERATOR_NAMESPACE)
    assert is_edited(plane)
    assert authority(plane) == trusted

    helm.run("uninstall", RELEASE, "--namespace", OPERATOR_NAMESPACE)

    assert plane.find(CONFIG) is None
    assert plane.find(WEBHOOK) is None
    assert plane.find(DEFINITION) is not None
    assert plane.find(SDEP) is not None
    assert [
        each["metadata"].get("deletionTimestamp") for each in (plane.find(SDEP), plane.find(DEFINITION)) if each
    ] == [
        None,
        None,
    ]


@pytest.mark.parametrize(("installer", "upgrader"), PROGRAMS)
def test_edits_of_a_release_whose_manifest_holds_the_configuration_survive(
    plane: ControlPlane, tmp_path: Path, installer: str, upgrader: str
) -> None:
    """As Seldon Core 1.17.1's does: Helm deletes what the next manifest does not name."""
    helm = Helm(plane, upgrader)
    Helm(plane, installer).upgrade(chart=chart_with_data(tmp_path))
    edit_servers(plane)

    helm.upgrade()

    assert is_edited(plane)
    with running(controller(plane, tmp_path / "first")):
        assert is_edited(plane)
        # What nobody has edited follows the chart.
        assert config(plane)["storageInitializer"]["image"] == Values().storage_initializer.image
        helm.upgrade()
        assert is_edited(plane)
        assert config(plane)["storageInitializer"]["image"] == Values().storage_initializer.image
        helm.upgrade({"explainer": {"image": "mine:3"}})
    with running(controller(plane, tmp_path / "second")):
        assert is_edited(plane)
        assert config(plane)["explainer"]["image"] == "mine:3"


def chart_with_data(folder: Path) -> Path:
    """The chart with a template of seldon-config as v1.17.1 has it."""
    chart = copy_chart(folder)
    data = {key: json.dumps(value) for key, value in edits.RELEASED.items()}
    template = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "seldon-config", "namespace": OPERATOR_NAMESPACE},
        "data": data,
    }
    (chart / "templates" / "configmap-seldon-config.yaml").write_text(json.dumps(template), encoding="utf-8")
    return chart


@pytest.mark.parametrize("program", ["HELM", "HELM4"])
def test_what_the_controller_makes_for_itself(plane: ControlPlane, tmp_path: Path, program: str) -> None:
    helm, values = Helm(plane, program), {"managerCreateResources": True}
    plane.start_controller_manager("garbage-collector-controller")
    helm.upgrade(values)
    assert [plane.find(path) for path in (CONFIG, SECRET, SERVICE, WEBHOOK)] == [None] * 4
    with running(controller(plane, tmp_path / "first")):
        assert config(plane)["predictor_servers"] == edits.of_chart(Values())["predictor_servers"]
        assert authority(plane) == (plane.find(SECRET) or {})["data"]["ca.crt"]
        edit_servers(plane)
        helm.upgrade(values)
        helm.upgrade(values)
        assert is_edited(plane)
        made = {path: plane.find(path) for path in (CONFIG, SECRET, SERVICE, WEBHOOK)}

        # Now they are the chart's.
        helm.upgrade({})
        kept = {path: plane.find(path) for path in (CONFIG, SECRET, SERVICE, WEBHOOK)}
        assert [each["metadata"]["uid"] for each in kept.values() if each] == [
            each["metadata"]["uid"] for each in made.values() if each
        ]
        assert is_edited(plane)
        assert authority(plane) == (plane.find(SECRET) or {})["data"]["ca.crt"]

        # And the controller's again, which is started anew then.
        helm.upgrade(values)
    with running(controller(plane, tmp_path / "second")):
        helm.run("uninstall", RELEASE, "--namespace", OPERATOR_NAMESPACE)
    for path in (CONFIG, SECRET, SERVICE, WEBHOOK):
        until(lambda path=path: plane.find(path) is None, SECONDS, f"{path} outlives the release")


@pytest.mark.parametrize("program", ["HELM", "HELM4"])
def test_a_certificate_of_cert_manager(plane: ControlPlane, tmp_path: Path, program: str) -> None:
    helm, values = Helm(plane, program), {"certManager": {"enabled": True}}
    install(plane, *CERT_MANAGER)
    helm.upgrade(values)
    folder = tmp_path / "mounted"
    first, second = issued(), issued()
    mount(folder, first)
    process = controller(plane, tmp_path / "controller", WEBHOOK_CERTIFICATE_FOLDER=str(folder))
    try:
        process.start(ready=False)
        until(lambda: "does not have the certificate's authority" in unready(process), SECONDS, process.tail)
        inject(plane, first.bundle)
        process.wait_ready()

        helm.upgrade(values)
        helm.upgrade(values)
        assert authority(plane) == encoded(first.bundle)

        inject(plane, second.bundle)
        until(lambda: "does not have the certificate's authority" in unready(process), SECONDS, process.tail)
        mount(folder, second)
        process.wait_ready()
        process.stop()
    finally:
        process.close()
    written = {entry["objectRef"]["resource"] for entry in plane.audit(verbs=WRITES, user=OPERATOR)}
    assert written == {"configmaps", "leases"}


class Issued(NamedTuple):
    """What cert-manager makes: a server's certificate, and the authority that signed it, as PEM."""

    server: certificates.Pair
    bundle: bytes


def issued() -> Issued:
    now = datetime.now(UTC)
    signer = certificates.new_authority(now)
    return Issued(certificates.issue(signer, ("seldon-webhook-service.seldon-system.svc",), now), signer.certificate)


def mount(folder: Path, given: Issued) -> None:
    """As a node exchanges the files of a Secret: all at once, by a link to another folder."""
    folder.mkdir(exist_ok=True)
    data = folder / f"..data-{len(list(folder.iterdir()))}"
    data.mkdir()
    (data / "tls.crt").write_bytes(given.server.certificate)
    (data / "tls.key").write_bytes(given.server.key)
    (folder / "..next").symlink_to(data.name)
    (folder / "..next").replace(folder / "..data")
    for name in ("tls.crt", "tls.key"):
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(f"..data/{name}")


def inject(plane: ControlPlane, bundle: bytes) -> None:
    """What cert-manager's cainjector does."""
    assert plane.find(WEBHOOK)["metadata"]["annotations"]["cert-manager.io/inject-ca-from"] == INJECTED  # type: ignore[index]
    patch = [{"op": "add", "path": "/webhooks/0/clientConfig/caBundle", "value": encoded(bundle)}]
    plane.kubectl("patch", *WEBHOOK.split("/")[-2:], "--type=json", "--patch", json.dumps(patch))


def encoded(bundle: bytes) -> str:
    return base64.b64encode(bundle).decode()


def unready(process: Controller) -> str:
    """What the readiness probe says."""
    try:
        return httpx2.get(f"http://127.0.0.1:{process.port}/readyz", timeout=5, trust_env=False).text
    except httpx2.HTTPError:
        return ""
