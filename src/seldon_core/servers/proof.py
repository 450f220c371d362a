"""Whether an evaluator answers as its model does, to the last bit: asked at load, over rows of all sorts.

The rows are made anew in the same way each time, so that a model is either proven on every start or on none.
"""

import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .linear import Evaluator

_COUNTS = (1, 1, 1, 2, 3, 4, 5, 7, 8, 16, 31, 64, 100, 1000)
"""Rows in a call. Products of other shapes take other paths through BLAS: one row, few rows, many."""
_SCALES = (1e-3, 1.0, 1e3)
_EDGES = (0.0, -0.0, 5e-324, 1e-300, 1e150, -1e150, 1.7e308, -1.7e308, 0.1, 1 / 3, 2.0**53 + 2)
_SEED = 7
_QUICK_SECONDS = 100e-6
_QUICK_COUNTS = (4096, 1024, 256, 64, 16, 4, 1)
_TIMES = 3


def holds(evaluate: Evaluator, call: Callable[[Any], Any], width: int) -> bool:
    """Whether each answer of the evaluator has the bits, the kind and the shape of the model's own.

    Also where the model refuses: then the evaluator must not answer.
    """
    answered = 0
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for rows in _corpus(width):
            got = evaluate(rows)
            if got is None:
                continue
            try:
                wanted = call(rows)
            except (ValueError, TypeError):
                return False
            if not _same(got, wanted):
                return False
            answered += 1
    return answered >= len(_COUNTS)


class Proven:
    """An evaluator before its model: whatever the evaluator leaves, the model answers."""

    def __init__(self, evaluate: Evaluator, call: Callable[[Any], Any], width: int) -> None:
        self._evaluate = evaluate
        self._call = call
        self.quick_rows = quick_rows(evaluate, width)
        """How many rows a call may have that takes at most 100 us on this machine."""

    def __call__(self, rows: Any) -> Any:
        """The model's answer. Raises what the model raises."""
        found = self._evaluate(rows)
        return self._call(rows) if found is None else found


def quick_rows(evaluate: Evaluator, width: int) -> int:
    """How many rows a call may have that takes at most 100 us on this machine; 0 where one row takes longer."""
    for count in _QUICK_COUNTS:
        rows = np.random.default_rng(_SEED).normal(size=(count, width))
        taken = []
        for _ in range(_TIMES):
            begun = time.perf_counter()
            evaluate(rows)
            taken.append(time.perf_counter() - begun)
        if min(taken) <= _QUICK_SECONDS:
            return count
    return 0


def _corpus(width: int) -> Iterator[Any]:
    generator = np.random.default_rng(_SEED)
    for number, count in enumerate(_COUNTS):
        yield generator.normal(scale=_SCALES[number % len(_SCALES)], size=(count, width))
        yield generator.choice(_EDGES, size=(count, width))
    for count in (1, 3, 64):
        yield generator.integers(-9, 100, size=(count, width))
        yield generator.integers(-(2**63), 2**63 - 1, size=(count, width))
        yield generator.integers(0, 80, size=(count, width)) / 10
        yield np.zeros((count, width))
    ordinary = generator.normal(size=(8, width))
    yield from (ordinary.astype(np.float32), ordinary.astype(object), ordinary.astype(str), ordinary[:, :0])
    yield np.asfortranarray(ordinary)
    yield ordinary[::2]
    yield ordinary[0]
    for hole in (np.nan, np.inf, -np.inf):
        broken = ordinary.copy()
        broken[3, 0] = hole
        yield broken


def _same(got: Any, wanted: Any) -> bool:
    if type(got) is not type(wanted) or got.dtype != wanted.dtype or got.shape != wanted.shape:
        return False
    if got.dtype == object:
        return bool((got == wanted).all())
    return bool(got.tobytes() == wanted.tobytes())
