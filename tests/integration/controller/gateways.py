"""What a gateway's controller would say of routes: each is accepted as soon as it is there. No request is routed."""

from __future__ import annotations

from typing import Any

from tests.integration.controller.watcher import Watcher


class Gateways(Watcher):
    """Accepts HTTPRoutes."""

    path = "/apis/gateway.networking.k8s.io/v1/httproutes"

    def status(self, obj: dict[str, Any]) -> dict[str, Any] | None:
        """An accepted route's."""
        if obj.get("status"):
            return None
        accepted = {"type": "Accepted", "status": "True", "observedGeneration": obj["metadata"]["generation"]}
        parents = [
            {"parentRef": parent, "controllerName": "example.org/gateway", "conditions": [accepted]}
            for parent in obj["spec"]["parentRefs"]
        ]
        return {"parents": parents}
