"""Helm as the stages use it: without the user's plugins, repositories and clusters."""

from __future__ import annotations

import functools
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from devtools.cache import key_of
from devtools.shell import run

from .stage import StageBrokenError

HELM, HELM4 = "HELM", "HELM4"
"""Environment variables that name the program of Helm 3 and of Helm 4."""
PROGRAMS = {"Helm 3": HELM, "Helm 4": HELM4}
KUBERNETES = ("1.29", "1.30", "1.31", "1.32", "1.33", "1.34")
"""The minor versions that this project supports."""
NEWEST = KUBERNETES[-1]
NAMESPACE = "seldon-system"
TIMEOUT_SECONDS = 120
_RENDERED: dict[tuple[object, ...], str] = {}
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class HelmRefusedError(Exception):
    """Helm ended with an error; the text is its own, on one line."""


def helm(words: Sequence[str | Path], *, program: str = HELM, home: Path | None = None) -> str:
    """Return what helm prints. Raises HelmRefusedError, StageBrokenError where there is no helm."""
    found = os.environ.get(program)
    if not found:
        raise StageBrokenError(f"{program} is not set: start this with scripts/release-validate.")
    with tempfile.TemporaryDirectory() as scratch:
        environment = {"HOME": str(home or scratch), "KUBECONFIG": "/dev/null", "HELM_NO_PLUGINS": "1"}
        done = run([found, *map(str, words)], env=environment, timeout=TIMEOUT_SECONDS, check=False)
    if done.returncode:
        raise HelmRefusedError(" ".join((done.stderr.strip() or done.stdout.strip()).split()))
    return done.stdout


def template(
    chart: Path,
    values: tuple[Path, ...] = (),
    *,
    sets: tuple[str, ...] = (),
    version: str = NEWEST,
    program: str = HELM,
    namespace: str = NAMESPACE,
    anew: bool = False,
) -> str:
    """Return the chart's objects as `helm template` prints them; `sets` as for --set. Raises HelmRefusedError.

    In one process Helm is run once for the same contents, wherever they lie; `anew` has it run again.
    """
    words: list[str | Path] = ["template", "seldon-core", chart, "--namespace", namespace]
    words += ["--kube-version", f"{version}.0"]
    for file in values:
        words += ["--values", file]
    for each in sets:
        words += ["--set", each]
    if anew:
        return helm(words, program=program)
    key = (key_of(chart), tuple(file.read_bytes() for file in values), sets, version, program, namespace)
    if key not in _RENDERED:
        _RENDERED[key] = helm(words, program=program)
    return _RENDERED[key]


@functools.lru_cache(maxsize=64)  # a run's; each takes a megabyte
def objects(text: str) -> tuple[dict[str, Any], ...]:
    """Return the objects of rendered YAML. Raises HelmRefusedError where it is none; Helm looks less closely."""
    try:
        found = [each for each in yaml.load_all(text, Loader=_Loader) if each is not None]  # a safe loader
    except yaml.YAMLError as wrong:
        raise HelmRefusedError(f"what Helm rendered is not YAML: {' '.join(str(wrong).split())}") from wrong
    for each in found:
        if not isinstance(each, dict) or not {"apiVersion", "kind", "metadata"} <= each.keys():
            raise HelmRefusedError(f"a rendered document is no Kubernetes object: {str(each)[:120]}")
    return tuple(found)


def label(item: dict[str, Any]) -> str:
    """Return how findings name an object: `Deployment/name`."""
    return f"{item.get('kind')}/{item.get('metadata', {}).get('name')}"
