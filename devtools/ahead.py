"""Builds for later environments while earlier ones test: tests wait a good deal, and compilers can use that time.

It runs at the lowest priority. What it is just building when an environment needs it is waited for (`cache.artefact`),
and what an environment is building it leaves alone.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence

from . import cache, gobuild
from .paths import ROOT
from .progress import say
from .shell import CommandFailedError

NEEDED_BY = {
    "integration": (gobuild.KUBERNETES, gobuild.ETCD, gobuild.RCLONE),
    "e2e": (gobuild.KUBERNETES, gobuild.ETCD, gobuild.KIND, gobuild.KUBECTL, gobuild.CONTOUR),
    "e2e-istio": (gobuild.ISTIO,),
}
"""Programs that are built on every machine; what a registry may give instead is not among them."""
LOWEST_PRIORITY = 19
ENDING_SECONDS = 30


def recipes(environments: Sequence[str]) -> tuple[gobuild.Recipe, ...]:
    """Return what these environments need, in their order, each once."""
    return tuple(dict.fromkeys(recipe for name in environments for recipe in NEEDED_BY.get(name, ())))


@contextlib.contextmanager
def building(environments: Sequence[str]) -> Iterator[None]:
    """Build for these environments in a process beside the block; it ends with the block at the latest."""
    if all(gobuild.place(recipe).is_dir() for recipe in recipes(environments)):
        yield
        return
    command = [sys.executable, "-m", "devtools.ahead", *environments]
    # A group of its own: the compilers that it started end with it.
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "SELDON_KEEP_GO_CACHE": "1"}, process_group=0)
    try:
        yield
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(ENDING_SECONDS)


def main(environments: Sequence[str]) -> int:
    """Build one after the other. What fails here fails again, and is told, where it is needed."""
    # An end that unwinds: nothing half-built is left in the cache folder.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    os.nice(LOWEST_PRIORITY)
    for recipe in recipes(environments):
        try:
            gobuild.build(recipe, unless_under_way=True)
        except cache.UnderWayError:
            continue
        except (CommandFailedError, gobuild.GoMissingError) as failed:
            say(f"           {recipe.name} could not be built ahead: {str(failed).splitlines()[0]}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
