"""A namespace for each test, so that tests share nothing; its end does not make the next test wait.

The name is new in every run: a namespace that is still going, or that `--keep` left, is in nobody's way.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from .waiting import wait_for

if TYPE_CHECKING:
    from .cluster import Cluster
    from .timeouts import Timeouts

MAX_LENGTH = 63
OURS = "app.kubernetes.io/part-of"
SUITE = "seldon-core-e2e"
TEST_LABEL = "seldon-core-e2e/test"
RUN_LABEL = "seldon-core-e2e/run"
ENFORCE = "pod-security.kubernetes.io/enforce"
# A pod of a namespace that goes has nobody to serve: it need not drain.
GRACE_SECONDS = 1


def digest(text: str) -> str:
    """Eight hexadecimal digits that stand for a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def name_of(node: str, run: str) -> str:
    """`e2e-<test>-<digest of test and run>`: a DNS label of at most 63 characters.

    `node` is pytest's node id, `run` any text that no other run has.
    """
    test = re.sub(r"[^a-z0-9]+", "-", node.rpartition("::")[2].lower()).strip("-").removeprefix("test-")
    tail = f"-{digest(f'{node} {run}')}"
    return f"e2e-{test}"[: MAX_LENGTH - len(tail)].rstrip("-") + tail


def manifest(name: str, node: str, enforce: str, run: str = "") -> dict[str, Any]:
    """The namespace with the Pod Security level that it enforces, and labels by which it is found again."""
    labels = {OURS: SUITE, TEST_LABEL: digest(node), ENFORCE: enforce, f"{ENFORCE}-version": "latest"}
    labels |= {RUN_LABEL: digest(run)} if run else {}
    annotations = {"seldon-core-e2e/node": node}
    metadata = {"name": name, "labels": labels, "annotations": annotations}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def create(cluster: Cluster, name: str, node: str, enforce: str, timeouts: Timeouts, *, run: str = "") -> None:
    """Create the namespace and wait for its default service account, which every pod needs."""
    cluster.create(manifest(name, node, enforce, run))

    def has_account() -> None:
        assert cluster.get("v1", "ServiceAccount", "default", name), "no default service account yet"

    wait_for(has_account, what=f"namespace {name}", seconds=timeouts.namespace)


def delete(cluster: Cluster, name: str) -> None:
    """Delete a namespace without waiting.

    A namespace that terminates takes no new pods, so ending the pods at once gives their CPU back for good.
    """
    cluster.delete("v1", "Namespace", name)
    cluster.end_pods(name, grace_seconds=GRACE_SECONDS)


def sweep(cluster: Cluster, run: str, *, node: str | None = None) -> None:
    """Delete what other runs than this one left: all of the suite's namespaces, or those of one test."""
    labels = f"{OURS}={SUITE},{RUN_LABEL}!={digest(run)}"
    labels += f",{TEST_LABEL}={digest(node)}" if node is not None else ""
    for namespace in living(cluster.objects("v1", "Namespace", labels=labels)):
        delete(cluster, namespace)


def living(namespaces: Iterable[dict[str, Any]]) -> Iterator[str]:
    """The names of namespaces that are not on their way out."""
    return (entry["metadata"]["name"] for entry in namespaces if not entry["metadata"].get("deletionTimestamp"))
