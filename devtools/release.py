"""Runs the release validation (`release/`) in an environment of its own, with what the chosen stages need in place."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from .cache import CacheError, exclusive
from .paths import ROOT
from .progress import complain
from .shell import CommandFailedError, attached
from .venv import environment


def main(words: Sequence[str]) -> int:
    """Ask which needs are left for these words, have them, and run. Returns the exit status."""
    try:
        with exclusive():
            python = str(environment("release") / "python")
    except (CacheError, CommandFailedError) as refused:
        complain(f"release-validate: {refused}")
        return 1
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    command = [python, "-m", "release", *words]
    environ = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    with tempfile.TemporaryDirectory() as scratch:
        left = Path(scratch) / "needs"
        asked = subprocess.run([*command, "--needs-to", str(left)], env=environ, check=False)
        if not left.exists():  # help, or wrong usage: it has been said
            return asked.returncode
        needs = left.read_text(encoding="utf-8")
    if needs:
        command = [sys.executable, "-m", "devtools", "run", "--need", needs, "--", *command]
    return attached(command, environ)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
