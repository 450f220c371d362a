"""A port of this machine that leads to a Service in the cluster."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .cluster import Cluster
from .paths import state_dir
from .shell import CommandFailedError

START_SECONDS = 30
LAST_PORT = 65535


@dataclass(frozen=True)
class Target:
    """What a local port leads to: for example `svc/minio`, port 9000, in its namespace."""

    namespace: str
    name: str
    port: int


class PortTakenError(Exception):
    """Something else listens on the port."""


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    """Tell whether something accepts connections on 127.0.0.1:`port`."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def start(cluster: Cluster, target: Target, port: int, *, log: Path) -> subprocess.Popen[bytes]:
    """Start `kubectl port-forward` and return it once the port accepts connections.

    Raises CommandFailedError where it ends or does not listen within START_SECONDS.
    """
    command = [
        str(cluster.tools.kubectl),
        "--kubeconfig",
        str(cluster.kubeconfig),
        "port-forward",
        "--namespace",
        target.namespace,
        target.name,
        f"{port}:{target.port}",
    ]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)
    deadline = time.monotonic() + START_SECONDS
    while not listens(port):
        if process.poll() is not None or time.monotonic() > deadline:
            os.killpg(process.pid, signal.SIGKILL)
            raise CommandFailedError(command, "did not open the port", log.read_text(errors="replace"))
        time.sleep(0.05)
    return process


@contextlib.contextmanager
def temporary(cluster: Cluster, target: Target) -> Iterator[int]:
    """Forward a free port for as long as the block runs; yields the port."""
    port = free_port()
    process = start(cluster, target, port, log=state_dir() / "forward.log")
    try:
        yield port
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=10)


def check_port(port: int) -> None:
    """Raise PortTakenError where a port is none, or where something listens on it already."""
    if not 1 <= port <= LAST_PORT:
        raise PortTakenError(f"{port} is no port: choose one from 1 to {LAST_PORT} with --port.")
    if listens(port):
        raise PortTakenError(f"something already listens on 127.0.0.1:{port}: stop it, or choose another with --port.")
