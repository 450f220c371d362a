"""A kind cluster: brought up, found again, taken down."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from . import docker, gobuild, nodeimage
from .paths import state_dir
from .progress import say, step
from .shell import output, run, succeeds

GATEWAY_NODE_PORT = 30080
NODE_READY_SECONDS = 180
REGISTRIES = '[plugins."io.containerd.grpc.v1.cri".registry]\n  config_path = "/etc/containerd/certs.d"\n'
"""The node's runtime looks there for how to reach a registry, before each pull."""
LOADED_RECORD = "/kind/loaded-images.json"
"""A file in the node, image name to content id: its runtime knows names, and a name may stand for older content."""


@dataclass(frozen=True)
class Tools:
    """Paths of the programs that work on a cluster."""

    kind: Path
    kubectl: Path
    helm: Path


@dataclass(frozen=True)
class Cluster:
    """A running cluster. Its kubeconfig is a file of its own: nobody's `~/.kube/config` is touched."""

    name: str
    kubeconfig: Path
    tools: Tools

    def kubectl(self, *words: str, stdin: str | None = None, timeout: float = 180) -> str:
        """Run kubectl against this cluster and return what it printed. Raises CommandFailedError."""
        command: list[str | Path] = [self.tools.kubectl, "--kubeconfig", self.kubeconfig, *words]
        return run(command, stdin=stdin, timeout=timeout).stdout.strip()

    def environment(self) -> dict[str, str]:
        """Environment in which kubectl, helm and tests find this cluster and these tools."""
        return {"KUBECONFIG": str(self.kubeconfig), "KUBECTL": str(self.tools.kubectl), "HELM": str(self.tools.helm)}


def tools() -> Tools:
    """Have kind, kubectl and helm in their pinned versions."""
    kind, helm = gobuild.build(gobuild.KIND) / "kind", gobuild.build(gobuild.HELM) / "helm"
    return Tools(kind, gobuild.build(gobuild.KUBECTL) / "kubectl", helm)


def kubeconfig_of(name: str) -> Path:
    """Return the path of a cluster's kubeconfig, whether it exists or not."""
    return state_dir() / f"kubeconfig-{name}"


def up(name: str, *, host_port: int | None = None) -> Cluster:
    """Have a Ready cluster of that name. `host_port` is mapped on 127.0.0.1 to the node port for a gateway."""
    docker.ensure()
    image = nodeimage.ensure()
    cluster = Cluster(name, kubeconfig_of(name), tools())
    if name in _names(cluster.tools.kind):
        if _healthy(cluster):
            say(f"           cluster {name}: running")
            return cluster
        _start_stopped_node(cluster)
        if _healthy(cluster):
            return cluster
        with step(f"removing cluster {name}, which does not answer any more"):
            _delete(cluster.tools.kind, name)
    with step(f"creating cluster {name} (Kubernetes {image.tag.split(':')[1].split('@')[0]})"):
        _create(cluster, image, host_port)
    return cluster


def _names(kind: Path) -> list[str]:
    return output([kind, "get", "clusters"]).split()


def _healthy(cluster: Cluster) -> bool:
    run(
        [cluster.tools.kind, "export", "kubeconfig", "--name", cluster.name, "--kubeconfig", cluster.kubeconfig],
        check=False,
    )
    command: list[str | Path] = [
        cluster.tools.kubectl,
        "--kubeconfig",
        cluster.kubeconfig,
        "wait",
        "--for=condition=Ready",
        "nodes",
        "--all",
        "--timeout=60s",
    ]
    return succeeds(command, timeout=90)


def _start_stopped_node(cluster: Cluster) -> None:
    """Start the node's container again: a restarted daemon or host leaves it stopped, with everything in it."""
    node = f"{cluster.name}-control-plane"
    if output(["docker", "inspect", "--format", "{{.State.Running}}", node]) == "false":
        with step(f"starting the stopped node of cluster {cluster.name}"):
            run(["docker", "start", node])


def _create(cluster: Cluster, image: nodeimage.NodeImage, host_port: int | None) -> None:
    node: dict[str, object] = {"role": "control-plane", "image": image.tag}
    if host_port:
        node["extraPortMappings"] = [
            {"containerPort": GATEWAY_NODE_PORT, "hostPort": host_port, "listenAddress": "127.0.0.1"}
        ]
    config: dict[str, object] = {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "name": cluster.name,
        "nodes": [node],
    }
    networking: dict[str, object] = {"apiServerAddress": "127.0.0.1"}
    if image.built:
        networking["disableDefaultCNI"] = True
    config["networking"] = networking
    kubelet: dict[str, object] = {"kind": "KubeletConfiguration", "failSwapOn": False, "serializeImagePulls": False}
    if docker.host_is_restricted():
        # Without CAP_SYS_RESOURCE no OOM score can be lowered, and cgroups are made by the kubelet, not by systemd.
        kubelet |= {"oomScoreAdj": 0, "cgroupDriver": "cgroupfs", "cgroupRoot": "/kubelet"}
    config["kubeadmConfigPatches"] = [json.dumps(kubelet)]
    if image.built:
        # Nodes that kind releases read these folders already, and name their runtime's settings otherwise.
        config["containerdConfigPatches"] = [REGISTRIES]
    cluster.kubeconfig.parent.mkdir(parents=True, exist_ok=True)
    wait = f"{NODE_READY_SECONDS}s"
    command: list[str | Path] = [
        cluster.tools.kind,
        "create",
        "cluster",
        "--config",
        "-",
        "--wait",
        wait,
        "--kubeconfig",
        cluster.kubeconfig,
    ]
    try:
        run(command, stdin=json.dumps(config), timeout=2 * NODE_READY_SECONDS)
    except BaseException:
        # kind keeps a cluster whose first start was cut off half-way and then refuses to create it.
        _delete(cluster.tools.kind, cluster.name)
        raise


def gateway_port(name: str) -> int | None:
    """Return the port of 127.0.0.1 that leads to a cluster's gateway, None without such a cluster or port."""
    asked = run(["docker", "port", f"{name}-control-plane", f"{GATEWAY_NODE_PORT}/tcp"], check=False)
    return int(asked.stdout.split()[0].rsplit(":", 1)[1]) if asked.returncode == 0 and asked.stdout else None


def _delete(kind: Path, name: str) -> None:
    run([kind, "delete", "cluster", "--name", name, "--kubeconfig", kubeconfig_of(name)])


def names() -> list[str]:
    """Return the names of the kind clusters in the Docker daemon."""
    listed = output(["docker", "ps", "--all", "--format", '{{.Label "io.x-k8s.kind.cluster"}}'])
    return sorted({name for name in listed.splitlines() if name})


def down(name: str) -> None:
    """Remove the cluster, its kubeconfig and, after the last one, kind's network."""
    if docker.answers():
        kind = gobuild.build(gobuild.KIND) / "kind"
        if name in _names(kind):
            with step(f"deleting cluster {name}"):
                _delete(kind, name)
        if not _names(kind) and succeeds(["docker", "network", "inspect", "kind"]):
            run(["docker", "network", "rm", "kind"], check=False)
    kubeconfig_of(name).unlink(missing_ok=True)
    kubeconfig_of(name).with_name(f"kubeconfig-{name}.lock").unlink(missing_ok=True)


def load(cluster: Cluster, images: list[str]) -> list[str]:
    """Copy images from the Docker daemon into the node: those that it does not hold yet, in that content.

    Returns the names of those that were copied.
    """
    node = f"{cluster.name}-control-plane"
    read = run(["docker", "exec", node, "cat", LOADED_RECORD], check=False)
    loaded: dict[str, str] = json.loads(read.stdout) if read.returncode == 0 else {}
    wanted = {image: docker.image_id(image) for image in images}
    missing = [image for image, content in wanted.items() if loaded.get(image) != content]
    if not missing:
        say(f"           {len(images)} images: in the node")
        return []
    with step(f"loading {len(missing)} images into the node"):
        # kind leaves its archive of half a gigabyte behind when it is interrupted; here `down` finds it.
        scratch = state_dir() / "tmp" / cluster.name
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        load_images: list[str | Path] = [cluster.tools.kind, "load", "docker-image", "--name", cluster.name, *missing]
        run(load_images, env={"TMPDIR": str(scratch)})
    record = json.dumps(loaded | wanted)
    run(["docker", "exec", "--interactive", node, "tee", LOADED_RECORD], stdin=record)
    return missing
