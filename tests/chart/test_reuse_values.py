"""`helm upgrade --reuse-values` from Seldon Core 1.17.1, or from an older release: its own defaults come along.

Helm then puts the values of the former release in the place of the chart's values.yaml, as these tests do.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from devtools.notes import as_an_object
from seldon_core import __version__
from seldon_core.api.values import Values, load_values
from seldon_core.operator.render.config import from_values

from .helm import ROOT, Rendered, copy_chart, render_chart

KEYS = ROOT.parent / "shared" / "spec" / "chart-values.md"
ROW = re.compile(r"^\| `(?P<key>[^`]+)` \| v[\d.]+ \| `(?P<default>.*)` \|$", re.MULTILINE)
OPERATOR = f"localhost/seldon-core/operator:{__version__}"
EXECUTOR = f"localhost/seldon-core/executor:{__version__}"

with_the_record = pytest.mark.skipif(not KEYS.exists(), reason="no ../shared beside this checkout")


def former_images(tag: str = "1.17.1", registry: str = "docker.io") -> dict[str, Any]:
    def image(repository: str) -> dict[str, str]:
        return {"pullPolicy": "Always", "registry": registry, "repository": repository, "tag": tag}

    return {
        "image": image("seldonio/seldon-core-operator"),
        "executor": {"image": image("seldonio/seldon-core-executor")},
    }


def recorded_values() -> dict[str, Any]:
    """Every default of the v1.17.1 chart."""
    values: dict[str, Any] = {}
    text = KEYS.read_text(encoding="utf-8").partition("## Only in older releases")[0]
    for row in ROW.finditer(text):
        node = values
        *sections, name = row["key"].split(".")
        for section in sections:
            node = node.setdefault(section, {})
        node[name] = yaml.safe_load(row["default"].replace("None", "null"))
    assert len(values) > 20
    return values


def reused(values: dict[str, Any], given: dict[str, Any] | None = None) -> tuple[Rendered, str]:
    """The chart's objects and its notes where the former release's values have taken the place of its own."""
    with tempfile.TemporaryDirectory() as folder:
        chart = copy_chart(Path(folder))
        (chart / "values.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
        as_an_object(chart)
        rendered = render_chart(given, chart=chart)
    return rendered, rendered.one("ConfigMap", "notes")["data"]["notes"]


def values_in_force(rendered: Rendered) -> Values:
    """What the controller reads."""
    data = rendered.one("ConfigMap", "seldon-operator-values")["data"]
    return load_values(yaml.safe_load(next(iter(data.values()))), merged=True)


def executor_image(rendered: Rendered) -> str:
    """What the controller puts beside models."""
    return from_values(values_in_force(rendered)).executor.image


@pytest.mark.parametrize("tag", ["1.17.1", "1.16.0", "1.2.3"])
def test_a_former_default_means_this_charts_own(tag: str) -> None:
    rendered, notes = reused(former_images(tag))

    assert (rendered.container()["image"], rendered.container()["imagePullPolicy"]) == (OPERATOR, "Always")
    assert executor_image(rendered) == EXECUTOR
    assert f"image: seldonio/seldon-core-operator:{tag} was an older release's default" in notes
    assert f"takes its place: {EXECUTOR}." in notes


def test_its_own_image_is_that_of_the_registry_in_use() -> None:
    rendered, notes = reused(former_images(), {"global": {"imageRegistry": "registry.example:5000"}})

    assert rendered.container()["image"] == OPERATOR.replace("localhost", "registry.example:5000")
    assert f"takes its place: {EXECUTOR.replace('localhost', 'registry.example:5000')}." in notes


@pytest.mark.parametrize(
    "images",
    [
        pytest.param(former_images(registry="mirror.example"), id="another registry"),
        pytest.param(former_images(tag="mine"), id="another tag"),
    ],
)
def test_what_somebody_chose_stays(images: dict[str, Any]) -> None:
    rendered, notes = reused(images)
    image = images["image"]

    assert rendered.container()["image"] == f"{image['registry']}/{image['repository']}:{image['tag']}"
    assert "image: seldonio/seldon-core-operator is Seldon Core's own image, which cannot do this chart's work" in notes
    assert "Name your copy of seldon-core/operator instead." in notes


def test_without_the_chart_the_same_is_read() -> None:
    values = load_values(former_images())

    assert values.executor_image() == EXECUTOR
    assert (values.image.repository, values.image.pull_policy) == ("seldon-core/operator", "Always")
    assert load_values(former_images(tag="mine")).executor_image() == "docker.io/seldonio/seldon-core-executor:mine"


def test_a_new_installation_hears_nothing_of_it() -> None:
    _, notes = reused(yaml.safe_load((ROOT / "charts/seldon-core-operator/values.yaml").read_text(encoding="utf-8")))

    assert "older release" not in notes


@with_the_record
def test_images_of_models_stay_as_they_are_named() -> None:
    rendered, notes = reused(recorded_values())
    servers = values_in_force(rendered).predictor_servers

    assert servers["SKLEARN_SERVER"]["protocols"]["seldon"]["image"] == "seldonio/sklearnserver"
    assert "SKLEARN_SERVER seldonio/sklearnserver" in notes
    assert "storageInitializer seldonio/rclone-storage-initializer:1.17.1" in notes
    assert "running pods of an older release stay as they are" in notes


def test_an_image_in_a_row_of_ours_does_not_inherit_what_ours_can() -> None:
    """Helm merges the row key by key; the pods of that image would have no orchestrator."""
    row = {"protocols": {"seldon": {"image": "seldonio/sklearnserver", "defaultImageVersion": "1.17.1"}}}
    rendered = render_chart({"predictor_servers": {"SKLEARN_SERVER": row}})
    server = from_values(values_in_force(rendered)).predictor_servers["SKLEARN_SERVER"]

    found = {name: (image.reference, image.embedded) for name, image in server.protocols.items()}
    assert found == {
        "seldon": ("seldonio/sklearnserver:1.17.1", False),
        "v2": (f"localhost/seldon-core/sklearnserver:{__version__}", True),
    }


@with_the_record
def test_every_default_of_the_former_release_is_taken() -> None:
    rendered, _ = reused(recorded_values())

    assert (rendered.container()["image"], executor_image(rendered)) == (OPERATOR, EXECUTOR)
    assert rendered.one("Deployment")["spec"]["selector"]["matchLabels"]["app.kubernetes.io/instance"] == "seldon1"


@with_the_record
def test_pods_are_replaced_where_that_is_wanted() -> None:
    _, notes = reused(recorded_values(), {"manager": {"takeover": "roll", "rollout": {"maxConcurrent": 3}}})

    assert "running pods of an older release are replaced now, 3 SeldonDeployments at a time" in notes
