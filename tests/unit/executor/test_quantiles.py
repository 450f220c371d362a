"""The quantiles of v1.17.1's summaries: of recent durations, by the nearest rank."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seldon_core.executor import metrics, quantiles
from seldon_core.executor.metrics import ExecutorMetrics


def test_the_recorded_ones() -> None:
    """Of the four /predict that the transcript counts, whose sum and quantiles it shows."""
    durations = [0.005109662, 0.000790839, 0.001039516, 0.00068524]
    assert quantiles.of(durations) == [
        (0.5, 0.000790839),
        (0.75, 0.001039516),
        (0.9, 0.005109662),
        (0.98, 0.005109662),
        (0.99, 0.005109662),
        (1.0, 0.005109662),
    ]
    assert sum(durations) == pytest.approx(0.007625257)


@given(durations=st.lists(st.floats(0, 10), min_size=1))
def test_as_many_are_no_longer_than_a_quantile_as_it_says(durations: list[float]) -> None:
    for quantile, seconds in quantiles.of(durations):
        assert sum(one <= seconds for one in durations) >= quantile * len(durations)
        assert sum(one < seconds for one in durations) < quantile * len(durations)


def test_what_is_older_than_ten_minutes_is_left_out() -> None:
    window = quantiles.Window()
    assert [window.recent(count, now) for count, now in [(5, 0.0), (7, 300.0), (7, 599.0)]] == [5, 7, 7]
    assert window.recent(8, 600.0) == 3, "five are from before the first scrape"
    assert window.recent(8, 899.0) == 3
    assert window.recent(8, 900.0) == 1
    assert window.recent(8, 5000.0) == 0


def _quantiles(made: ExecutorMetrics) -> list[float]:
    text = made.exposition()[0].decode()
    name = "seldon_api_executor_server_requests_seconds_summary{"
    return [float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(name)]


def test_a_series_is_shown_with_the_last_of_its_durations(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(metrics.time, "monotonic", lambda: now)
    made = ExecutorMetrics("m", "p", "v")
    for number in range(3 * quantiles.KEPT):
        made.served("predictions", "POST", 200, float(number))
    assert _quantiles(made)[0] == 2.5 * quantiles.KEPT - 1
    assert _quantiles(made)[-1] == 3 * quantiles.KEPT - 1
    now = 700.0
    made.served("predictions", "POST", 200, 7.0)
    assert _quantiles(made) == [7.0] * 6
    now = 1400.0
    assert all(map(math.isnan, _quantiles(made)))


def test_names_that_clients_invent_do_not_fill_the_memory() -> None:
    made = ExecutorMetrics("m", "p", "v")
    for number in range(metrics.MAX_SERIES + 50):
        made.served(f"/{number}", "POST", 200, 0.001)
    made.served("/0", "POST", 200, 0.001)
    text = made.exposition()[0].decode()
    counts = {line.partition('service="')[2].partition('"')[0]: line.rpartition(" ")[2] for line in text.splitlines()
              if line.startswith("seldon_api_executor_server_requests_seconds_count{")}  # fmt: skip
    assert len(counts) == metrics.MAX_SERIES + 1
    assert (counts["/0"], counts["other"]) == ("2.0", "50.0")
