"""`seldonctl validate`: silence, or the webhook's reasons."""

from pathlib import Path
from typing import Any

import pytest

from seldon_core.cli.main import main

GOOD = """
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: iris}
spec:
  predictors:
  - name: default
    graph: {name: classifier, implementation: SKLEARN_SERVER, modelUri: "s3://sklearn/iris"}
"""


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """`run(text, *arguments)` gives (exit status, stdout, lines of stderr)."""

    def call(text: str, *arguments: str) -> tuple[int, str, list[str]]:
        path = tmp_path / "manifest.yaml"
        path.write_text(text, encoding="utf-8")
        status = main(["validate", "-f", str(path), *arguments])
        out, err = capsys.readouterr()
        return status, out, err.splitlines()

    return call


def test_a_good_manifest_is_told_so(run: Any) -> None:
    assert run(GOOD) == (0, "iris: valid\n", [])
    assert run(GOOD, "--quiet") == (0, "", [])


def test_each_reason_has_a_line(run: Any) -> None:
    bad = GOOD.replace("SKLEARN_SERVER", "FOO_SERVER").replace('"s3://sklearn/iris"', '""')
    status, out, err = run(f"{GOOD}---\n{bad}---\n{GOOD.replace('predictors', 'predictorz')}")

    assert (status, out) == (1, "iris: valid\n")
    assert [line.partition(": ")[2][:50] for line in err if "Invalid value" in line] == [
        'spec.predictors[0].graph: Invalid value: "classifi',
        'spec.predictors[0].graph: Invalid value: "classifi',
        'spec: Invalid value: "": Graph contains no predict',
    ]


def test_what_is_no_manifest_is_a_reason(run: Any) -> None:
    status, _, err = run("kind: SeldonDeployment\n")

    assert status == 1
    assert "apiVersion: must be machinelearning.seldon.io/v1" in err[0]


def test_the_values_say_which_servers_there_are(run: Any) -> None:
    mine = GOOD.replace("SKLEARN_SERVER", "MY_SERVER")

    assert run(mine)[0] == 1
    assert run(mine, "--set", "predictor_servers.MY_SERVER.protocols.seldon.image=mine")[0] == 0


def test_what_the_webhook_refuses_or_warns_of_besides(run: Any) -> None:
    pods = "componentSpecs: [{spec: {containers: [{name: classifier, resources: {requests: {cpu: many}}}]}}]"
    status, out, err = run(GOOD.replace("name: default", f"name: default\n    {pods}"))
    assert (status, out) == (1, "")
    assert any("cpu" in line and "many" in line for line in err)

    status, out, err = run(GOOD.replace("{name: iris}", "{name: iris, annotations: {seldon.io/no-engine: 'true'}}"))
    assert (status, out) == (0, "iris: valid\n")
    assert err[0].startswith("iris: metadata.annotations[seldon.io/no-engine]: has no effect here")
