"""The list of intended deviations names places that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
TEXT = (ROOT / "docs" / "deviations.md").read_text(encoding="utf-8")
PLACES = sorted(set(re.findall(r"`((?:api|operator|executor|charts)/[\w./-]+)`", TEXT)))


@pytest.mark.parametrize("place", PLACES)
def test_a_named_place_exists(place: str) -> None:
    assert (ROOT / ("" if place.startswith("charts/") else "src/seldon_core") / place).exists()


def test_the_list_has_places() -> None:
    assert len(PLACES) > 20
