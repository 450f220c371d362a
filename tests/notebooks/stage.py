"""What of the cluster a notebook must leave as it found it."""

from __future__ import annotations

import json

from devtools import quickstart
from devtools.cluster import Cluster


def state(cluster: Cluster) -> object:
    """Namespaces, the quickstart's model with its pods, whether it is held, and the initializer in force."""

    def names(*words: str) -> list[str]:
        return cluster.kubectl("get", *words, "--output", "name").split()

    config = cluster.kubectl(
        "get", "configmap", "seldon-config", "--namespace", quickstart.SYSTEM_NAMESPACE, "--output", "json"
    )
    annotations = "jsonpath={.items[*].metadata.annotations.seldon\\.io/rollout}"
    return {
        "namespaces": [name for name in names("namespaces") if not name.startswith("namespace/e2e-")],
        "models": names("sdep", "--namespace", quickstart.NAMESPACE),
        "pods": names("pods", "--namespace", quickstart.NAMESPACE),
        "held": cluster.kubectl("get", "sdep", "--namespace", quickstart.NAMESPACE, "--output", annotations),
        "initializer": json.loads(json.loads(config)["data"]["storageInitializer"]),
    }
