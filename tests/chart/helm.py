"""The chart as Helm renders it: a list of objects for the tests to look at, made once for each set of values."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from devtools.notes import as_an_object

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "seldon-core-operator"
NAMESPACE = "seldon-system"
KUBE_VERSION = "1.34.0"
HELM, HELM4 = "HELM", "HELM4"
TIMEOUT_SECONDS = 60


class HelmFailed(Exception):  # noqa: N818  # reads as what happened
    """Helm refused; the message is what it wrote to stderr."""


@dataclass(frozen=True)
class Rendered:
    """Objects of the chart, in the order in which Helm printed them, and the text that they came from."""

    text: str
    objects: tuple[dict[str, Any], ...]

    def names(self) -> set[tuple[str, str]]:
        return {(item["kind"], item["metadata"]["name"]) for item in self.objects}

    def one(self, kind: str, name: str | None = None) -> dict[str, Any]:
        found = [item for item in self.objects if item["kind"] == kind and name in {None, item["metadata"]["name"]}]
        assert len(found) == 1, f"{len(found)} objects of kind {kind}, name {name}: {sorted(self.names())}"
        return found[0]

    def container(self) -> dict[str, Any]:
        containers = self.one("Deployment")["spec"]["template"]["spec"]["containers"]
        assert len(containers) == 1
        result: dict[str, Any] = containers[0]
        return result

    def env(self) -> dict[str, str]:
        return {item["name"]: item["value"] for item in self.container()["env"] if "value" in item}


def render_chart(
    values: dict[str, Any] | None = None,
    *,
    release: str = "seldon-core",
    namespace: str = NAMESPACE,
    kube_version: str = KUBE_VERSION,
    chart: Path = CHART,
    program: str = HELM,
) -> Rendered:
    """The chart's objects with the values, as `helm template` gives them. Raises HelmFailed."""
    return _render(json.dumps(values or {}, sort_keys=True), release, namespace, kube_version, chart, program)


def notes(values: dict[str, Any] | None = None, *, namespace: str = NAMESPACE, program: str = HELM) -> str:
    """What Helm prints after an installation with the values.

    Without a cluster Helm prints no notes: so they are rendered as the data of one more object, in a copy of the chart.
    """
    with tempfile.TemporaryDirectory() as folder:
        chart = copy_chart(Path(folder))
        as_an_object(chart)
        rendered = render_chart(values, namespace=namespace, chart=chart, program=program)
    text: str = rendered.one("ConfigMap", "notes")["data"]["notes"]
    return text


def copy_chart(folder: Path) -> Path:
    """A copy of the chart that a test may change."""
    return Path(shutil.copytree(CHART, folder / "chart"))


def run_helm(arguments: list[str], stdin: str = "", *, program: str = HELM) -> str:
    """What helm prints. The environment variable of this name says which one; for Helm 3 it may be the one on PATH."""
    found = os.environ.get(program, "helm" if program == HELM else "")
    assert found, f"{program} is not set: start the tests with `python3 -m devtools run --need helm -- COMMAND`"
    with tempfile.TemporaryDirectory() as home:
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": home,  # no plugins, no repositories of the person who runs the tests
            "KUBECONFIG": "/dev/null",  # no cluster either
        }
        done = subprocess.run(
            [found, *arguments],
            input=stdin,
            env=environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
    if done.returncode != 0:
        raise HelmFailed(done.stderr)
    return done.stdout


@functools.cache
def _render(  # noqa: PLR0917  # all of them are the cache's key
    values: str, release: str, namespace: str, kube_version: str, chart: Path, program: str
) -> Rendered:
    command = ["template", release, str(chart), "--namespace", namespace, "--kube-version", kube_version]
    text = run_helm([*command, "--values", "-"], values, program=program)
    loaded = yaml.load_all(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return Rendered(text=text, objects=tuple(item for item in loaded if item))
