"""The stage on which the notebooks run: a cluster as scripts/quickstart leaves it, and the programs on PATH."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from devtools import quickstart
from devtools.cluster import Cluster, Tools
from devtools.notebooks.__main__ import EXECUTED
from devtools.paths import ROOT

SELDONCTL = '#!/bin/sh\nPYTHONPATH="{path}" exec "{python}" -m seldon_core.cli.main "$@"\n'
"""What `pip install` would make of the checkout."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("notebooks").addoption(
        "--keep", action="store_true", help="Keep the cluster and the chart after the run, for the next one."
    )


def pytest_configure(config: pytest.Config) -> None:
    EXECUTED.mkdir(parents=True, exist_ok=True)


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    """The cluster that `python -m devtools run --need contour` has brought up."""
    missing = [name for name in ("KUBECONFIG", "KUBECTL", "HELM", "E2E_GATEWAY_PORT") if name not in os.environ]
    if missing:
        pytest.exit(f"{', '.join(missing)}: not set. Run the notebooks by `tox -e notebooks`.", returncode=2)
    kubectl, helm = Path(os.environ["KUBECTL"]), Path(os.environ["HELM"])
    return Cluster(quickstart.TEST_CLUSTER, Path(os.environ["KUBECONFIG"]), Tools(Path("kind"), kubectl, helm))


@pytest.fixture(scope="session")
def quickstarted(cluster: Cluster, pytestconfig: pytest.Config) -> Iterator[Cluster]:
    """The cluster with the chart and the iris model, by the quickstart's own steps."""
    quickstart.install(cluster, restart=True)
    quickstart.deploy(cluster)
    yield cluster
    if pytestconfig.getoption("keep"):
        # Its CPU is for the tests of the next run, which may be others.
        cluster.kubectl("delete", "namespace", quickstart.NAMESPACE)


@pytest.fixture
def reader(quickstarted: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """Somebody with the quickstart's tools on PATH and `seldonctl` installed, about to run a notebook."""
    programs = {"kubectl": quickstarted.tools.kubectl, "helm": quickstarted.tools.helm}
    for name, program in programs.items():
        (tmp_path / name).symlink_to(program)
    seldonctl = tmp_path / "seldonctl"
    seldonctl.write_text(SELDONCTL.format(path=ROOT / "src", python=sys.executable))
    seldonctl.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("GATEWAY", f"http://localhost:{os.environ['E2E_GATEWAY_PORT']}")
    # A proxy of the environment must not stand between the notebook and localhost.
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "localhost", prepend=",")
    return quickstarted
