from __future__ import annotations

import pytest

from tests.e2e.harness.timeouts import ENV, Timeouts, load


def test_without_the_variable_the_table_holds() -> None:
    assert load({}) == Timeouts()


def test_named_deadlines_are_overridden() -> None:
    table = load({ENV: '{"model_ready": 300, "api": 1.5}'})

    assert (table.model_ready, table.api, table.kubectl) == (300.0, 1.5, Timeouts().kubectl)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is no JSON"),
        ("[1]", "must be a JSON object.*model_ready"),
        ('{"model_redy": 3}', "unknown name 'model_redy'; names: .*model_ready"),
        ('{"model_ready": 0}', "model_ready must be a number of seconds above 0, not 0"),
        ('{"model_ready": "9"}', "not '9'"),
        ('{"model_ready": true}', "not True"),
    ],
)
def test_a_bad_override_says_what_is_wrong(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load({ENV: text})
