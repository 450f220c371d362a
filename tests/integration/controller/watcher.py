"""A thread that plays somebody of a real cluster: it watches a kind, and writes the status of what is new."""

from __future__ import annotations

import contextlib
import json
import threading
from abc import ABC, abstractmethod
from typing import Any, Self

import httpx2

from tests.integration.controlplane import ADMIN, ControlPlane, RefusedError


class Watcher(ABC):
    """Watches the objects at `path` in all namespaces. A context manager.

    Args:
        plane: The control plane.
    """

    path: str

    def __init__(self, plane: ControlPlane) -> None:
        self._plane = plane
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name=type(self).__name__, daemon=True)

    @abstractmethod
    def status(self, obj: dict[str, Any]) -> dict[str, Any] | None:
        """The status that a new object gets, None where it has one."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()

    def _run(self) -> None:
        while not self._end.wait(0.05):
            # The API server may be away, and an object may be gone before it gets its status.
            with contextlib.suppress(httpx2.HTTPError):
                self._watch()

    def _watch(self) -> None:
        headers = {"Authorization": f"Bearer {self._plane.token(ADMIN)}"}
        query = {"watch": "true", "timeoutSeconds": "600"}
        with self._plane.http.stream("GET", self.path, params=query, headers=headers, timeout=None) as answer:
            # A definition that was just made is not served yet.
            if answer.status_code != httpx2.codes.OK:
                return
            for line in answer.iter_lines():
                if self._end.is_set():
                    return
                event = json.loads(line)
                status = self.status(event["object"]) if event["type"] == "ADDED" else None
                if status is not None:
                    self._write(event["object"]["metadata"], status)

    def _write(self, metadata: dict[str, Any], status: dict[str, Any]) -> None:
        api, plural = self.path.rsplit("/", 1)
        path = f"{api}/namespaces/{metadata['namespace']}/{plural}/{metadata['name']}/status"
        try:
            self._plane.request("PATCH", path, {"status": status}, content_type="application/merge-patch+json")
        except RefusedError as refused:
            if refused.status not in {404, 409}:
                raise
