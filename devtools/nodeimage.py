"""The kind node image: pulled where a registry can be reached, else built from packages."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from . import docker, gobuild
from .cache import artefact
from .paths import ROOT
from .progress import say
from .shell import output, run

NODE = ROOT / "devtools" / "node"
PULLED = "kindest/node:v1.34.0@sha256:7416a61b42b1662ca6ca89f02028ac133a309a2a30ba309614e8ec94d976dc5a"
"""The node image that kind v0.30.0 was released with."""
BUILT = f"localhost/seldon-core-dev/node:{gobuild.KUBERNETES_VERSION}"
BASE = "localhost/seldon-core-dev/debian:bookworm"
PULLED_BASE = "debian:bookworm-slim@sha256:96e378d7e6531ac9a15ad505478fcc2e69f371b10f5cdf87857c4b8188404716"
DEBIAN_SUITE = "bookworm"
PAUSE = "registry.k8s.io/pause:3.10.1"
CONTROL_PLANE = {
    f"registry.k8s.io/kube-apiserver:{gobuild.KUBERNETES_VERSION}": "kube-apiserver",
    f"registry.k8s.io/kube-controller-manager:{gobuild.KUBERNETES_VERSION}": "kube-controller-manager",
    f"registry.k8s.io/kube-scheduler:{gobuild.KUBERNETES_VERSION}": "kube-scheduler",
    f"registry.k8s.io/kube-proxy:{gobuild.KUBERNETES_VERSION}": "kube-proxy",
}
"""The images that `kubeadm config images list` names for this version, and the program that each runs."""
ETCD_IMAGE = "registry.k8s.io/etcd:3.6.5-0"
COREDNS_IMAGE = "registry.k8s.io/coredns/coredns:v1.12.1"


@dataclass(frozen=True)
class Binaries:
    """Folders of the programs that a node runs."""

    kubernetes: Path
    etcd: Path
    coredns: Path


@dataclass(frozen=True)
class NodeImage:
    """An image for kind's nodes. `built` ones carry their own pod network and need kind's switched off."""

    tag: str
    built: bool


def ensure() -> NodeImage:
    """Have a node image in the daemon: pulled, or built from packages."""
    if docker.pull(PULLED):
        return NodeImage(PULLED, built=False)
    say("           no image registry can be reached: building what is needed from packages")
    _build()
    return NodeImage(BUILT, built=True)


def base_image() -> str:
    """Have a minimal Debian image in the daemon and return its name."""
    if docker.pull(PULLED_BASE):
        return PULLED_BASE
    docker.keyed_image(BASE, ["debian base 2", DEBIAN_SUITE], _import_debian, keep=True)
    return BASE


def _import_debian(labels: dict[str, str]) -> None:
    if shutil.which("mmdebstrap") is None:
        docker.install_packages(["mmdebstrap"])
    with tempfile.TemporaryDirectory() as scratch:
        tar = Path(scratch) / "base.tar"
        run(
            [
                "mmdebstrap",
                "--variant=minbase",
                "--include=ca-certificates",
                "--dpkgopt=path-exclude=/usr/share/doc/*",
                "--dpkgopt=path-exclude=/usr/share/man/*",
                "--dpkgopt=path-exclude=/usr/share/locale/*",
                DEBIAN_SUITE,
                tar,
            ]
        )
        changes = [part for name, value in labels.items() for part in ("--change", f"LABEL {name}={value}")]
        run(["docker", "import", *changes, tar, BASE])


def _build() -> None:
    base = base_image()
    binaries = Binaries(*(gobuild.build(r) for r in (gobuild.KUBERNETES, gobuild.ETCD, gobuild.COREDNS)))
    restricted = docker.host_is_restricted()
    parts: list[str | bytes | Path] = [NODE, base, f"restricted={restricted}", "kind v0.30.0", Path(__file__)]
    parts += [folder.name for folder in (binaries.kubernetes, binaries.etcd, binaries.coredns)]
    docker.keyed_image(BUILT, parts, lambda labels: _make(labels, base, binaries, restricted=restricted), keep=True)


def _make(labels: dict[str, str], base: str, binaries: Binaries, *, restricted: bool) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        context = Path(scratch) / "node"
        _fill_context(context, binaries.kubernetes, restricted=restricted)
        unfinished = f"{BUILT}-without-images"
        docker.build(context, unfinished, arguments={"BASE": base})
        images = Path(scratch) / "images.tar"
        _control_plane_images(Path(scratch), binaries, unfinished, images)
        _commit_with_images(unfinished, images, labels)
        run(["docker", "rmi", unfinished], check=False)


def _fill_context(context: Path, kubernetes: Path, *, restricted: bool) -> None:
    files = gobuild.module_folder(gobuild.KIND, "sigs.k8s.io/kind") / "images" / "base" / "files"
    shutil.copytree(NODE, context)
    shutil.copytree(files, context / "kind")
    for unused in (
        "etc/containerd",
        "etc/systemd/system/containerd.service",
        "etc/systemd/system/containerd-fuse-overlayfs.service",
    ):
        path = context / "kind" / unused
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    (context / "bin").mkdir()
    for program in ("kubeadm", "kubelet", "kubectl"):
        shutil.copy2(kubernetes / program, context / "bin" / program)
    (context / "version").write_text(gobuild.KUBERNETES_VERSION)
    config = context / "containerd.toml"
    # On an unrestricted host this is what kind's own node image says.
    filled = config.read_text().replace("@PAUSE@", PAUSE).replace("@RESTRICTED@", str(restricted).lower())
    filled = filled.replace("@SYSTEMD_CGROUP@", str(not restricted).lower())
    config.write_text(
        filled.replace("@RUNTIME@", "/usr/local/sbin/runc-restricted" if restricted else "/usr/sbin/runc")
    )


def _control_plane_images(scratch: Path, binaries: Binaries, node: str, archive: Path) -> None:
    """Make one image a program, named as kubeadm expects, and save them all.

    kube-proxy stands on the node's image: it needs iptables.
    """
    programs = {name: binaries.kubernetes / program for name, program in CONTROL_PLANE.items()}
    programs |= {ETCD_IMAGE: binaries.etcd / "etcd", COREDNS_IMAGE: binaries.coredns / "coredns", PAUSE: _pause()}
    for name, program in programs.items():
        context = scratch / "image" / program.name
        context.mkdir(parents=True)
        shutil.copy2(program, context / program.name)
        place = f"/{program.name}" if program.name in {"coredns", "pause"} else f"/usr/local/bin/{program.name}"
        lines = [f"FROM {node if program.name == 'kube-proxy' else 'scratch'}", f"COPY {program.name} {place}"]
        lines += ['ENV PATH="/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"', f'ENTRYPOINT ["{place}"]']
        (context / "Dockerfile").write_text("\n".join(lines) + "\n")
        docker.build(context, name)
    run(["docker", "save", "--output", archive, *programs])
    run(["docker", "rmi", *programs], check=False)


def _pause() -> Path:
    def make(out: Path) -> None:
        if shutil.which("cc") is None:
            docker.install_packages(["gcc", "libc6-dev"])
        run(["cc", "-O2", "-static", "-s", "-o", out / "pause", NODE / "pause.c"])

    return artefact("pause", [NODE / "pause.c"], make) / "pause"


@contextlib.contextmanager
def _container(image: str, mount: Path) -> Iterator[str]:
    name = f"seldon-core-dev-{uuid.uuid4().hex[:8]}"
    run(
        [
            "docker",
            "run",
            "--detach",
            "--privileged",
            "--name",
            name,
            "--volume",
            f"{mount}:{mount}:ro",
            "--entrypoint",
            "sleep",
            image,
            "infinity",
        ]
    )
    try:
        yield name
    finally:
        run(["docker", "rm", "--force", "--volumes", name], check=False)


def _commit_with_images(node: str, images: Path, labels: dict[str, str]) -> None:
    """Import the control plane's images into the node's containerd and keep the result as the node image."""
    with _container(node, images.parent) as name:
        daemon = subprocess.Popen(
            ["docker", "exec", name, "containerd"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            ready = "timeout 60 bash -c 'until ctr version >/dev/null 2>&1; do sleep 0.1; done'"
            stop = (
                "pkill -x containerd; while pgrep -x containerd >/dev/null; do sleep 0.1; done; rm -rf /run/containerd"
            )
            for script in (ready, f"ctr -n k8s.io images import --no-unpack {images}", stop):
                run(["docker", "exec", name, "bash", "-c", script])
        finally:
            daemon.wait(timeout=60)
        changes = [part for label, value in labels.items() for part in ("--change", f"LABEL {label}={value}")]
        entrypoint = ["--change", 'ENTRYPOINT ["/usr/local/bin/entrypoint","/sbin/init"]', "--change", "CMD []"]
        run(["docker", "commit", *entrypoint, *changes, name, BUILT])
    output(["docker", "image", "inspect", "--format", "{{.Id}}", BUILT])
