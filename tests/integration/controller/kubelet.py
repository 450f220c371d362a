"""What nodes would do, as far as a controller sees it: each pod is ready as soon as it is there.

The Deployments, ReplicaSets and pods are made by the real kube-controller-manager.
"""

from __future__ import annotations

import contextlib
import json
import threading
from typing import Any, Self

import httpx2

from tests.integration.controlplane import ADMIN, ControlPlane, RefusedError

PODS = "/api/v1/pods"


class Kubelet:
    """A thread that watches pods. A context manager.

    Args:
        plane: The control plane.
    """

    def __init__(self, plane: ControlPlane) -> None:
        self._plane = plane
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kubelet", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()

    def _run(self) -> None:
        while not self._end.wait(0.05):
            # The API server may be away, and a pod may be gone before it is marked.
            with contextlib.suppress(httpx2.HTTPError):
                self._watch()

    def _watch(self) -> None:
        headers = {"Authorization": f"Bearer {self._plane.token(ADMIN)}"}
        query = {"watch": "true", "timeoutSeconds": "600"}
        with self._plane.http.stream("GET", PODS, params=query, headers=headers, timeout=None) as answer:
            for line in answer.iter_lines():
                if self._end.is_set():
                    return
                event = json.loads(line)
                if event["type"] == "ADDED" and not event["object"].get("status", {}).get("conditions"):
                    self._mark(event["object"])

    def _mark(self, pod: dict[str, Any]) -> None:
        metadata = pod["metadata"]
        conditions = [{"type": kind, "status": "True"} for kind in ("PodScheduled", "Ready")]
        status = {"phase": "Running", "conditions": conditions}
        path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}/status"
        try:
            self._plane.request("PATCH", path, {"status": status}, content_type="application/merge-patch+json")
        except RefusedError as refused:
            if refused.status not in {404, 409}:
                raise
