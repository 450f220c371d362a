"""Three texts decide about an entry of the live configuration: what the chart said, what is there, what it says now."""

import json
from typing import Any

import pytest
import yaml

from seldon_core.api.values import load_values
from seldon_core.operator.config import edits

OLD, NEW, MINE = ({"image": name, "defaultImageVersion": "1"} for name in ("old", "new", "mine"))


def servers(**rows: Any) -> dict[str, Any]:
    return {name: {"protocols": {"seldon": row}} for name, row in rows.items()}


@pytest.mark.parametrize(
    ("base", "live", "chart", "expected"),
    [
        # Nobody edited: the chart's.
        (servers(A=OLD), servers(A=OLD), servers(A=NEW), servers(A=NEW)),
        (servers(A=OLD), servers(A=OLD), servers(A=OLD, B=NEW), servers(A=OLD, B=NEW)),
        (servers(A=OLD, B=OLD), servers(A=OLD, B=OLD), servers(A=OLD), servers(A=OLD)),
        # Edited, and the chart says the same as before.
        (servers(A=OLD), servers(A=MINE), servers(A=OLD), servers(A=MINE)),
        (servers(A=OLD), servers(A=OLD, B=MINE), servers(A=NEW), servers(A=NEW, B=MINE)),
        (servers(A=OLD, B=OLD), servers(A=OLD), servers(A=NEW, B=OLD), servers(A=NEW)),
        # Both.
        (servers(A=OLD), servers(A=MINE), servers(A=NEW), servers(A=MINE)),
        (servers(A=OLD), {}, servers(A=NEW), {}),
        (servers(A=OLD), servers(A=NEW), servers(A=NEW), servers(A=NEW)),
    ],
)
def test_who_has_changed_an_entry_decides(base: Any, live: Any, chart: Any, expected: Any) -> None:
    assert edits.merged("predictor_servers", base, live, chart).data == expected


def test_an_image_and_its_version_stay_together() -> None:
    edited = servers(A=OLD | {"defaultImageVersion": "2"})

    found = edits.merged("predictor_servers", servers(A=OLD), edited, servers(A=NEW))

    assert found.data == edited
    assert found.kept == ("predictor_servers.A.protocols.seldon",)


def test_other_entries_are_merged_one_by_one() -> None:
    base = {"image": "old", "cpuLimit": "1", "memoryLimit": "1Gi"}

    found = edits.merged(
        "storageInitializer", base, base | {"cpuLimit": "2"}, {"image": "new", "cpuLimit": "3", "memoryLimit": "2Gi"}
    )

    assert found.data == {"image": "new", "cpuLimit": "2", "memoryLimit": "2Gi"}
    assert found.kept == ("storageInitializer.cpuLimit",)


def test_merging_twice_changes_nothing() -> None:
    base, live, chart = servers(A=OLD, B=OLD), servers(A=MINE, C=MINE), servers(A=NEW, B=NEW, D=NEW)

    once = edits.merged("predictor_servers", base, live, chart).data

    assert edits.merged("predictor_servers", chart, once, chart).data == once


def test_the_released_entries_are_those_of_the_released_values() -> None:
    """`--reuse-values` brings v1.17.1's defaults along: then nothing in its ConfigMap is to be changed."""
    rows = edits.RELEASED["predictor_servers"]
    values = load_values(
        {
            "predictor_servers": rows,
            "storageInitializer": edits.RELEASED["storageInitializer"],
            "explainer": edits.RELEASED["explainer"],
            "credentials": edits.RELEASED["credentials"],
        },
        merged=True,
    )

    assert edits.of_chart(values) == edits.RELEASED
    assert yaml.safe_load(json.dumps(edits.RELEASED)) == edits.RELEASED
