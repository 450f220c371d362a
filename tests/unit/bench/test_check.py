"""No wrong answer counts."""

from __future__ import annotations

import numpy as np
import orjson

from tests.bench import rows
from tests.bench.check import right_answers
from tests.bench.payloads import PROTOCOLS

REST = PROTOCOLS["seldon-rest"]
EXPECTED = np.array([[[0.1, 0.9]], [[0.2, 0.8]], [[0.3, 0.7]]])
"""Three requests of one row, two classes."""


def answer(values: object, status: int = 200) -> bytes:
    return f"HTTP/1.1 {status} X\r\nA: b\r\n\r\n".encode() + orjson.dumps({"data": {"ndarray": values}})


def test_each_answer_is_held_against_its_own_request() -> None:
    right, failures = right_answers(REST, EXPECTED, [2, 0], [answer([[0.3, 0.7]]), answer([[0.3, 0.7]])])

    assert right.tolist() == [True, False]
    assert failures == {"wrong numbers": 1}


def test_the_last_bits_may_differ_and_no_more() -> None:
    near, far = 0.1 + 1e-12, 0.1 + 1e-6
    right, _ = right_answers(REST, EXPECTED, [0, 0], [answer([[near, 0.9]]), answer([[far, 0.9]])])

    assert right.tolist() == [True, False]


def test_what_is_no_answer_is_a_failure_with_its_reason() -> None:
    broken = [
        answer([[0.1, 0.9]], 500),
        b"HTTP/1.1 200 OK\r\n\r\n{",
        answer([[0.1]]),
        answer([["0.1", "0.9"]]),
        answer([]),
    ]
    right, failures = right_answers(REST, EXPECTED, [0] * len(broken), broken)

    assert not right.any()
    assert sum(failures.values()) == len(broken)
    assert any("status 500" in reason for reason in failures)


def test_not_a_number_is_wrong() -> None:
    values = np.array([np.nan, 0.9])
    message = b"\x1a\x14\x12\x12\x12\x10" + values.tobytes()
    right, failures = right_answers(PROTOCOLS["seldon-grpc"], EXPECTED, [0], [message])

    assert not right.any()
    assert failures == {"wrong numbers": 1}


def test_a_message_without_numbers_is_no_answer() -> None:
    right, failures = right_answers(PROTOCOLS["v2-grpc"], EXPECTED, [0], [b""])

    assert not right.any()
    assert sum(failures.values()) == 1


def test_at_least_ten_thousand_rows_are_asked_and_all_differ() -> None:
    for count in (1, 100):
        asked = rows.requests(count)
        flat = asked.reshape(-1, 4)

        assert asked.shape[1:] == (count, 4)
        assert len(flat) >= 10_000
        assert len(np.unique(flat, axis=0)) == len(flat)
        assert np.array_equal(asked, rows.requests(count))
