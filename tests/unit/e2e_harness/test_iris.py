from __future__ import annotations

import json

import pytest

from tests.e2e.harness import iris, prediction


def test_it_gives_the_recorded_prediction() -> None:
    (row,) = json.loads(prediction.REQUEST)["data"]["ndarray"]

    assert iris.probabilities(row) == pytest.approx(prediction.PROBABILITIES[0], abs=1e-12)


def test_rows_are_distinct_flowers() -> None:
    rows = [tuple(iris.row(number)) for number in range(20_000)]

    assert len(set(rows)) == len(rows)
    for row in rows:
        assert all(least <= value <= greatest for value, (least, greatest) in zip(row, iris.RANGES, strict=True))


def test_rows_get_answers_that_tell_them_apart() -> None:
    answers = {tuple(round(value, 9) for value in iris.probabilities(iris.row(number))) for number in range(20_000)}

    assert len(answers) == 20_000
