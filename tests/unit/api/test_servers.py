"""Rows of `predictor_servers`."""

from typing import Any

import pytest

from seldon_core.api.servers import ServersError, parse_servers

ROWS = {
    "SKLEARN_SERVER": {
        "protocols": {
            "seldon": {"image": "r/sklearn", "defaultImageVersion": "1", "embedded": True},
            "v2": {"image": "r/mlserver", "defaultImageVersion": "2"},
        }
    },
    "OLD_SERVER": {
        "protocols": {"kfserving": {"image": "r/old"}},
        "rest": {"image": "r/rest", "defaultImageVersion": "0.1"},
        "tensorflow": True,
    },
}


@pytest.mark.parametrize(
    ("row", "protocol", "image"),
    [
        ("SKLEARN_SERVER", "", "r/sklearn:1"),
        ("SKLEARN_SERVER", "seldon", "r/sklearn:1"),
        ("SKLEARN_SERVER", "v2", "r/mlserver:2"),
        ("SKLEARN_SERVER", "kfserving", "r/mlserver:2"),
        ("OLD_SERVER", "v2", "r/old"),
        ("OLD_SERVER", "kfserving", "r/old"),
    ],
)
def test_v2_and_kfserving_stand_for_one_another_and_none_means_seldon(row: Any, protocol: Any, image: Any) -> None:
    found = parse_servers(ROWS)[row].image(protocol)

    assert found is not None
    assert found.reference == image


def test_a_protocol_without_an_image_has_none() -> None:
    assert parse_servers(ROWS)["SKLEARN_SERVER"].image("tensorflow") is None


def test_only_marked_images_are_embedded() -> None:
    protocols = parse_servers(ROWS)["SKLEARN_SERVER"].protocols

    assert [name for name, image in protocols.items() if image.embedded] == ["seldon"]


@pytest.mark.parametrize("rows", [{"A": 1}, {"A": {"protocols": {"seldon": {}}}}, {"A": {"protocols": []}}])
def test_a_row_that_cannot_be_read_shows_what_one_looks_like(rows: Any) -> None:
    with pytest.raises(ServersError, match=r"A|image|protocols.*defaultImageVersion"):
        parse_servers(rows)
