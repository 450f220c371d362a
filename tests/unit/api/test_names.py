"""Names of objects. The hashed ones are facts of v1.17.1 (specification 1.1 and its recorded objects)."""

from typing import Any

import pytest

from seldon_core.api import names
from seldon_core.api.types import ComponentSpec, PodMetadata, Predictor

LONG = "a" * 50
PREDICTOR = "predictor-name-x"
UNIT = "classifier-with-a-long-name-that-goes-on-and-on-1234567890"


def component(*containers: str, name: str = "") -> ComponentSpec:
    spec = {"containers": [{"name": container} for container in containers]}
    return ComponentSpec(metadata=PodMetadata(name=name), spec=spec)


def test_short_names_are_joined_from_their_parts() -> None:
    assert names.deployment_name("m", "p", 0, component("comb", "a", "b")) == "m-p-0-comb-a-b"
    assert names.deployment_name("m", "p", 1, component("c", name="own")) == "m-p-1-own"
    assert names.predictor_key("m", Predictor(name="p")) == "m-p"
    assert names.container_service("m", "p", "c") == "m-p-c"
    assert names.orchestrator("m", "p") == "m-p-svc-orch"
    assert names.initializer("c") == "c-model-initializer"
    assert names.provision_volume("c") == "c-provision-location"


def test_long_names_are_hashed_as_before() -> None:
    assert names.deployment_name(LONG, PREDICTOR, 0, component(UNIT)) == "seldon-0d0dc86793a3b7a5f1f2611c6e9868e1"
    assert names.predictor_key(LONG, Predictor(name=PREDICTOR)) == "seldon-9c962d66dc118a2a5e33d522e879a0d2"
    assert names.container_service(LONG, PREDICTOR, UNIT) == "seldon-702a5ebd0c2747f9e5d5a8460b5c9d85"


def test_names_inside_a_pod_are_cut() -> None:
    assert names.initializer(UNIT) == f"{UNIT}-mode"
    assert names.provision_volume(UNIT) == f"{UNIT}-prov"


@pytest.mark.parametrize("length", [1, 44, 45, 60, 61, 62, 63])
def test_names_inside_a_pod_differ_from_one_another(length: int) -> None:
    unit = "b" * length
    inside = (names.initializer, names.provision_volume, names.claim_volume, names.companion_container)
    made = {unit, *(name(unit) for name in inside)}

    assert len(made) == 5
    assert all(len(name) <= 63 and not name.endswith("-") for name in made)


def test_the_label_of_a_long_container_has_a_legal_key() -> None:
    assert names.container_label("c" * 48) == f"seldon-app-svc-{'c' * 48}"
    assert len(names.container_label("c" * 49)) <= 63
    assert names.container_label("c" * 49) != names.container_label("c" * 50)


@pytest.mark.parametrize(("length", "expected"), [(63, False), (64, True)])
def test_the_limit_is_63(length: Any, expected: Any) -> None:
    assert names.seldon_id("x" * length).startswith("seldon-") is expected


def test_a_hashed_name_can_keep_the_deployment_as_prefix() -> None:
    short = names.deployment_name("mine", "p" * 70, 0, component("c"), name_as_prefix=True)
    too_long = names.deployment_name(LONG, "p" * 70, 0, component("c"), name_as_prefix=True)

    assert short.startswith("mine-")
    assert too_long.startswith("seldon-")
    assert max(len(short), len(too_long)) <= 63


def test_a_service_name_of_the_users_is_used_verbatim() -> None:
    assert names.predictor_key("m", Predictor(name="p", annotations={"seldon.io/svc-name": "mysvc"})) == "mysvc"
