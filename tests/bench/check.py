"""Every answer against what scikit-learn itself answers to the same rows, after the clock has stopped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from .payloads import Protocol

TOLERANCE = 1e-9
"""Rows that are answered together may differ from rows that are answered alone in a double's last bits."""


def right_answers(
    protocol: Protocol, expected: np.ndarray, indices: Sequence[int], answers: Sequence[bytes]
) -> tuple[np.ndarray, Counter[str]]:
    """Which answers are right, as booleans in their order, and how many are wrong for which reason.

    `expected` has the shape (requests, rows, classes); `indices` says to which request each answer belongs.
    """
    shape = expected.shape[1:]
    failures: Counter[str] = Counter()
    right = np.zeros(len(answers), dtype=bool)
    got = np.full((len(answers), *shape), np.nan)
    for number, answer in enumerate(answers):
        try:
            body = _body(answer) if protocol.transport == "rest" else answer
            got[number] = _numbers(protocol.read(body)).reshape(shape)
            right[number] = True
        except (ValueError, KeyError, TypeError, IndexError) as error:
            failures[f"not an answer of {protocol.name}: {str(error) or type(error).__name__}"[:200]] += 1
    if not len(answers):
        return right, failures
    close = (np.abs(got - expected[np.asarray(indices)]) <= TOLERANCE).all(axis=(1, 2))
    if wrong := int((right & ~close).sum()):
        failures["wrong numbers"] = wrong
    return right & close, failures


def _numbers(values: Any) -> np.ndarray:
    """As an array. Raises ValueError for texts, which numpy would take for the numbers in them."""
    array = np.asarray(values)
    if array.dtype.kind not in "fi":
        raise ValueError(f"{str(values)[:80]} are no numbers")
    return array


def _body(answer: bytes) -> bytes:
    """The body of an HTTP answer with status 200. Raises ValueError."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status = head[9:12]
    if status != b"200":
        raise ValueError(f"status {status.decode(errors='replace')}: {body[:120].decode(errors='replace')}")
    return body
