"""Where a run took place: what a reader must know of the machine and of the checkout."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

from devtools.paths import ROOT


def commit() -> str:
    """The checkout's commit, marked where files differ from it; empty outside a checkout."""
    words = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def machine() -> dict[str, str]:
    """Processor, cores, memory and kernel."""
    cpu = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.machine(),
    )
    memory = int(Path("/proc/meminfo").read_text().split()[1]) * 1024 / 1e9
    return {
        "cpu": cpu,
        "cores": str(os.cpu_count()),
        "memory": f"{memory:.0f} GB",
        "kernel": platform.release(),
    }
