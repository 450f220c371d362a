"""A way from this machine to a Service: a `kubectl port-forward` on a free local port, ended by its process id.

It leads straight to a pod, so no other thing can answer in a Service's place.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from .tools import Tool
from .waiting import HopelessError, wait_for

END_SECONDS = 5.0
_LISTENS = re.compile(r"Forwarding from 127\.0\.0\.1:(\d+) ->")


@contextmanager
def port_forward(kubectl: Tool, namespace: str, target: str, port: int, *, seconds: float) -> Iterator[str]:
    """Forward a local port to `port` of `target` (`service/NAME`), and give the address: `http://127.0.0.1:PORT`.

    kubectl picks the local port, so none can be taken between choice and use. Raises HopelessError with kubectl's
    words where it ends instead of listening.
    """
    what = ("port-forward", "--namespace", namespace, "--address", "127.0.0.1", target, f":{port}")
    # A file and no pipe: kubectl writes a line for each connection and would wait for a reader.
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(kubectl.command(*what), stdout=output, stderr=subprocess.STDOUT)
        try:
            local = wait_for(
                lambda: _listening(process, output), what=f"port-forward to {target} in {namespace}", seconds=seconds
            )
            yield f"http://127.0.0.1:{local}"
        finally:
            _end(process)


def _listening(process: subprocess.Popen[bytes], output: IO[bytes]) -> int:
    code = process.poll()
    output.seek(0)
    said = output.read().decode("utf-8", "replace")
    if found := _LISTENS.search(said):
        return int(found[1])
    if code is not None:
        raise HopelessError(f"kubectl port-forward ended with exit status {code}: {said.strip()}")
    raise AssertionError(said.strip() or "kubectl has said nothing yet")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
