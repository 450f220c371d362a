"""Deployments that v1.17.1 made of recorded manifests, met for the first time: nobody has edited anything.

The recordings lie beside the checkout and are read where they are.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from seldon_core.api.decode import load
from seldon_core.api.types import SeldonDeployment
from seldon_core.api.values import load_values
from seldon_core.operator.objects import templates
from seldon_core.operator.render import RenderError, render
from seldon_core.operator.render.config import OperatorConfig, from_values
from seldon_core.operator.rollout import intent

CASES = Path(__file__).resolve().parents[4] / "shared" / "conformance" / "cases"
NAMES = sorted(path.name.removesuffix(".expected.json") for path in CASES.glob("*.expected.json"))

pytestmark = pytest.mark.skipif(not CASES.exists(), reason="no ../shared beside this checkout")

Object = dict[str, Any]

LONGEST_KEY = 63


@pytest.fixture(scope="module")
def config() -> OperatorConfig:
    return from_values(load_values({"istio": {"enabled": True}, "keda": {"enabled": True}}))


def recorded(case: str) -> list[Object]:
    found = json.loads((CASES / f"{case}.expected.json").read_text(encoding="utf-8"))
    items: list[Object] = found.get("objects") or []
    return items


def seldon_deployments(case: str) -> Iterator[SeldonDeployment]:
    for document in yaml.safe_load_all((CASES / f"{case}.yaml").read_text(encoding="utf-8")):
        if document and document.get("kind") == "SeldonDeployment":
            document["metadata"].setdefault("namespace", "ns")
            yield load(document)


def deployments(case: str, config: OperatorConfig) -> Iterator[tuple[SeldonDeployment, Object, Object]]:
    """Each SeldonDeployment with a rendered Deployment, and the recorded one of that name."""
    live = {each["metadata"]["name"]: each for each in recorded(case) if each["kind"] == "Deployment"}
    for sdep in seldon_deployments(case):
        try:
            rendered = render(sdep, config)
        except RenderError:
            continue
        for wanted in rendered.objects:
            if wanted["kind"] == "Deployment" and wanted["metadata"]["name"] in live:
                yield sdep, wanted, live[wanted["metadata"]["name"]]


@pytest.mark.parametrize("case", NAMES)
def test_what_only_the_controllers_see_differently_is_no_edit(case: str, config: OperatorConfig) -> None:
    for sdep, wanted, live in deployments(case, config):
        assert not intent.differs(sdep, wanted, live), wanted["metadata"]["name"]


@pytest.mark.parametrize("case", NAMES)
def test_the_new_services_select_the_kept_pods(case: str, config: OperatorConfig) -> None:
    selectors = {
        (each["metadata"]["name"]): each["spec"]["selector"]
        for each in recorded(case)
        if each["kind"] == "Service" and each["spec"].get("selector")
    }
    kept = [live["spec"]["template"]["metadata"]["labels"] for _, _, live in deployments(case, config)]
    for sdep in seldon_deployments(case):
        try:
            rendered = render(sdep, config)
        except RenderError:
            continue
        for service in rendered.objects:
            if service["kind"] != "Service" or service["metadata"]["name"] not in selectors:
                continue
            before = selectors[service["metadata"]["name"]]
            if any(len(key.rpartition("/")[2]) > LONGEST_KEY for key in before):
                continue  # v1.17.1 never got such pods into a cluster
            chosen = [labels for labels in kept if before.items() <= labels.items()]
            now = [labels for labels in kept if service["spec"]["selector"].items() <= labels.items()]
            assert [labels for labels in chosen if labels not in now] == [], service["metadata"]["name"]


@pytest.mark.parametrize("case", NAMES)
def test_a_kept_template_is_left_out_of_what_is_written(case: str, config: OperatorConfig) -> None:
    for _, wanted, live in deployments(case, config):
        held = templates.held(wanted, live)

        assert "template" not in held["spec"]
        assert held["spec"]["selector"] == live["spec"]["selector"]


EDITS = {
    "another model": lambda spec: spec["predictors"][0]["graph"].update(modelUri="s3://elsewhere/model"),
    "another secret": lambda spec: spec["predictors"][0]["graph"].update(envSecretRefName="another"),
    "a parameter": lambda spec: spec["predictors"][0]["graph"].update(
        parameters=[{"name": "method", "value": "predict", "type": "STRING"}]
    ),
    "an annotation": lambda spec: spec["predictors"][0].update(annotations={"seldon.io/rest-timeout": "100"}),
    "resources": lambda spec: spec["predictors"][0].update(
        componentSpecs=[
            {"spec": {"containers": [{"name": "classifier", "resources": {"requests": {"memory": "3Gi"}}}]}}
        ]
    ),
    "a node": lambda spec: spec["predictors"][0].update(
        componentSpecs=[{"spec": {"containers": [{"name": "classifier"}], "nodeSelector": {"gpu": "true"}}}]
    ),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_that_the_former_controller_did_not_see_is_one(edit: str, config: OperatorConfig) -> None:
    manifest = yaml.safe_load((CASES / "zz_feature_iris.yaml").read_text(encoding="utf-8"))
    EDITS[edit](manifest["spec"])
    live = next(each for each in recorded("zz_feature_iris") if each["kind"] == "Deployment")
    sdep = load(manifest)
    wanted = next(each for each in render(sdep, config).objects if each["kind"] == "Deployment")

    assert intent.differs(sdep, wanted, live)
