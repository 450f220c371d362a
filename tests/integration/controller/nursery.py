"""Starts controllers by fork, from a process that has imported the product once.

Each is a process of its own that runs `seldon_core.operator.main.main()` with its own environment, and can be killed
like any other; only the half second that Python takes for the imports is spent once instead of some hundred times.

Protocol: a line of JSON on stdin, `{"environment": {...}, "log": PATH}`, is answered by a line with the process's id.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Self

from seldon_core.operator import main as operator
from tests.integration.controlplane import die_with_parent


class Nursery:
    """The forking process, seen from the tests. A context manager."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.controller.nursery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - one system call
        )
        self._turn = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def start(self, environment: dict[str, str], log: Path) -> int:
        """Start a controller; its process id. It ends with the nursery at the latest."""
        assert self._process.stdin
        assert self._process.stdout
        with self._turn:
            self._process.stdin.write(json.dumps({"environment": environment, "log": str(log)}) + "\n")
            self._process.stdin.flush()
            return int(self._process.stdout.readline())


def _child(environment: dict[str, str], log: str) -> None:
    die_with_parent()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (descriptor, 1), (descriptor, 2)):
        os.dup2(source, target)
    os.environ.update(environment)
    operator.main()


def _serve() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them: the kernel buries them
    while line := sys.stdin.readline():
        asked = json.loads(line)
        process = os.fork()
        if process == 0:
            _child(asked["environment"], asked["log"])
            os._exit(0)
        print(process, flush=True)


if __name__ == "__main__":
    _serve()
