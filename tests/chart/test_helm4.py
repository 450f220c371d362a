"""Helm 3 and Helm 4 make the same of the chart."""

from __future__ import annotations

from typing import Any

import pytest

from .helm import CHART, HELM, HELM4, notes, render_chart, run_helm
from .test_objects import VARIANTS


@pytest.mark.parametrize("values", VARIANTS)
def test_both_render_the_same_objects(values: dict[str, Any]) -> None:
    one, other = render_chart(values, program=HELM), render_chart(values, program=HELM4)

    # Kinds that neither knows stand in another order.
    assert sorted(one.objects, key=_key) == sorted(other.objects, key=_key)


def test_both_print_the_same_notes() -> None:
    values = {"gateway": {"enabled": True}, "engine": {"port": 8000}, "usageMetrics": {"enabled": True}}

    assert notes(values, program=HELM4) == notes(values, program=HELM)


def test_both_find_nothing_to_object_to() -> None:
    for program in (HELM, HELM4):
        assert "1 chart(s) linted, 0 chart(s) failed" in run_helm(["lint", str(CHART), "--strict"], program=program)


def _key(item: dict[str, Any]) -> tuple[str, str]:
    return item["kind"], item["metadata"]["name"]
