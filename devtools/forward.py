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
    # A forward ends with the pod that it leads to: begin anew, to the pod that the Service has then.
    again = ["sh", "-c", 'while :; do "$@"; sleep 0.2; done', "port-forward"]
    command = [
        *again,
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


def check_port(port: int, name: str) -> None:
    """Raise PortTakenError where a port is none, or is taken by something else than our forward of that name."""
    if not 1 <= port <= LAST_PORT:
        raise PortTakenError(f"{port} is no port: choose one from 1 to {LAST_PORT} with --port.")
    if listens(port) and not _pid_file(name).exists():
        raise PortTakenError(f"something already listens on 127.0.0.1:{port}: stop it, or choose another with --port.")


def keep(cluster: Cluster, name: str, target: Target, port: int) -> None:
    """Forward a port until `stop(name)`, also after this program has ended. Replaces an older forward of that name.

    Raises PortTakenError where another program has the port.
    """
    stop(name)
    check_port(port, name)
    process = start(cluster, target, port, log=state_dir() / f"{name}.log")
    _pid_file(name).write_text(str(process.pid))


def stop(name: str) -> None:
    """End a forward that `keep` started, if it still runs."""
    with contextlib.suppress(FileNotFoundError):
        pid = _pid_file(name).read_text().strip()
        if b"port-forward" in _command_line(pid):
            os.killpg(int(pid), signal.SIGTERM)
            deadline = time.monotonic() + 5
            while b"port-forward" in _command_line(pid) and time.monotonic() < deadline:
                time.sleep(0.05)
        _pid_file(name).unlink()
    (state_dir() / f"{name}.log").unlink(missing_ok=True)


def _pid_file(name: str) -> Path:
    return state_dir() / f"{name}.pid"


def _command_line(pid: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
