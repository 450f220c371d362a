"""One run of the suite: what its tests share, made when first asked for and taken down at the end.

Where several workers run the suite, each has a Session of its own; cluster, release and room are one for all of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from . import namespaces
from .cluster import Cluster
from .gateways import Gateway
from .release import NAMESPACE, Profile, Release
from .room import Room
from .timeouts import Timeouts
from .tools import Tool, find
from .turns import Turns
from .workspace import Workspace


@dataclass
class Session:
    """A run: its deadlines, whether it keeps what it makes, and the cluster, gateway and release that it works on.

    `scratch` is this worker's, `turns` and `run` (any text that no other run has) are the same for all workers.
    `loads` tells of every load that ran, for the end of the run's report.
    """

    timeouts: Timeouts
    gateway: Gateway
    keep: bool
    scratch: Path
    turns: Turns
    run: str
    loads: list[str] = field(default_factory=list)
    _clusters: dict[Path, Cluster] = field(default_factory=dict)
    _releases: dict[Path, Release] = field(default_factory=dict)

    def cluster(self, kubeconfig: Path) -> Cluster:
        """The cluster of a kubeconfig; on first sight, what earlier runs left there is deleted (but with `keep`)."""
        if kubeconfig not in self._clusters:
            cache = self.scratch / f"discovery-{len(self._clusters)}.json"
            cluster = Cluster(kubeconfig, cache=cache, seconds=self.timeouts.api)
            if not self.keep:
                namespaces.sweep(cluster, self.run)
            self._clusters[kubeconfig] = cluster
        return self._clusters[kubeconfig]

    @contextmanager
    def release(self, cluster: Cluster, chart: Path, profile: Profile, *, alone: bool) -> Iterator[Release]:
        """The release in the cluster, with the profile's values: beside other workers' tests, or alone."""
        release = self._releases.get(cluster.kubeconfig)
        if release is None:
            helm, kubectl = self.tool("helm", cluster), self.tool("kubectl", cluster)
            release = Release(
                helm, kubectl, cluster, chart, self.timeouts, always=self.gateway.values, turns=self.turns
            )
            self._releases[cluster.kubeconfig] = release
        if alone:
            with self.turns.alone():
                release.ensure(profile)
                yield release
        else:
            with self.turns.shared(lambda: release.has(profile), lambda: release.ensure(profile)):
                yield release

    def open(self, cluster: Cluster, node: str, *, enforce: str, cpus: float) -> Workspace:
        """A new namespace for a test, beside none that an earlier run kept of the same test, when there is room."""
        namespaces.sweep(cluster, self.run, node=node)
        name = namespaces.name_of(node, self.run)

        def begin() -> None:
            namespaces.create(cluster, name, node, enforce, self.timeouts, run=self.run)

        self._room.take(cluster, name, cpus, self.timeouts, begin)
        return Workspace(name, cluster, self.gateway, self.tool("kubectl", cluster), self.timeouts, self.loads)

    def close(self, workspace: Workspace) -> None:
        """Delete a test's namespace, unless it is to be kept."""
        if not self.keep:
            namespaces.delete(workspace.cluster, workspace.namespace)
        self._room.give_back(workspace.namespace)

    def end(self) -> None:
        """Take the releases down, or leave them with default values where things are to be kept: the last worker does.

        What another worker installed is known by what it wrote down.
        """
        with self.turns.leaving() as last:
            for release in self._releases.values() if last else ():
                release.end(keep=self.keep)

    @cached_property
    def _room(self) -> Room:
        return Room(self.turns)

    def tool(self, name: str, cluster: Cluster) -> Tool:
        """The program (kubectl, helm) on a cluster."""
        return Tool(find(name, os.environ), cluster.kubeconfig)


def evidence_namespaces(workspace: Workspace | None) -> tuple[str, ...]:
    """The namespaces that tell why a test failed: its own, where it came so far, and the controller's."""
    return (workspace.namespace, NAMESPACE) if workspace is not None else (NAMESPACE,)
