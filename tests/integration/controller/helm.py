"""Helm against the test's control plane, and the controller started as the chart's Deployment says."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.integration.controller.process import Controller
from tests.integration.controlplane import OPERATOR, OPERATOR_NAMESPACE, ControlPlane

CHART = Path(__file__).parents[3] / "charts" / "seldon-core-operator"
RELEASE = "seldon-core"
TIMEOUT_SECONDS = 120


class Helm:
    """One release of the chart.

    Args:
        plane: Where it is installed.
        variable: HELM or HELM4: the program.
    """

    def __init__(self, plane: ControlPlane, variable: str) -> None:
        self._plane = plane
        self._program = os.environ.get(variable)
        if not self._program:
            raise AssertionError(
                f"{variable} is not set: start the tests with `python3 -m devtools run --need apiserver,helm -- CMD`"
            )

    def upgrade(self, values: Mapping[str, Any] | None = None, *words: str, chart: Path = CHART) -> str:
        """`helm upgrade --install`; what it prints. There is no node, so nothing is waited for."""
        command = ["upgrade", "--install", RELEASE, str(chart), "--namespace", OPERATOR_NAMESPACE, *words]
        return self.run(*command, "--values", "-", stdin=json.dumps(dict(values or {})))

    def run(self, *words: str, stdin: str = "") -> str:
        """Any command of Helm's; what it prints, on both channels. A failure fails the test."""
        done = subprocess.run(
            [str(self._program), *words],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
            env={
                "PATH": os.environ.get("PATH", ""),
                "HOME": str(self._plane.folder),
                "KUBECONFIG": str(self._plane.kubeconfig),
            },
        )
        assert done.returncode == 0, f"helm {' '.join(words)} ended with {done.returncode}: {done.stderr}{done.stdout}"
        return done.stdout + done.stderr


def controller(plane: ControlPlane, folder: Path, **environment: str) -> Controller:
    """A controller with the files and variables that the installed Deployment gives it, and its rights.

    Args:
        plane: Where the chart is installed.
        folder: For its files.
        environment: In the place of variables that name files of the pod.
    """
    deployment = plane.find(f"/apis/apps/v1/namespaces/{OPERATOR_NAMESPACE}/deployments/seldon-controller-manager")
    files = plane.find(f"/api/v1/namespaces/{OPERATOR_NAMESPACE}/configmaps/seldon-operator-values")
    assert deployment
    assert files
    folder.mkdir(parents=True, exist_ok=True)
    given = {
        item["name"]: item.get("value", "")
        for item in deployment["spec"]["template"]["spec"]["containers"][0]["env"]
        if "valueFrom" not in item
    }
    for name in ("SELDON_VALUES_FILE", "WEBHOOK_PORT", "METRICS_PORT", "WATCH_NAMESPACE"):
        del given[name]  # the process's own
    if given.get("SELDON_RESOURCES_FILE"):
        (folder / "resources.yaml").write_text(files["data"]["resources.yaml"])
        given["SELDON_RESOURCES_FILE"] = str(folder / "resources.yaml")
    return Controller(
        folder,
        kubeconfig=plane.kubeconfig_of(OPERATOR),
        namespace=OPERATOR_NAMESPACE,
        values=yaml.safe_load(files["data"]["values.yaml"]),
        environment=given | environment,
    )
