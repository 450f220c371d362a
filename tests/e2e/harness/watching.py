"""When did objects appear? A watch that is open before the act tells it to the millisecond; timestamps tell seconds."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Any, Self

import urllib3
from kubernetes import watch

from .cluster import Cluster


class Arrivals:
    """Notes the moment at which each object of a kind is added to a namespace, while its `with` block runs.

    Entering returns once the API server has begun to answer the watch.
    """

    def __init__(self, cluster: Cluster, api_version: str, kind: str, namespace: str, *, seconds: float) -> None:
        self._cluster = cluster
        self._kind = (api_version, kind)
        self._namespace = namespace
        self._seconds = seconds
        self._moments: dict[str, float] = {}
        self._end = ""
        self._changed = threading.Condition()
        self._opened = threading.Event()
        # The package gives its watch no types.
        self._watcher: Any = watch.Watch()  # type: ignore[no-untyped-call]
        self._thread = threading.Thread(target=self._follow, name=f"watch-{kind}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._opened.wait(self._seconds):
            raise AssertionError(f"the watch of {self._kind[1]} did not open within {self._seconds:g} s")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._watcher.stop()
        self._thread.join(self._seconds)

    def moment(self, name: str, *, seconds: float) -> float:
        """The moment, on `time.monotonic`'s clock, at which an object appeared; waits up to `seconds` for it."""
        with self._changed:
            if not self._changed.wait_for(lambda: name in self._moments, timeout=seconds):
                seen = ", ".join(sorted(self._moments)) or "none"
                raise AssertionError(
                    f"{self._kind[1]} {name} did not appear within {seconds:g} s; seen: {seen}{self._end}"
                )
            return self._moments[name]

    def _follow(self) -> None:
        try:
            for event in self._cluster.stream(self._kind, self._namespace, self._watcher, self._opened.set):
                if event["type"] != "ADDED":
                    continue
                with self._changed:
                    self._moments.setdefault(event["object"]["metadata"]["name"], time.monotonic())
                    self._changed.notify_all()
        except urllib3.exceptions.HTTPError as error:
            # This is also how a watch ends that the block's end has closed.
            self._end = f"; the watch ended: {error}"
