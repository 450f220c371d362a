"""values.schema.json as Helm applies it, and generated files that are what their sources say."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
import yaml

from seldon_core.api.values import ValuesError, load_values
from seldon_core.cli import generate

from .helm import CHART, ROOT, HelmFailed, render_chart

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
RELEASED = yaml.safe_load((ROOT / "tests/unit/api/released_values.yaml").read_text(encoding="utf-8"))


def at(path: str, value: Any) -> dict[str, Any]:
    for name in reversed(path.split(".")):
        value = {name: value}
    result: dict[str, Any] = value
    return result


def test_the_schema_is_a_schema_and_the_defaults_fit_it() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)

    jsonschema.validate(yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8")), SCHEMA)


@pytest.mark.parametrize("path", RELEASED["older"])
def test_a_key_of_an_older_release_passes(path: str) -> None:
    jsonschema.validate(at(path, "anything"), SCHEMA)


@pytest.mark.parametrize("path", RELEASED["released"])
def test_null_passes(path: str) -> None:
    jsonschema.validate(at(path, None), SCHEMA)


def test_each_default_in_the_schema_is_the_default() -> None:
    def defaults(node: dict[str, Any]) -> Any:
        if "default" in node:
            return node["default"]
        return {
            key: defaults(child)
            for key, child in node["properties"].items()
            if "default" in child or "properties" in child
        }

    known = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    found = defaults(SCHEMA)
    del found["engine"], found["executor"]["grpc"]  # sections of old releases: their keys have no default

    assert found == known


WRONG_VALUES = [
    (at("executor.mode", "inside"), "'auto', 'embedded', 'sidecar'"),
    (at("executor.port", "x"), "executor/port"),
    (at("webhook.port", 70000), "webhook/port"),
    (at("rbac.create", "yes"), "rbac/create"),
    (at("defaultUserID", "root"), "defaultUserID"),
    (at("image.tag", 1.1), "image/tag"),
    (at("predictor_servers", "x"), "predictor_servers"),
    (at("crd.annotations.a", 1), "crd/annotations/a"),
    (at("global.imagePullSecrets", "x"), "global/imagePullSecrets"),
    (at("manager.replicas", 0), "manager/replicas"),
    (at("networkPolicies.apiServerPorts", [0]), "networkPolicies/apiServerPorts/0"),
]


@pytest.mark.parametrize(("values", "message"), WRONG_VALUES)
def test_helm_refuses_what_the_controller_refuses(values: dict[str, Any], message: str) -> None:
    with pytest.raises(HelmFailed, match="don't meet the specifications of the schema") as caught:
        render_chart(values)

    assert message in str(caught.value)
    with pytest.raises(ValuesError):
        load_values(values)


ACCEPTED = [
    at("manager.cpuLimit", 1),
    at("storageInitializer.cpuRequest", 0.5),
    at("defaultUserID", 1000),
    at("executor.user", ""),
    at("managerUserID", "1000"),
    at("executor.defaultEnvSecretRefName", "mine"),
    at("global.storageClass", "of another chart"),
    at("predictor_servers.MINE.protocols.mine.image", "i:1"),
    at("engine.port", 8000),
    at("manager.containerSecurityContext.seLinuxOptions.level", "s0"),
]


@pytest.mark.parametrize("values", ACCEPTED)
def test_helm_accepts_what_the_controller_accepts(values: dict[str, Any]) -> None:
    render_chart(values)

    load_values(values)


def test_generated_files_are_fresh() -> None:
    assert generate.main(["--check", "--root", str(ROOT)]) == 0


def test_stale_files_are_named_and_written_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--root", str(tmp_path)]
    generate.main(arguments)
    (tmp_path / "docs/values.md").write_text("old", encoding="utf-8")

    assert generate.main(["--check", *arguments]) == 1
    assert capsys.readouterr().err == "Stale: docs/values.md. Run `python -m seldon_core.cli.generate`.\n"
    assert (tmp_path / "docs/values.md").read_text(encoding="utf-8") == "old"
    assert generate.main(arguments) == 0
    assert generate.main(["--check", *arguments]) == 0


def test_the_documentation_has_a_row_for_every_key() -> None:
    text = (ROOT / "docs/values.md").read_text(encoding="utf-8")

    missing = [
        path
        for path in RELEASED["released"]
        if not path.startswith("predictor_servers.") and f"| `{path}` |" not in text
    ]
    assert missing == []


def test_a_server_that_is_no_mapping_is_refused() -> None:
    with pytest.raises(HelmFailed, match="got number, want"):
        render_chart({"predictor_servers": {"SKLEARN_SERVER": 1}})
