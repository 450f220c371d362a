"""The cluster's stages empty their cluster: they find their own, or they do nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from release.lab import Lab
from release.stage import StageBrokenError

pytestmark = pytest.mark.offline


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A kubectl whose context is somebody's own cluster, and which writes down whatever else it is asked for."""
    program = tmp_path / "kubectl"
    program.write_text(
        f'#!/bin/sh\ncase "$*" in *current-context) echo kind-of-somebody ;; *) echo "$*" >> {tmp_path}/asked ;; esac\n'
    )
    program.chmod(0o755)
    (tmp_path / "kubeconfig").write_text("{}")
    return {
        "KUBECONFIG": str(tmp_path / "kubeconfig"),
        "KUBECTL": str(program),
        "HELM": str(program),
        "E2E_GATEWAY_PORT": "1",
    }


def test_a_cluster_of_somebody_else_is_refused_untouched(tmp_path: Path, environment: dict[str, str]) -> None:
    with pytest.raises(StageBrokenError, match="is kind-of-somebody, and these stages empty their cluster"):
        Lab.enter(tmp_path / "work", environment)

    assert not (tmp_path / "asked").exists()


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("KUBECONFIG", "/nowhere", "KUBECONFIG names no file"),
        ("HELM", "/nowhere/helm", "/nowhere/helm is no program"),
        ("E2E_GATEWAY_PORT", "", "E2E_GATEWAY_PORT must be the port"),
    ],
)
def test_what_is_missing_is_named_with_the_command_that_provides_it(
    tmp_path: Path, environment: dict[str, str], variable: str, value: str, says: str
) -> None:
    with pytest.raises(StageBrokenError, match=f"(?s){says}.*--need release-cluster"):
        Lab.enter(tmp_path / "work", environment | {variable: value})
