"""One run of the suite: what its tests share, made when first asked for and taken down at the end."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from . import namespaces
from .cluster import Cluster
from .gateways import Gateway
from .release import NAMESPACE, Profile, Release
from .timeouts import Timeouts
from .tools import Tool, find
from .workspace import Workspace


@dataclass
class Session:
    """A run: its deadlines, whether it keeps what it makes, and the cluster, gateway and release that it works on.

    `loads` tells of every load that ran, for the end of the run's report.
    """

    timeouts: Timeouts
    gateway: Gateway
    keep: bool
    scratch: Path
    run: str = field(default_factory=lambda: secrets.token_hex(8))
    loads: list[str] = field(default_factory=list)
    _clusters: dict[Path, Cluster] = field(default_factory=dict)
    _releases: dict[Path, Release] = field(default_factory=dict)

    def cluster(self, kubeconfig: Path) -> Cluster:
        """The cluster of a kubeconfig; on first sight, what earlier runs left there is deleted (but with `keep`)."""
        if kubeconfig not in self._clusters:
            cache = self.scratch / f"discovery-{len(self._clusters)}.json"
            cluster = Cluster(kubeconfig, cache=cache, seconds=self.timeouts.api)
            if not self.keep:
                namespaces.sweep(cluster)
            self._clusters[kubeconfig] = cluster
        return self._clusters[kubeconfig]

    def ensure_release(self, cluster: Cluster, chart: Path, profile: Profile) -> Release:
        """The release in the cluster, with the profile's values."""
        if cluster.kubeconfig not in self._releases:
            helm, kubectl = self.tool("helm", cluster), self.tool("kubectl", cluster)
            self._releases[cluster.kubeconfig] = Release(
                helm, kubectl, cluster, chart, self.timeouts, always=self.gateway.values
            )
        release = self._releases[cluster.kubeconfig]
        release.ensure(profile)
        return release

    def open(self, cluster: Cluster, node: str, *, enforce: str) -> Workspace:
        """A new namespace for a test, beside none that an earlier run kept of the same test."""
        namespaces.sweep(cluster, node=node)
        name = namespaces.name_of(node, self.run)
        namespaces.create(cluster, name, node, enforce, self.timeouts)
        return Workspace(name, cluster, self.gateway, self.tool("kubectl", cluster), self.timeouts, self.loads)

    def close(self, workspace: Workspace) -> None:
        """Delete a test's namespace, unless it is to be kept."""
        if not self.keep:
            namespaces.delete(workspace.cluster, workspace.namespace)

    def end(self) -> None:
        """Take the releases down, or leave them with default values where things are to be kept."""
        for release in self._releases.values():
            release.end(keep=self.keep)

    def tool(self, name: str, cluster: Cluster) -> Tool:
        """The program (kubectl, helm) on a cluster."""
        return Tool(find(name, os.environ), cluster.kubeconfig)


def evidence_namespaces(workspace: Workspace | None) -> tuple[str, ...]:
    """The namespaces that tell why a test failed: its own, where it came so far, and the controller's."""
    return (workspace.namespace, NAMESPACE) if workspace is not None else (NAMESPACE,)
