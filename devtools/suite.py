"""The test environments, one after the other, with what each took: `scripts/test`."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence

from . import docker
from .paths import ROOT, cache_dir
from .progress import say
from .venv import environment

ENVIRONMENTS = ("lint", "unit", "chart", "integration", "e2e")
"""Fast ones first: what fails there should not wait for a cluster."""
BUDGET_SECONDS = 45 * 60


def run_all(chosen: Sequence[str]) -> int:
    """Run the environments through tox, print a table of durations, and return 0 where all of them passed."""
    warm = (cache_dir() / "artefacts").exists()
    tools = environment("tools")
    results: list[tuple[str, float, int]] = []
    began = time.monotonic()
    for name in chosen or ENVIRONMENTS:
        say(f"\n===== {name} =====")
        start = time.monotonic()
        command = [str(tools / "tox"), "run", "-e", name, "--workdir", str(cache_dir() / "tox")]
        path = f"{tools}{os.pathsep}{os.environ['PATH']}"
        status = subprocess.run(command, cwd=ROOT, env={**os.environ, "PATH": path}, check=False).returncode
        results.append((name, time.monotonic() - start, status))
    total = time.monotonic() - began
    docker.stop()
    say(f"\n===== durations ({'warm' if warm else 'cold'} cache, {os.cpu_count()} cores) =====")
    for name, seconds, status in results:
        say(f"{name:12} {seconds:7.1f} s  {'passed' if status == 0 else f'FAILED with status {status}'}")
    say(f"{'total':12} {total:7.1f} s  (budget with a cold cache: {BUDGET_SECONDS} s)")
    return 0 if all(status == 0 for _, _, status in results) else 1
