"""What nodes would do, as far as a controller sees it: each pod is ready as soon as it is there.

The Deployments, ReplicaSets and pods are made by the real kube-controller-manager.
"""

from __future__ import annotations

from typing import Any

from tests.integration.controller.watcher import Watcher


class Kubelet(Watcher):
    """Marks pods ready."""

    path = "/api/v1/pods"

    def status(self, obj: dict[str, Any]) -> dict[str, Any] | None:
        """A running pod's."""
        if obj.get("status", {}).get("conditions"):
            return None
        conditions = [{"type": kind, "status": "True"} for kind in ("PodScheduled", "Ready")]
        return {"phase": "Running", "conditions": conditions}
