"""The values contract: released keys keep name, type and default meaning; unknown keys are refused helpfully."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from seldon_core import __version__
from seldon_core.api.values import (
    Values,
    ValuesError,
    default_values,
    known_keys,
    load_values,
    merge,
    obsolete_keys,
    user_id,
)
from seldon_core.api.values_obsolete import ALIASES

RELEASED = yaml.safe_load((Path(__file__).parent / "released_values.yaml").read_text(encoding="utf-8"))
KINDS = {"boolean": bool, "integer": int, "string": str, "mapping": dict, "null": type(None)}
NEW = {
    "ambassador.grpcNamespaceHeader",
    "executor.mode",
    "gateway.enabled",
    "gateway.grpcListener",
    "gateway.httpListener",
    "gateway.name",
    "gateway.namespace",
    "global.imagePullSecrets",
    "global.imageRegistry",
    "manager.affinity",
    "manager.nodeSelector",
    "manager.replicas",
    "manager.rollout.maxConcurrent",
    "manager.takeover",
    "manager.tolerations",
    "manager.topologySpreadConstraints",
    "modelDefaults.affinity",
    "modelDefaults.imagePullSecrets",
    "modelDefaults.nodeSelector",
    "modelDefaults.priorityClassName",
    "modelDefaults.tolerations",
    "modelDefaults.topologySpreadConstraints",
    "networkPolicies.apiServerPorts",
    "networkPolicies.enabled",
    "networkPolicies.metricsFrom",
    "networkPolicies.models.egress",
    "networkPolicies.models.enabled",
    "networkPolicies.models.ingressFrom",
    "storageInitializer.caBundle.configMapName",
    "storageInitializer.caBundle.key",
    "storageInitializer.caBundle.secretName",
    "storageInitializer.cache.claimName",
    "storageInitializer.pvc",
    "storageInitializer.serviceAccountCredentials",
}


def lookup(data: Any, path: str) -> Any:
    for name in path.split("."):
        data = data[name]
    return data


def at(path: str, value: Any) -> dict[str, Any]:
    for name in reversed(path.split(".")):
        value = {name: value}
    result: dict[str, Any] = value
    return result


@pytest.mark.parametrize(("path", "kind"), RELEASED["released"].items())
def test_a_released_key_keeps_its_name_and_type(path: str, kind: str) -> None:
    assert type(lookup(default_values(), path)) is KINDS[kind]


def test_keys_beyond_the_released_ones_are_the_documented_additions() -> None:
    released = {path for path in RELEASED["released"] if not path.startswith("predictor_servers.")}

    assert set(known_keys()) - released - {"predictor_servers"} == NEW


@pytest.mark.parametrize("path", RELEASED["older"])
def test_a_key_of_an_older_release_is_accepted(path: str) -> None:
    data = at(path, "anything")

    values = load_values(data)

    assert msgspec.structs.replace(values, predictor_servers={}) == msgspec.structs.replace(
        Values(), predictor_servers={}
    )
    # kfserving is the former name of the protocol v2 and still means that.
    assert obsolete_keys(data) == (() if ".protocols.kfserving." in path else (path,))


def test_images_of_ours_have_the_version_of_the_package() -> None:
    values = load_values({})

    assert values.manager_image() == f"localhost/seldon-core/operator:{__version__}"
    assert values.executor_image() == f"localhost/seldon-core/executor:{__version__}"
    assert values.storage_initializer.image == f"localhost/seldon-core/rclone-storage-initializer:{__version__}"
    assert values.predictor_servers["SKLEARN_SERVER"]["protocols"]["seldon"] == {
        "image": "localhost/seldon-core/sklearnserver",
        "defaultImageVersion": __version__,
        "embedded": True,
    }


def test_the_image_registry_takes_the_place_of_localhost_alone() -> None:
    values = load_values({"global": {"imageRegistry": "registry.example.com:5000/team/"}})

    assert values.executor_image() == f"registry.example.com:5000/team/seldon-core/executor:{__version__}"
    assert values.resolve_image("localhost/a/b:1") == "registry.example.com:5000/team/a/b:1"
    assert values.resolve_image("localhost:5000/a/b:1") == "localhost:5000/a/b:1"
    assert values.resolve_image("seldonio/mlserver:1.3.5") == "seldonio/mlserver:1.3.5"


def test_a_tag_may_pin_the_content_by_its_digest() -> None:
    tag = f"{__version__}@sha256:{64 * 'a'}"
    row = {"protocols": {"seldon": {"image": "localhost/seldon-core/sklearnserver", "defaultImageVersion": tag}}}
    values = load_values({"executor": {"image": {"tag": tag}}, "predictor_servers": {"SKLEARN_SERVER": row}})

    assert values.executor_image() == f"localhost/seldon-core/executor:{tag}"
    assert values.predictor_servers["SKLEARN_SERVER"]["protocols"]["seldon"]["defaultImageVersion"] == tag


def test_a_registry_that_was_named_wins_over_the_image_registry() -> None:
    values = load_values({"global": {"imageRegistry": "mine"}, "image": {"registry": "docker.io"}})

    assert values.manager_image() == f"docker.io/seldon-core/operator:{__version__}"


def test_an_empty_registry_leaves_no_slash_in_front() -> None:
    assert load_values({"image": {"registry": ""}}).manager_image() == f"seldon-core/operator:{__version__}"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (at("storageInitialiser.image", "x"), "storageInitialiser.image: did you mean storageInitializer.image?"),
        (at("storageinitializer.image", "x"), "storageinitializer.image: did you mean storageInitializer.image?"),
        (at("executor.imag.tag", "x"), "executor.imag.tag: did you mean executor.image.tag?"),
        (at("manager.httpPort", 1), "manager.httpPort: did you mean predictiveUnit.httpPort?"),
        (at("predictorServers.A", {}), "predictorServers.A: did you mean predictor_servers.A?"),
        (at("webhook.prot", 1), "webhook.prot: did you mean webhook.port?"),
        (at("manager.replica", 2), "manager.replica: did you mean manager.replicas?"),
        (
            at("predictor_servers.MINE.protocols.seldon.tag", "1"),
            (
                "predictor_servers.MINE.protocols.seldon.tag. Keys of predictor_servers.MINE.protocols.seldon: "
                "defaultImageVersion, embedded, image"
            ),
        ),
        (at("executor.zz", 1), "executor.zz. Keys of executor: fullHealthChecks, image,"),
        (at("engine.prot", 1), "engine.prot. Keys: ambassador, certManager,"),
        (at("executor.grpc.zz", 1), "executor.grpc.zz. Keys of executor: fullHealthChecks,"),
        (at("engine", 1), "engine. Keys: ambassador, certManager,"),
        (at("zz", 1), "zz. Keys: ambassador, certManager,"),
        (at("executor.image.zz.yy", {}), "executor.image.zz.yy. Keys of executor.image: pullPolicy,"),
    ],
)
def test_an_unknown_key_is_refused_with_its_path_and_the_nearest_key(data: dict[str, Any], message: str) -> None:
    with pytest.raises(ValuesError) as caught:
        load_values(data)

    assert str(caught.value).startswith(f"Unknown value {message}")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (at("executor.port", "eighty"), "executor.port: Expected `int`, got `str`"),
        (at("executor.port", 0), "executor.port: Expected `int` >= 1"),
        (at("executor.port", 65536), "executor.port: Expected `int` <= 65535"),
        (at("executor", "x"), "executor: Expected `object`, got `str`"),
        (at("rbac.create", "yes"), "rbac.create: Expected `bool`, got `str`"),
        (at("defaultUserID", "root"), "defaultUserID: Expected `str` matching regex"),
        (at("image.pullPolicy", "Sometimes"), "image.pullPolicy: Invalid enum value 'Sometimes'"),
        (at("executor.mode", "inside"), "executor.mode: Invalid enum value 'inside'"),
        (at("image.tag", 1.1), "image.tag: Expected `str`, got `float`"),
        (at("predictor_servers", []), "predictor_servers: Expected `object`, got `array`"),
        (at("metrics.port", 4443), "webhook.port and metrics.port are both 4443: give one of them another port."),
        (at("manager.replicas", 0), "manager.replicas: Expected `int` >= 1"),
        (at("networkPolicies.apiServerPorts", [0]), "networkPolicies.apiServerPorts[0]: Expected `int` >= 1"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_with_its_path(data: dict[str, Any], message: str) -> None:
    with pytest.raises(ValuesError) as caught:
        load_values(data)

    assert str(caught.value).startswith(message)


def test_values_that_are_no_mapping_are_refused() -> None:
    with pytest.raises(ValuesError, match="Values must be a mapping of keys, not list"):
        load_values([])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "data", [None, {}, {"executor": None}, {"executor": {"image": None, "port": None}}, {"engine": None}, {"zz": None}]
)
def test_null_means_the_default(data: dict[str, Any] | None) -> None:
    assert load_values(data) == Values()


def test_rows_of_predictor_servers_are_merged_replaced_and_removed_as_by_helm() -> None:
    given = {
        "SKLEARN_SERVER": {"protocols": {"seldon": {"defaultImageVersion": "2"}}},
        "TRITON_SERVER": None,
        "MINE": {"protocols": {"seldon": {"image": "mine", "defaultImageVersion": "1", "note": None}}},
    }

    rows = load_values({"predictor_servers": given}).predictor_servers

    assert rows["SKLEARN_SERVER"]["protocols"]["seldon"] == {
        "image": "localhost/seldon-core/sklearnserver",
        "defaultImageVersion": "2",
        "embedded": True,
    }
    assert rows["MINE"] == {"protocols": {"seldon": {"image": "mine", "defaultImageVersion": "1"}}}
    assert "TRITON_SERVER" not in rows
    assert "XGBOOST_SERVER" in rows


@pytest.mark.parametrize("merged", [False, True])
def test_another_image_does_not_inherit_what_the_default_says_of_its_own(merged: Any) -> None:
    """Helm hands over the row with the default's mark in it, whatever image the user named."""
    theirs = {"image": "seldonio/sklearnserver", "defaultImageVersion": "1.17.1", "embedded": True}
    given = {"SKLEARN_SERVER": {"protocols": {"seldon": theirs}}, "MINE": {"protocols": {"seldon": theirs}}}

    rows = load_values({"predictor_servers": given}, merged=merged).predictor_servers

    assert rows["SKLEARN_SERVER"]["protocols"]["seldon"] == {
        "image": "seldonio/sklearnserver",
        "defaultImageVersion": "1.17.1",
    }
    assert rows["MINE"]["protocols"]["seldon"] == theirs


def test_what_helm_merged_is_taken_as_it_is() -> None:
    rows = {"MINE": {"protocols": {"seldon": {"image": "mine"}}}}

    assert load_values({"predictor_servers": rows}, merged=True).predictor_servers == rows


def test_loading_changes_nothing_that_was_given() -> None:
    data = {"executor": {"defaultEnvSecretRefName": "s"}, "predictor_servers": {"A": {"protocols": None}}}
    before = msgspec.to_builtins(data)

    load_values(data)

    assert data == before


def test_numbers_are_understood_where_a_text_is_meant() -> None:
    values = load_values({"manager": {"cpuLimit": 1, "cpuRequest": 0.5}, "defaultUserID": 1000})

    assert (values.manager.cpu_limit, values.manager.cpu_request, values.default_user_id) == ("1", "0.5", "1000")


def test_the_former_name_of_the_default_secret_is_understood() -> None:
    values = load_values({"executor": {"defaultEnvSecretRefName": "mine"}})

    assert values.predictive_unit.default_env_secret_ref_name == "mine"
    assert obsolete_keys({"executor": {"defaultEnvSecretRefName": "mine"}}) == ()


def test_the_present_name_of_the_default_secret_wins() -> None:
    data = at("executor.defaultEnvSecretRefName", "old") | at("predictiveUnit.defaultEnvSecretRefName", "new")

    assert load_values(data).predictive_unit.default_env_secret_ref_name == "new"


def test_every_alias_stands_for_a_known_key() -> None:
    assert set(ALIASES.values()) <= set(known_keys())


def test_helm_shares_the_section_global_with_other_charts() -> None:
    assert load_values({"global": {"storageClass": "fast", "imageRegistry": "r"}}).global_.image_registry == "r"


def test_obsolete_keys_of_a_whole_file_are_named_once_each() -> None:
    data = {
        "engine": {"port": 8000, "user": None},
        "predictor_servers": {"MINE": {"rest": {"image": "x"}, "protocols": {}}},
        "executor": {"port": 1},
    }

    assert obsolete_keys(data) == ("engine.port", "predictor_servers.MINE.rest.image")


@pytest.mark.parametrize(("value", "number"), [(8888, 8888), ("8888", 8888), ("", None)])
def test_user_ids(value: int | str, number: int | None) -> None:
    assert user_id(value) == number


def test_merge_removes_with_null_and_replaces_lists() -> None:
    base = {"a": {"b": 1, "c": 2}, "l": [1, 2], "m": {"x": 1}, "s": 1}
    over = {"a": {"b": None, "d": 3}, "l": [3], "m": 5, "s": {"t": None, "u": 1}}

    assert merge(base, over) == {"a": {"c": 2, "d": 3}, "l": [3], "m": 5, "s": {"u": 1}}


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"protocol": {"seldon": {"image": "i"}}}, "did you mean predictor_servers.MINE.protocols.seldon.image?"),
        ({"foo": 1}, "Unknown value predictor_servers.MINE.foo. Keys of predictor_servers.MINE: protocols"),
    ],
)
def test_a_misspelt_key_of_a_server_is_refused(row: Any, words: str) -> None:
    with pytest.raises(ValuesError) as caught:
        load_values({"predictor_servers": {"MINE": row}})

    assert words in str(caught.value)
