from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from tests.e2e.harness.curl import Answer
from tests.e2e.harness.prediction import PROBABILITIES, assert_error, assert_iris, request_of

UNIT, IMAGE = "classifier", "localhost/seldon-core/sklearnserver:0.1.0"
GOOD: dict[str, Any] = {
    "data": {"names": ["t:0", "t:1", "t:2"], "ndarray": copy.deepcopy(PROBABILITIES)},
    "meta": {"requestPath": {UNIT: IMAGE}},
}


def answer(body: Any, status: int = 200) -> Answer:
    return Answer(command="curl", status=status, content_type="application/json", body=json.dumps(body).encode())


def changed(*path: str, to: Any) -> dict[str, Any]:
    body = copy.deepcopy(GOOD)
    inner = body
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = to
    return body


def test_the_prediction_is_accepted_within_a_billionth() -> None:
    assert_iris(answer(GOOD), unit=UNIT, image=IMAGE)
    near = [[value + 9e-10 for value in PROBABILITIES[0]]]
    assert_iris(answer(changed("data", "ndarray", to=near)), unit=UNIT, image=IMAGE)


@pytest.mark.parametrize(
    "body",
    [
        changed("data", "ndarray", to=[[value + 2e-9 for value in PROBABILITIES[0]]]),
        changed("data", "ndarray", to=[PROBABILITIES[0][:2]]),
        changed("data", "ndarray", to=PROBABILITIES * 2),
        changed("data", "ndarray", to=[]),
        changed("data", "names", to=["a", "b", "c"]),
        changed("meta", "requestPath", to={UNIT: "another:1"}),
        changed("meta", "requestPath", to={UNIT: IMAGE, "more": IMAGE}),
    ],
)
def test_another_answer_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(AssertionError):
        assert_iris(answer(body), unit=UNIT, image=IMAGE)


def test_another_status_is_refused() -> None:
    with pytest.raises(AssertionError):
        assert_iris(answer(GOOD, status=500), unit=UNIT, image=IMAGE)


@pytest.mark.parametrize("status", ["FAILURE", 1])
def test_an_error_in_seldons_shape_gives_its_sentence(status: str | int) -> None:
    body = {"status": {"code": -1, "info": "X has 3 features.", "reason": "MICROSERVICE_BAD_DATA", "status": status}}

    assert assert_error(answer(body, status=400)) == "X has 3 features."


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (GOOD, 200),
        ({"status": {"info": "X has 3 features.", "status": 1}}, 200),
        ({"error": "X has 3 features."}, 400),
        ({"status": {"info": ":None", "status": 1}}, 400),
        ({"status": {"info": "X has 3 features.", "status": 0}}, 400),
        ({"status": {"info": "Traceback (most recent call last)", "status": 1}}, 500),
    ],
)
def test_what_is_no_error_in_seldons_shape_is_refused(body: dict[str, Any], status: int) -> None:
    with pytest.raises(AssertionError):
        assert_error(answer(body, status=status))


def test_a_request_of_one_row() -> None:
    assert json.loads(request_of(1.5, "two")) == {"data": {"ndarray": [[1.5, "two"]]}}
