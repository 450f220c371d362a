"""The two ConfigMaps: what people edit (`seldon-config`), and the values that the controller reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from seldon_core import __version__
from seldon_core.api.values import Values, load_values, merge
from seldon_core.operator.config import edits

from .helm import CHART, copy_chart, render_chart
from .models import controllers_values

if TYPE_CHECKING:
    from pathlib import Path


def live_config(values: dict[str, Any] | None = None) -> dict[str, Any]:
    """What the controller writes into seldon-config where nobody has edited it."""
    return edits.of_chart(controllers_values(values))


def test_the_data_are_the_controllers() -> None:
    # What the chart does not name, Helm neither changes nor takes away.
    live = render_chart().one("ConfigMap", "seldon-config")

    assert not {"data", "binaryData"} & set(live)
    assert live["metadata"]["annotations"] == {"seldon.io/config-data": "controller"}


def test_no_value_changes_the_live_configurations_manifest() -> None:
    changed = {
        "credentials": {"s3": {"s3AccessKeyIDName": "x"}},
        "explainer": {"image": "x"},
        "predictor_servers": {"MINE": {"protocols": {}}},
        "storageInitializer": {"image": "x"},
    }

    assert render_chart(changed).one("ConfigMap", "seldon-config") == render_chart().one("ConfigMap", "seldon-config")


def test_the_live_configuration_has_the_released_shape() -> None:
    config = live_config()

    assert set(config) == {"credentials", "explainer", "predictor_servers", "storageInitializer"}
    assert config["credentials"] == {
        "gcs": {"gcsCredentialFileName": "gcloud-application-credentials.json"},
        "s3": {"s3AccessKeyIDName": "awsAccessKeyID", "s3SecretAccessKeyName": "awsSecretAccessKey"},
    }
    assert config["explainer"] == {
        "image": "seldonio/alibiexplainer:1.17.1",
        "image_v2": "seldonio/mlserver:1.3.5-alibi-explain",
    }
    assert config["storageInitializer"] == {
        "cpuLimit": "1",
        "cpuRequest": "100m",
        "image": f"localhost/seldon-core/rclone-storage-initializer:{__version__}",
        "memoryLimit": "1Gi",
        "memoryRequest": "100Mi",
    }
    assert config["predictor_servers"] == load_values({}).predictor_servers


def test_a_quantity_that_was_typed_as_a_number_is_a_text_in_the_live_configuration() -> None:
    assert live_config({"storageInitializer": {"cpuLimit": 2}})["storageInitializer"]["cpuLimit"] == "2"


GIVEN: tuple[dict[str, Any], ...] = (
    {},
    {"storageInitializer": {"image": "kfserving/storage-initializer:v0.6.1"}, "executor": {"mode": "sidecar"}},
    {"predictor_servers": {"TRITON_SERVER": None, "MINE": {"protocols": {"seldon": {"image": "m"}}}}},
    {"predictor_servers": {"SKLEARN_SERVER": {"protocols": {"seldon": {"defaultImageVersion": "2"}, "v2": None}}}},
    {"executor": {"defaultEnvSecretRefName": "mine", "image": None}, "engine": {"port": 8000}},
    {"predictiveUnit": {"defaultEnvSecretRefName": "a: #b"}, "defaultUserID": 1000, "executor": {"user": ""}},
    {"manager": {"containerSecurityContext": {"runAsUser": 1000680000}, "annotations": {"k": "line\nline"}}},
    {"global": {"imagePullSecrets": ["a", {"name": "b"}], "imageRegistry": "r", "other": {"chart": 1}}},
)


@pytest.mark.parametrize("values", GIVEN)
def test_both_ways_of_configuration_are_equal(values: dict[str, Any]) -> None:
    assert controllers_values(values) == load_values(values)


@pytest.mark.parametrize("values", GIVEN)
def test_the_live_configuration_says_what_the_values_say(values: dict[str, Any]) -> None:
    assert live_config(values)["predictor_servers"] == load_values(values).predictor_servers


def test_values_of_a_former_release_alone_are_enough(tmp_path: Path) -> None:
    # What `helm upgrade --reuse-values` does: the former release's values take the place of values.yaml.
    chart = copy_chart(tmp_path)
    former = {
        "engine": {"port": 8000, "image": {"tag": "1.0.0"}},
        "executor": {"enabled": True, "port": 8001},
        "predictor_servers": {"SKLEARN_SERVER": {"rest": {"image": "seldonio/sklearnserver_rest"}}},
        "webhook": {"port": 443},
    }
    (chart / "values.yaml").write_text(yaml.safe_dump(former), encoding="utf-8")

    rendered = render_chart(chart=chart)

    expected = render_chart({"executor": {"port": 8001}, "webhook": {"port": 443}})
    assert rendered.names() == expected.names()
    assert rendered.env() == expected.env()
    assert rendered.container() == expected.container()
    given = yaml.safe_load(rendered.one("ConfigMap", "seldon-operator-values")["data"]["values.yaml"])
    assert edits.of_chart(load_values(given, merged=True))["predictor_servers"] == former["predictor_servers"]


def test_the_values_of_the_chart_are_the_defaults_of_the_controller() -> None:
    for name in ("values.yaml", "files/defaults.yaml"):
        data = yaml.safe_load((CHART / name).read_text(encoding="utf-8"))

        assert load_values(data, merged=True) == Values()


def test_helm_merges_as_the_controller_does() -> None:
    given = {"manager": {"annotations": {"a": "1", "b": "2"}}, "crd": {"annotations": {"c": "3"}}}
    defaults = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))

    text = render_chart(given).one("ConfigMap", "seldon-operator-values")["data"]["values.yaml"]

    assert merge({}, yaml.safe_load(text)) == merge({}, merge(defaults, given))
