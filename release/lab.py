"""The cluster that the pipeline's stages share: found by the environment, and emptied or filled for each question.

Whoever asks a cluster here does it as the end-to-end tests do, with their means (`tests/e2e/harness`): one way to wait,
to predict, and to count lost requests.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from devtools import cluster as clusters
from devtools import docker
from devtools.quickstart import RELEASE_CLUSTER
from tests.e2e.harness import gateways, namespaces
from tests.e2e.harness import timeouts as deadlines
from tests.e2e.harness.cluster import SELDON_API, Cluster
from tests.e2e.harness.gateways import Gateway
from tests.e2e.harness.timeouts import Timeouts
from tests.e2e.harness.tools import Completed, Tool, find
from tests.e2e.harness.waiting import Object, wait_for
from tests.e2e.harness.workspace import Workspace

from .stage import StageBrokenError

NODE = f"{RELEASE_CLUSTER}-control-plane"
CRD = "seldondeployments.machinelearning.seldon.io"
CRD_API = ("apiextensions.k8s.io/v1", "CustomResourceDefinition")
MODELS = "release-models"
"""The namespace of the SeldonDeployments that live through upgrade, rollback, uninstallation and reinstallation."""
HOW_TO = "`python3 -m devtools run --need release-cluster -- COMMAND` provides it"


@dataclass(frozen=True)
class Lab:
    """The pipeline's own cluster. It is emptied on purpose, so it is no other: `enter` sees to that."""

    cluster: Cluster
    kubectl: Tool
    helm: Tool
    gateway: Gateway
    timeouts: Timeouts
    loads: list[str] = field(default_factory=list)
    """What was said of each load that ran."""

    @classmethod
    def enter(cls, scratch: Path, environment: Mapping[str, str] | None = None) -> Lab:
        """The cluster that the environment leads to; `scratch` is a folder for what discovery found.

        Raises StageBrokenError where it leads to none, or to one that is not the pipeline's own.
        """
        told = os.environ if environment is None else environment
        path = Path(told.get("KUBECONFIG", ""))
        if not path.is_file():
            raise StageBrokenError(f"KUBECONFIG names no file, so there is no cluster to validate on; {HOW_TO}.")
        try:
            kubectl, helm = Tool(find("kubectl", told), path), Tool(find("helm", told), path)
            gateway, timeouts = gateways.chosen(told), deadlines.load(told)
        except (FileNotFoundError, ValueError) as error:
            raise StageBrokenError(f"{error} {HOW_TO[0].upper()}{HOW_TO[1:]}.") from error
        context = kubectl.run(("config", "current-context"), seconds=timeouts.kubectl).stdout.strip()
        if context != f"kind-{RELEASE_CLUSTER}":
            raise StageBrokenError(
                f"the current context of {path} is {context or 'none'}, and these stages empty their cluster: they run "
                f"on kind-{RELEASE_CLUSTER} alone; {HOW_TO}."
            )
        scratch.mkdir(parents=True, exist_ok=True)
        cluster = Cluster(path, cache=scratch / "discovery.json", seconds=timeouts.api)
        return cls(cluster, kubectl, helm, gateway, timeouts)

    def workspace(self, namespace: str = MODELS) -> Workspace:
        """Have a namespace that enforces Pod Security `restricted`, and the means to act in it."""
        found = self.cluster.get("v1", "Namespace", namespace)
        if found is not None and found["metadata"].get("deletionTimestamp"):
            self.wait_gone("v1", "Namespace", namespace)
            found = None
        if found is None:
            namespaces.create(self.cluster, namespace, "release", "restricted", self.timeouts)
        return Workspace(namespace, self.cluster, self.gateway, self.kubectl, self.timeouts, self.loads)

    def drop_namespace(self, namespace: str) -> None:
        """Delete a namespace and wait until it is gone."""
        if self.cluster.get("v1", "Namespace", namespace) is not None:
            namespaces.delete(self.cluster, namespace)
            self.wait_gone("v1", "Namespace", namespace)

    def wait_gone(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> None:
        """Wait until an object is no more."""

        def gone() -> None:
            assert self.cluster.get(api_version, kind, name, namespace) is None, f"{kind} {name} is still there"

        wait_for(gone, what=f"the end of {kind} {name}", seconds=self.timeouts.deletion)

    def seldon_deployments(self) -> list[Object]:
        """Every SeldonDeployment; none where nobody has defined what one is."""
        if self.cluster.get(*CRD_API, CRD) is None:
            return []
        return self.cluster.objects(SELDON_API, "SeldonDeployment")

    def apply(self, *documents: str) -> Completed:
        """`kubectl apply` of documents as text, whatever comes of it."""
        return self.kubectl.run(("apply", "-f", "-"), seconds=self.timeouts.kubectl, text="\n---\n".join(documents))

    def load(self, names: Sequence[str]) -> None:
        """Copy images from Docker into the node, those that Docker has: what it lacks is a question's to find out."""
        there = [name for name in dict.fromkeys(names) if docker.has_image(name)]
        clusters.load(clusters.Cluster(RELEASE_CLUSTER, self.cluster.kubeconfig, clusters.tools()), there)

    def images_in_node(self) -> tuple[str, ...]:
        """The names of the images that the node holds."""
        return tuple(self.in_node("ctr", "-n", "k8s.io", "images", "list", "-q").checked().stdout.split())

    def in_node(self, *words: str, text: str | None = None, seconds: float = 120.0) -> Completed:
        """Run a program in the cluster's node."""
        command = ("docker", "exec", *(("--interactive",) if text is not None else ()), NODE, *words)
        ended = subprocess.run(command, input=text, capture_output=True, text=True, timeout=seconds, check=False)
        return Completed(command, ended.returncode, ended.stdout, ended.stderr)
