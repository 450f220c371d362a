"""Builds for later environments while earlier ones test: tests wait a good deal, and compilers can use that time.

What Docker Hub's images hold is built ahead only where that cannot be reached.

It runs at the lowest priority. What it is just building when an environment needs it is waited for (`cache.artefact`),
and what an environment is building it leaves alone.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence

from . import cache, gobuild
from .paths import ROOT
from .progress import say
from .shell import CommandFailedError

NEEDED_BY = {
    "integration": (gobuild.KUBERNETES, gobuild.ETCD, gobuild.RCLONE),
    "e2e": (gobuild.KUBERNETES, gobuild.ETCD, gobuild.KIND, gobuild.KUBECTL, gobuild.CONTOUR),
    "e2e-istio": (gobuild.ISTIO,),
}
"""Programs that are built on every machine."""
WITHOUT_IMAGES = {"integration": (gobuild.MINIO,), "e2e": (gobuild.COREDNS, gobuild.MINIO)}
"""Programs of images that can be pulled instead."""
REGISTRY = "https://registry-1.docker.io/v2/"
"""Docker Hub, which both images come from."""
REGISTRY_HEADER = "Docker-Distribution-Api-Version"
"""What every registry says, also to who must log in; a proxy that lets nobody through does not."""
REGISTRY_SECONDS = 10
LOWEST_PRIORITY = 19
ENDING_SECONDS = 30


def recipes(environments: Sequence[str], *, images: bool = True) -> tuple[gobuild.Recipe, ...]:
    """Return what these environments need, in their order, each once. `images` tells whether they can be pulled."""
    found: dict[gobuild.Recipe, None] = {}
    for name in environments:
        tables: list[Mapping[str, tuple[gobuild.Recipe, ...]]] = [NEEDED_BY, *([] if images else [WITHOUT_IMAGES])]
        found |= dict.fromkeys(recipe for table in tables for recipe in table.get(name, ()))
    return tuple(found)


def registry_answers() -> bool:
    """Tell whether Docker Hub can be reached. Docker may know a way of its own: this says only what to build ahead."""
    try:
        with urllib.request.urlopen(REGISTRY, timeout=REGISTRY_SECONDS) as answer:
            headers = answer.headers
    except urllib.error.HTTPError as refused:
        headers = refused.headers
    except (OSError, http.client.HTTPException):
        return False
    return REGISTRY_HEADER in headers


@contextlib.contextmanager
def building(environments: Sequence[str]) -> Iterator[None]:
    """Build for these environments in a process beside the block; it ends with the block at the latest."""
    if all(gobuild.place(recipe).is_dir() for recipe in recipes(environments, images=False)):
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
    images = recipes(environments) == recipes(environments, images=False) or registry_answers()
    for recipe in recipes(environments, images=images):
        if gobuild.place(recipe).is_dir():
            continue
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
