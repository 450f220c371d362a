"""The test environments, one after the other, with what each took: `scripts/test`."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence

from . import ahead, docker, gobuild
from .paths import ROOT, cache_dir
from .progress import say
from .venv import environment

ENVIRONMENTS = ("lint", "unit", "chart", "integration", "e2e", "notebooks", "e2e-istio")
"""Fast ones first: what fails there should not wait for a cluster."""
SHARE_A_CLUSTER = {("e2e", "notebooks")}
"""One after the other on one cluster: the first leaves it as it found it, with the gateway that the second wants."""
BUDGET_SECONDS = 45 * 60


def run_all(chosen: Sequence[str]) -> int:
    """Run the environments through tox, print a table of durations, and return 0 where all of them passed."""
    warm = (cache_dir() / "artefacts").exists()
    tools = environment("tools")
    results: list[tuple[str, float, int]] = []
    began = time.monotonic()
    names = chosen or ENVIRONMENTS
    with ahead.building(names):
        for name, following in zip(names, [*names[1:], ""], strict=True):
            say(f"\n===== {name} =====")
            start = time.monotonic()
            command = [str(tools / "tox"), "run", "-e", name, "--workdir", str(cache_dir() / "tox")]
            # The environments share Go's caches; the last one is done with them.
            added = {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}", "SELDON_KEEP_GO_CACHE": "1"}
            if (name, following) in SHARE_A_CLUSTER:
                added["SELDON_KEEP_CLUSTER"] = "1"
            status = subprocess.run(command, cwd=ROOT, env={**os.environ, **added}, check=False).returncode
            results.append((name, time.monotonic() - start, status))
    total = time.monotonic() - began
    docker.stop()
    gobuild.drop_scratch()
    say(f"\n===== durations ({'warm' if warm else 'cold'} cache, {os.cpu_count()} cores) =====")
    for name, seconds, status in results:
        say(f"{name:12} {seconds:7.1f} s  {'passed' if status == 0 else f'FAILED with status {status}'}")
    say(f"{'total':12} {total:7.1f} s  (budget with a cold cache: {BUDGET_SECONDS} s)")
    return 0 if all(status == 0 for _, _, status in results) else 1
