"""The recorded behaviour of v1.17.1, by the comparison that lies beside the checkout.

Where that folder is missing there is nothing to compare with; in the project's own pipeline it is there.
"""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
COMPARE = ROOT.parent / "shared" / "conformance" / "compare.py"
ARGUMENTS = "--namespace ns --set istio.enabled=true --set keda.enabled=true --set executor.mode=sidecar -f {input}"
KINDS = "Deployment,Service,HorizontalPodAutoscaler,ScaledObject,PodDisruptionBudget,VirtualService,DestinationRule"
DIFFERENCE = re.compile(r"^ {4}(?P<text>.*)$", re.MULTILINE)

pytestmark = pytest.mark.skipif(not COMPARE.parent.parent.exists(), reason="no ../shared beside this checkout")


def compare(*arguments: str, values: str = "") -> subprocess.CompletedProcess[str]:
    render = f"{shlex.quote(sys.executable)} -m seldon_core.cli.main render {values} {ARGUMENTS}"
    return subprocess.run(
        [sys.executable, str(COMPARE), "--render", render, "--kinds", KINDS, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        timeout=300,
    )


def test_mappings_have_no_difference() -> None:
    only = ("--rejected", "none", "--only", "zz_feature_canary*", "--kinds", "Deployment,Mapping")
    result = compare(*only, "--fail-under", "100", values="--set ambassador.enabled=true")

    assert result.returncode == 0, result.stdout + result.stderr
    assert re.search(r"^Mapping .* 100\.00 %$", result.stdout, re.MULTILINE), result.stdout


@pytest.mark.parametrize("only", ["*upgrade-to-rclone*", "*init_containers*", "zz_feature_iris*"])
def test_what_the_tutorials_use_has_no_difference(only: str) -> None:
    result = compare("--rejected", "none", "--only", only, "--fail-under", "100")

    assert result.returncode == 0, result.stdout + result.stderr


# What differs from the record, with the place in docs/deviations.md that says why.
INTENDED = re.compile(
    r"seldon-app-svc-(classifier-with-a-long-name|[0-9a-f]{32})|"  # a key of legal length
    r"containers\[(classifier|model)\]\.ports\[metrics\]|"  # MLServer's metrics port is open
    r"env\[MLSERVER_MODEL_NAME#1\]"  # a variable is given once
)


def test_nothing_differs_but_what_is_intended() -> None:
    result = compare("--show", "100000", "--fail-under", "99.5")
    differences = [match["text"] for match in DIFFERENCE.finditer(result.stdout)]

    assert result.returncode == 0, result.stdout + result.stderr
    assert [text for text in differences if not INTENDED.search(text)] == []
