"""A real gateway in the cluster, behind a port of this machine: the address that people send their requests to.

Contour serves the Gateway API, Istio's control plane serves Istio's. Both tell a stock Envoy its routes.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from . import cluster as clusters
from . import docker, gobuild, images, nodeimage
from .cache import artefact
from .paths import ROOT
from .progress import step
from .shell import CommandFailedError
from .venv import site_packages

SOURCE = images.SOURCES / "gateway"
CRD_FIELD_MANAGER = "seldon-core-devtools"
READY_SECONDS = 120
ENVOY_GLIBC = "2_31"
"""What Envoy's binary asks for; Debian bookworm has 2.36."""


class GatewayError(Exception):
    """The gateway cannot be had; the text says why."""


@dataclass(frozen=True)
class Gateway:
    """How a gateway is made, where it lives and what makes the chart send routes to it.

    Attributes:
        name: Of the image, the manifest and `--need`.
        recipe: Its program.
        crds: Module and files (globs) of its API's definitions.
        namespace: Of its Deployment `gateway`.
        values: `--set` words for the chart.
    """

    name: str
    recipe: gobuild.Recipe
    crds: tuple[tuple[str, str], ...]
    namespace: str
    values: tuple[str, ...]


CONTOUR = Gateway(
    "contour",
    gobuild.CONTOUR,
    (
        ("sigs.k8s.io/gateway-api", "config/crd/standard/gateway.networking.k8s.io_*.yaml"),
        ("github.com/projectcontour/contour", "examples/contour/01-crds.yaml"),
    ),
    "seldon-gateway",
    ("gateway.enabled=true", "gateway.name=seldon-gateway", "gateway.namespace=seldon-gateway"),
)
ISTIO = Gateway(
    "istio",
    gobuild.ISTIO,
    (("istio.io/istio", "manifests/charts/base/files/crd-all.gen.yaml"),),
    "istio-system",
    ("istio.enabled=true", "istio.gateway=istio-system/seldon-gateway"),
)
GATEWAYS = {gateway.name: gateway for gateway in (CONTOUR, ISTIO)}


def up(cluster: clusters.Cluster, gateway: Gateway) -> None:
    """Have the gateway running in the cluster, at the node port that the cluster maps. Raises CommandFailedError."""
    image = _image(gateway)
    clusters.load(cluster, [image])
    with step(f"starting the gateway ({gateway.name})"):
        for other in GATEWAYS.values():
            if other is not gateway:  # a kept cluster may have it, and the port that it maps is one
                cluster.kubectl("delete", "namespace", other.namespace, "--ignore-not-found", timeout=READY_SECONDS)
        apply = ("apply", "--server-side", "--force-conflicts", "--field-manager", CRD_FIELD_MANAGER)
        definitions = _definitions(gateway)
        cluster.kubectl(*apply, "--filename", str(definitions))
        cluster.kubectl("wait", "--for=condition=Established", "--timeout=60s", "--filename", str(definitions))
        manifest = (ROOT / "devtools" / "manifests" / f"gateway-{gateway.name}.yaml").read_text()
        cluster.kubectl(*apply, "--filename", "-", stdin=manifest.replace("@IMAGE@", image))
        target = ("deployment/gateway", "--namespace", gateway.namespace)
        try:
            cluster.kubectl("rollout", "status", *target, f"--timeout={READY_SECONDS}s", timeout=READY_SECONDS + 30)
        except CommandFailedError as failed:
            seen = cluster.kubectl("logs", *target, "--all-containers", "--tail=20")
            raise GatewayError(f"{failed}\n\nIts log:\n{seen}") from failed


def _image(gateway: Gateway) -> str:
    name = images.tag(f"gateway-{gateway.name}")
    programs = gobuild.build(gateway.recipe)
    packages = site_packages("envoy", SOURCE / "requirements.txt", glibc=ENVOY_GLIBC)
    base = nodeimage.base_image()

    def make(labels: dict[str, str]) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            context = Path(scratch) / "gateway"
            shutil.copytree(SOURCE, context)
            shutil.copytree(programs, context / "bin")
            shutil.copy2(packages / "envoy" / "_bin" / "envoy", context / "bin" / "envoy")
            docker.build(context, name, labels=labels, arguments={"BASE": base})

    docker.keyed_image(name, [SOURCE, programs.name, packages.name, docker.image_id(base)], make)
    return name


def _definitions(gateway: Gateway) -> Path:
    """Return a folder with the CustomResourceDefinitions, from the modules that the recipe pins."""

    def make(out: Path) -> None:
        for module, files in gateway.crds:
            found = sorted(gobuild.module_folder(gateway.recipe, module).glob(files))
            if not found:
                raise GatewayError(f"module {module} of devtools/recipes/{gateway.recipe.name} holds no {files}.")
            for file in found:
                shutil.copy2(file, out / file.name)
                (out / file.name).chmod(0o644)

    parts: list[str | bytes | Path] = [gateway.recipe.folder, *(word for crd in gateway.crds for word in crd)]
    return artefact(f"crds-{gateway.name}", parts, make)
