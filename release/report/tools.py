"""Versions of the programs that were at hand: a report is only as good as what judged."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from devtools.shell import CommandFailedError, run

_BY_VARIABLE = {
    "helm": ("HELM", ("version", "--template", "{{.Version}}")),
    "helm4": ("HELM4", ("version", "--template", "{{.Version}}")),
    "kube-score": ("KUBE_SCORE", ("version",)),
    "kubectl": ("KUBECTL", ("version", "--client", "--output", "yaml")),
}
_FROM_PACKAGES = {"checkov": "CHECKOV", "pip-audit": "PIP_AUDIT"}
"""Python programs: the package beside the program says its version, without a start that takes seconds."""
_ON_PATH = {
    "docker": ("docker", "version", "--format", "{{.Server.Version}}"),
    "gpg": ("gpg", "--version"),
}


def versions() -> dict[str, str]:
    """Return each program's version, one line; programs that this run had no need of are left out."""
    found = {"python": platform.python_version()}
    for name, (variable, words) in _BY_VARIABLE.items():
        if os.environ.get(variable):
            found[name] = _ask([os.environ[variable], *words])
    for name, variable in _FROM_PACKAGES.items():
        home = Path(os.environ.get(variable) or "/").parent.parent
        for found_at in home.glob(f"lib/python*/site-packages/{name.replace('-', '_')}-*.dist-info"):
            found[name] = found_at.name.removesuffix(".dist-info").rpartition("-")[2]
    for name, command in _ON_PATH.items():
        found[name] = _ask(list(command))
    return {name: text for name, text in found.items() if text}


def _ask(command: list[str]) -> str:
    try:
        said = run(command, timeout=60, check=False).stdout
    except CommandFailedError:
        return ""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    marked = [line.removeprefix("gitVersion:").strip() for line in lines if line.startswith("gitVersion:")]
    return (marked or lines or [""])[0]
