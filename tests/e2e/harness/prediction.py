"""The iris prediction that every good case must give, and the shape of the errors that bad requests must give.

Source of the numbers: issue 3 and the seeds' recorded answer; `OneVsRestClassifier(LogisticRegression(
solver="liblinear"))` on scikit-learn's iris.
"""

from __future__ import annotations

import json
from typing import Any

from .curl import Answer

REQUEST = '{"data":{"ndarray":[[5.964, 4.006, 2.081, 1.031]]}}'
NAMES = ["t:0", "t:1", "t:2"]
PROBABILITIES = [[0.9548873249364169, 0.04505474761561406, 5.7927447968952436e-05]]
TOLERANCE = 1e-9
PATH = "/api/v1.0/predictions"


def assert_iris(answer: Answer, *, unit: str, image: str) -> None:
    """The answer is the prediction, with its names, and its path names the unit and the unit's image."""
    assert answer.status == 200, str(answer)
    body = answer.json()
    assert body["data"]["names"] == NAMES, str(answer)
    rows = body["data"]["ndarray"]
    assert _shape(rows) == _shape(PROBABILITIES), str(answer)
    differences = [
        abs(found - wanted)
        for row, wanted_row in zip(rows, PROBABILITIES, strict=True)
        for found, wanted in zip(row, wanted_row, strict=True)
    ]
    assert max(differences) <= TOLERANCE, f"off by {max(differences):.3g}: {answer}"
    assert body["meta"]["requestPath"] == {unit: image}, str(answer)


def assert_error(answer: Answer) -> str:
    """The sentence of an answer that is an error in Seldon's shape: `{"status": {code, info, reason?, status}}`.

    Source: specification 3 (executor) and 4 (microservice): `status` is "FAILURE" or 1.
    """
    assert 400 <= answer.status < 600, str(answer)
    status: dict[str, Any] = answer.json().get("status")
    assert isinstance(status, dict), str(answer)
    assert status.get("status") in {"FAILURE", 1}, str(answer)
    sentence = str(status.get("info", ""))
    assert len(sentence.split()) >= 3, f"no sentence in status.info: {answer}"
    assert "Traceback" not in sentence, str(answer)
    return sentence


def request_of(*row: Any) -> str:
    """A request of one row."""
    return json.dumps({"data": {"ndarray": [list(row)]}})


def _shape(rows: Any) -> list[int]:
    return [len(row) for row in rows]
