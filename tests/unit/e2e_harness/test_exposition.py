"""Pages of metrics, read back."""

from __future__ import annotations

from tests.e2e.harness.exposition import samples, total

PAGE = r"""# HELP rows_total Rows, by unit
# TYPE rows_total counter
rows_total{unit="a",code="200"} 2.0
rows_total{unit="b",code="200"} 3.5
rows_total{unit="b",code="500",text="a \"quoted\" } word"} 1e3
rows_total_sum{unit="a"} 9
up 1
"""


def test_series_are_found_by_name_and_labels() -> None:
    assert total(PAGE, "rows_total") == 1005.5
    assert total(PAGE, "rows_total", code="200") == 5.5
    assert total(PAGE, "rows_total", unit="b", code="200") == 3.5
    assert total(PAGE, "up") == 1


def test_what_is_not_there_is_nothing() -> None:
    assert total(PAGE, "rows_total", unit="c") == 0
    assert total(PAGE, "rows") == 0
    assert total(PAGE, "up", code="200") == 0


def test_labels_may_hold_any_text() -> None:
    (found,) = samples(PAGE, "rows_total", code="500")

    assert found.labels["text"] == r"a \"quoted\" } word"
