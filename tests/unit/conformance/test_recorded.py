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
DIFFERENCE = re.compile(r"^ {4}(?P<text>.*)$", re.MULTILINE)

pytestmark = pytest.mark.skipif(not COMPARE.parent.parent.exists(), reason="no ../shared beside this checkout")


def compare(*arguments: str) -> subprocess.CompletedProcess[str]:
    render = f"{shlex.quote(sys.executable)} -m seldon_core.cli.main render {ARGUMENTS}"
    return subprocess.run(
        [sys.executable, str(COMPARE), "--render", render, "--kinds", "Deployment,Service", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        timeout=300,
    )


@pytest.mark.parametrize("only", ["*upgrade-to-rclone*", "*init_containers*", "zz_feature_iris*"])
def test_what_the_tutorials_use_has_no_difference(only: str) -> None:
    result = compare("--rejected", "none", "--only", only, "--fail-under", "100")

    assert result.returncode == 0, result.stdout + result.stderr


def test_nothing_differs_but_what_is_said_to_be_missing() -> None:
    """A case equals the record, or is refused with the sentence of a feature that this release does not make.

    One label's key is shorter than recorded where the recorded one is no legal key (Q in specification 1.1).
    """
    result = compare("--show", "100000")
    differences = [match["text"] for match in DIFFERENCE.finditer(result.stdout)]

    assert "cases exact" in result.stdout, result.stdout + result.stderr
    expected = re.compile(
        r"cannot be made by this release yet|seldon-app-svc-(classifier-with-a-long-name|[0-9a-f]{32})"
    )
    assert [text for text in differences if not expected.search(text)] == []
