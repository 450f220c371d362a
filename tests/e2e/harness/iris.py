"""The iris model in plain arithmetic: what it must answer to any row, without scikit-learn and without the model.

Source of the numbers: the fitted model itself, `OneVsRestClassifier(LogisticRegression(solver="liblinear"))` on
scikit-learn's iris; the fit is deterministic, and the recorded prediction of `prediction.py` comes out of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

WEIGHTS = (
    (0.41021712519841486, 1.4641621652467667, -2.2600326613110684, -1.0210350909174157),
    (0.427508695245226, -1.6121160505132803, 0.5758172977133083, -1.4061732496682098),
    (-1.7075152644316733, -1.534277675405618, 2.4709675499020363, 2.555370406343742),
)
INTERCEPTS = (0.2642185299173253, 1.0939246713654722, -1.214709165924617)
# The flowers' least and greatest measures, in cm: sepal length and width, petal length and width.
RANGES = ((4.3, 7.9), (2.0, 4.4), (1.0, 6.9), (0.1, 2.5))
# Irrational steps through each range, so that rows come back only after a very long time and fill the space evenly.
_STEPS = tuple(math.sqrt(prime) for prime in (2, 3, 5, 7))
_DIGITS = 6


def probabilities(row: Sequence[float]) -> list[float]:
    """The probability of each class: one logistic regression a class against the rest, scaled to a sum of 1."""
    scores = [
        1.0 / (1.0 + math.exp(-intercept - sum(w * x for w, x in zip(weights, row, strict=True))))
        for weights, intercept in zip(WEIGHTS, INTERCEPTS, strict=True)
    ]
    return [score / sum(scores) for score in scores]


def row(number: int) -> list[float]:
    """Four measures of a flower; another number gives another row."""
    return [
        round(least + (greatest - least) * math.modf(number * step)[0], _DIGITS)
        for (least, greatest), step in zip(RANGES, _STEPS, strict=True)
    ]
