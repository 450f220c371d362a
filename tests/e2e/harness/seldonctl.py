"""The command `seldonctl` of this checkout, on a test's namespace."""

from __future__ import annotations

import sys
from subprocess import run

from .tools import Completed
from .workspace import Workspace


def try_seldonctl(workspace: Workspace, *words: str) -> Completed:
    """Run it and give its answer, whatever it is.

    It gets a little longer than the deadline of a rollout, so that it can say itself what was not in time.
    """
    seconds = workspace.timeouts.rollout + workspace.timeouts.api
    options = ("--kubeconfig", str(workspace.cluster.kubeconfig), "--namespace", workspace.namespace)
    command = (sys.executable, "-m", "seldon_core.cli.main", *words, *options)
    ended = run(command, capture_output=True, text=True, timeout=seconds, check=False)
    return Completed(command, ended.returncode, ended.stdout, ended.stderr)


def seldonctl(workspace: Workspace, *words: str) -> None:
    """Run it. Raises CommandError with its words where it fails."""
    try_seldonctl(workspace, *words).checked()
