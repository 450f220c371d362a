"""`seldonctl render`: objects on stdout, reasons on stderr, never a traceback."""

import io
from pathlib import Path
from typing import Any

import pytest
import yaml

from seldon_core.cli.main import main

IRIS = """
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: iris}
spec:
  predictors:
  - name: default
    graph: {name: classifier, implementation: SKLEARN_SERVER, modelUri: "s3://sklearn/iris"}
"""
SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: mysecret}\n"


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """`run(text, *arguments)` gives (exit status, rendered documents, lines of stderr)."""

    def call(text: str, *arguments: str) -> tuple[int, list[dict[str, Any]], list[str]]:
        path = tmp_path / "manifest.yaml"
        path.write_text(text, encoding="utf-8")
        status = main(["render", "-f", str(path), *arguments])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return status, list(yaml.safe_load_all(out)), err.splitlines()

    return call


def test_it_prints_the_objects(run: Any) -> None:
    status, objects, err = run(IRIS)

    assert (status, err) == (0, [])
    assert [o["kind"] for o in objects] == ["Service", "Service", "Deployment"]
    assert {o["metadata"]["namespace"] for o in objects} == {"default"}


def test_yaml_has_no_aliases(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(IRIS, encoding="utf-8")
    main(["render", "-f", str(path)])

    assert "&id" not in capsys.readouterr().out


@pytest.mark.parametrize(("written", "namespace"), [("", "mine"), ("namespace: theirs, ", "theirs")])
def test_the_namespace_is_for_manifests_that_name_none(run: Any, written: str, namespace: str) -> None:
    _, objects, _ = run(IRIS.replace("{name: iris}", "{" + written + "name: iris}"), "--namespace", "mine")

    assert {o["metadata"]["namespace"] for o in objects} == {namespace}


def test_a_manifest_from_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(IRIS))

    assert main(["render", "-f", "-"]) == 0
    assert "kind: Deployment" in capsys.readouterr().out


def test_other_documents_are_skipped_aloud(run: Any) -> None:
    status, objects, err = run(f"{SECRET}---\n{IRIS}---\n{IRIS.replace('name: iris', 'name: other')}")

    assert (status, err) == (0, ["skipped: Secret/mysecret"])
    assert len(objects) == 6


def test_a_list_counts_as_its_items(run: Any) -> None:
    items = {"apiVersion": "v1", "kind": "List", "items": [yaml.safe_load(IRIS), yaml.safe_load(SECRET)]}
    status, objects, err = run(yaml.safe_dump(items))

    assert (status, len(objects), err) == (0, 3, ["skipped: Secret/mysecret"])


def test_values_come_from_files_and_assignments(run: Any, tmp_path: Path) -> None:
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    first.write_text("storageInitializer: {image: 'first:1', cpuLimit: 2}\n", encoding="utf-8")
    second.write_text("storageInitializer: {image: 'second:1'}\n", encoding="utf-8")
    arguments = ["--values", str(first), "--values", str(second), "--set", "storageInitializer.memoryLimit=3Gi"]
    _, objects, _ = run(IRIS, *arguments)
    (init,) = objects[-1]["spec"]["template"]["spec"]["initContainers"]

    assert init["image"] == "second:1"
    assert init["resources"]["limits"] == {"cpu": "2", "memory": "3Gi"}


def test_reasons_are_one_a_line_and_nothing_is_printed(run: Any) -> None:
    bad = IRIS.replace("SKLEARN_SERVER", "FOO_SERVER").replace('"s3://sklearn/iris"', '""')
    status, objects, err = run(f"{IRIS.replace('name: iris', 'name: fine')}---\n{bad}")

    assert (status, objects) == (1, [])
    assert len(err) == 2
    assert all(line.startswith('iris: spec.predictors[0].graph: Invalid value: "classifier": ') for line in err)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is no YAML: line 2, column 1"),
        (
            "spec:\n\tpredictors: []\n",
            "line 2, column 1: found character that cannot start any token; if it is a tab: ",
        ),
        (IRIS + "spec: {}\n", "line 9, column 1: key 'spec' stands twice in one mapping"),
        (IRIS.replace("name: default", "name: default\n    name: d"), "column 5: key 'name' stands twice"),
        ("a: [1, 2", "is no YAML"),
        ("- 1\n- 2\n", "The manifest is not a mapping"),
        ("just text", "The manifest is not a mapping"),
        ("", "holds no SeldonDeployment"),
        (SECRET, "holds no SeldonDeployment"),
        ("kind: SeldonDeployment\n", "manifest.yaml: apiVersion: must be machinelearning.seldon.io/v1"),
        (IRIS.replace("name: iris", "name: My_Iris"), 'Invalid value: "My_Iris-default": Illegal name'),
        (IRIS.replace("predictors:", "predictorz:"), "Graph contains no predictors"),
        (IRIS.replace("name: default", "name: 1"), "spec.predictors[0].name: must be a string"),
        (
            IRIS.replace("name: default", "name: default\n    componentSpecs: [{hpaSpec: {minReplicas: 1}}]"),
            "spec.predictors[0].componentSpecs[0].hpaSpec.maxReplicas: is missing",
        ),
    ],
)
def test_bad_input_is_a_sentence(run: Any, text: str, words: str) -> None:
    status, objects, err = run(text)

    assert (status, objects) == (1, [])
    assert any(words in line for line in err), err


def test_a_merge_key_may_be_overridden(run: Any) -> None:
    status, objects, err = run(f"x: &x {{name: other}}\n{IRIS.replace('{name: iris}', '{<<: *x, name: iris}')}")

    assert (status, err) == (0, [])
    assert objects[-1]["metadata"]["name"] == "iris-default-0-classifier"


def test_a_field_that_has_no_effect_is_named(run: Any) -> None:
    status, objects, err = run(IRIS.replace("name: default", "name: default\n    replica: 2"))

    assert (status, len(objects)) == (0, 3)
    assert err == [
        "iris: spec.predictors[0].replica: is no field of a SeldonDeployment and is ignored; did you mean replicas?"
    ]


def test_what_the_installation_cannot_do_is_named(run: Any) -> None:
    pods = "componentSpecs: [{kedaSpec: {triggers: []}, replicas: 2}]"
    status, objects, err = run(IRIS.replace("name: default", f"name: default\n    {pods}"))

    assert (status, [o["kind"] for o in objects]) == (0, ["Service", "Service", "Deployment"])
    assert objects[-1]["spec"]["replicas"] == 2
    assert len(err) == 1
    assert err[0].startswith("iris: spec.predictors[0].componentSpecs[0].kedaSpec: has no effect, because this ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--set", "storageInitialiser.image=x"], "did you mean storageInitializer.image"),
        (["--set", "executor.mode=fast"], "executor.mode"),
        (["--set", "nothing"], "has no value; write KEY=VALUE"),
        (["--values", "missing.yaml"], "missing.yaml: cannot be read"),
        (
            ["--set", "predictor_servers.A.protocols.seldon.tag=1"],
            "Keys of predictor_servers.A.protocols.seldon: defaultImageVersion, embedded, image",
        ),
    ],
)
def test_bad_values_are_a_sentence(run: Any, arguments: list[str], words: str) -> None:
    status, objects, err = run(IRIS, *arguments)

    assert (status, objects) == (1, [])
    assert len(err) == 1
    assert words in err[0]


def test_a_missing_file_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", "-f", "/nowhere.yaml"]) == 1
    assert capsys.readouterr().err == "/nowhere.yaml: there is no such file.\n"


def test_a_binary_file_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "model.joblib"
    path.write_bytes(b"\x80\x04\x95")

    assert main(["render", "-f", str(path)]) == 1
    assert "is not UTF-8 text" in capsys.readouterr().err


def test_several_files_and_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "one.yaml").write_text(IRIS, encoding="utf-8")
    (tmp_path / "two.yaml").write_text(IRIS.replace("name: iris", "name: other"), encoding="utf-8")
    (tmp_path / "bad.json").write_text(f"{SECRET}---\n{IRIS.replace('SKLEARN_SERVER', 'FOO')}", encoding="utf-8")

    assert main(["render", "-f", str(tmp_path / "one.yaml"), str(tmp_path / "two.yaml")]) == 0
    assert capsys.readouterr().out.count("kind: Deployment") == 2
    assert main(["render", "-f", str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    first, second = err.splitlines()
    assert out == ""
    assert first == f"{tmp_path}/bad.json: skipped: Secret/mysecret"
    assert second.startswith(f"{tmp_path}/bad.json: iris: spec.predictors[0].graph: Invalid value")


def test_other_forms(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(IRIS, encoding="utf-8")

    main(["render", "-f", str(path), "-o", "name"])
    assert capsys.readouterr().out.splitlines() == [
        "service/iris-default-classifier",
        "service/iris-default",
        "deployment/iris-default-0-classifier",
    ]
    main(["render", "-f", str(path), "-o", "json"])
    listed = yaml.safe_load(capsys.readouterr().out)
    assert (listed["kind"], len(listed["items"])) == ("List", 3)


def test_values_of_old_releases_are_named(run: Any) -> None:
    status, _, err = run(IRIS, "--set", "usageMetrics.enabled=true", "--set", "engine.image.tag=1")

    assert status == 0
    assert len(err) == 1
    assert err[0].startswith("These values of old releases mean nothing any more: ")
    assert "engine.image.tag" in err[0]


def test_a_later_file_takes_a_server_out(run: Any, tmp_path: Path) -> None:
    path = tmp_path / "values.yaml"
    path.write_text("predictor_servers: {SKLEARN_SERVER: null}\n", encoding="utf-8")
    (tmp_path / "more.yaml").write_text("istio: {enabled: true}\n", encoding="utf-8")
    status, _, err = run(IRIS, "--values", str(path), "--values", str(tmp_path / "more.yaml"))

    assert status == 1
    assert "SKLEARN_SERVER" in err[0]
