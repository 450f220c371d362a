"""The real controller as a process: started, watched, ended and killed."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx2
import yaml

from tests.integration.controller.nursery import Nursery
from tests.integration.controlplane import die_with_parent, free_ports, until

READY_SECONDS = 60.0
END_SECONDS = 40.0


class Controller:
    """One controller's process at a time, with what the chart would give it.

    Args:
        folder: For its values, its kubeconfig and its log.
        kubeconfig: How it reaches the API server.
        namespace: Where it is at home: its Lease, its certificate, its ConfigMap.
        values: The chart's values that differ from the defaults.
        watched: The one namespace that it serves; empty for all.
        identity: Its pod's name. The same one again is a container that was started again.
        nursery: Start it by fork; by `python -m` where None.
        environment: More variables.
        enter: Called in the new process before anything else, to limit it. Not together with a nursery.
    """

    def __init__(
        self,
        folder: Path,
        *,
        kubeconfig: Path,
        namespace: str,
        values: Mapping[str, object],
        watched: str = "",
        identity: str = "controller-0",
        nursery: Nursery | None = None,
        environment: Mapping[str, str] | None = None,
        enter: Callable[[], None] = lambda: None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "values.yaml").write_text(yaml.safe_dump(dict(values)))
        self.log = folder / "controller.log"
        webhook_port, self.port = free_ports(2)
        self._environment = {
            "KUBECONFIG": str(kubeconfig),
            "POD_NAME": identity,
            "POD_NAMESPACE": namespace,
            "WATCH_NAMESPACE": watched,
            "SELDON_VALUES_FILE": str(folder / "values.yaml"),
            "WEBHOOK_PORT": str(webhook_port),
            "METRICS_PORT": str(self.port),
            "NO_PROXY": "127.0.0.1",
            **(environment or {}),
        }
        self._nursery = nursery
        self._enter = enter
        self._process: subprocess.Popen[bytes] | None = None
        self.pid = 0
        self._descriptor = -1

    def start(self, *, ready: bool = True) -> None:
        """Start it, and wait for its readiness probe where asked to."""
        if self._nursery:
            self.pid = self._nursery.start(self._environment, self.log)
        else:
            with self.log.open("ab") as log:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "seldon_core.operator.main"],
                    env={**os.environ, **self._environment},
                    stdout=log,
                    stderr=log,
                    preexec_fn=self._before,  # noqa: PLW1509 - a few system calls
                )
            self.pid = self._process.pid
        self._descriptor = os.pidfd_open(self.pid)
        if ready:
            self.wait_ready()

    def _before(self) -> None:
        die_with_parent()
        self._enter()

    def wait_ready(self) -> None:
        """Wait for /readyz."""
        until(self.is_ready, READY_SECONDS, lambda: f"the controller is not ready: {self.tail()}")

    def is_ready(self) -> bool:
        """Whether /readyz says so."""
        assert self.runs, f"the controller has ended: {self.tail()}"
        return self._ask("/readyz") is not None

    @property
    def runs(self) -> bool:
        return self._descriptor >= 0 and not select.select([self._descriptor], [], [], 0)[0]

    def kill(self) -> None:
        """SIGKILL. It may be called from any thread; `buried` then waits for the end."""
        if self.runs:
            signal.pidfd_send_signal(self._descriptor, signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM, and wait until it has ended in order."""
        if self.runs:
            signal.pidfd_send_signal(self._descriptor, signal.SIGTERM)
        self.buried()

    def buried(self) -> None:
        """Wait until the process is gone."""
        if self._descriptor < 0:
            return
        ended = select.select([self._descriptor], [], [], END_SECONDS)[0]
        assert ended, f"the controller does not end: {self.tail()}"
        os.close(self._descriptor)
        self._descriptor = -1
        if self._process:
            self._process.wait()

    def close(self) -> None:
        """For the end of a test."""
        self.kill()
        self.buried()

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples that have these labels; 0 where there is none."""
        total = 0.0
        for line in (self._ask("/metrics") or "").splitlines():
            sample, _, value = line.rpartition(" ")
            if sample.partition("{")[0] == name and all(f'{key}="{labels[key]}"' in sample for key in labels):
                total += float(value)
        return total

    def tail(self, lines: int = 15) -> str:
        """The end of its log."""
        if not self.log.exists():
            return "(no log)"
        return "\n" + "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def _ask(self, path: str) -> str | None:
        try:
            answer = httpx2.get(f"http://127.0.0.1:{self.port}{path}", timeout=5, trust_env=False)
        except httpx2.HTTPError:
            return None
        return answer.text if answer.status_code == 200 else None
