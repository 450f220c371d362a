"""What a gateway's controller would say of routes: each is accepted as soon as it is there. No request is routed."""

from __future__ import annotations

import contextlib
import json
import threading
from typing import Any, Self

import httpx2

from tests.integration.controlplane import ADMIN, ControlPlane, RefusedError

ROUTES = "/apis/gateway.networking.k8s.io/v1/httproutes"


class Gateways:
    """A thread that watches HTTPRoutes. A context manager.

    Args:
        plane: The control plane.
    """

    def __init__(self, plane: ControlPlane) -> None:
        self._plane = plane
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gateways", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()

    def _run(self) -> None:
        while not self._end.wait(0.05):
            # The API server may be away, and a route may be gone before it is accepted.
            with contextlib.suppress(httpx2.HTTPError):
                self._watch()

    def _watch(self) -> None:
        headers = {"Authorization": f"Bearer {self._plane.token(ADMIN)}"}
        query = {"watch": "true", "timeoutSeconds": "600"}
        with self._plane.http.stream("GET", ROUTES, params=query, headers=headers, timeout=None) as answer:
            # A definition that was just made is not served yet.
            if answer.status_code != httpx2.codes.OK:
                return
            for line in answer.iter_lines():
                if self._end.is_set():
                    return
                event = json.loads(line)
                if event["type"] == "ADDED" and not event["object"].get("status"):
                    self._accept(event["object"])

    def _accept(self, route: dict[str, Any]) -> None:
        metadata = route["metadata"]
        accepted = {"type": "Accepted", "status": "True", "observedGeneration": metadata["generation"]}
        parents = [
            {"parentRef": parent, "controllerName": "example.org/gateway", "conditions": [accepted]}
            for parent in route["spec"]["parentRefs"]
        ]
        path = f"/apis/gateway.networking.k8s.io/v1/namespaces/{metadata['namespace']}/httproutes/{metadata['name']}"
        body = {"status": {"parents": parents}}
        try:
            self._plane.request("PATCH", f"{path}/status", body, content_type="application/merge-patch+json")
        except RefusedError as refused:
            if refused.status not in {404, 409}:
                raise
