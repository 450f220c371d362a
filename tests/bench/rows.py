"""The rows that are asked: iris-like, all of them different, the same in every run and for every system."""

from __future__ import annotations

import numpy as np

_LOWEST = (43, 20, 10, 1)
_HIGHEST = (79, 44, 69, 25)
"""Of iris's four features in tenths of a centimetre, both included."""
_REQUESTS = {1: 20_000, 100: 1_000}
_SEED = 20_000


def requests(rows: int) -> np.ndarray:
    """Distinct rows as (requests, rows, 4): 20,000 requests of one row, 1,000 of a hundred; others 20,000 rows in all.

    A prediction that was kept from an earlier request would be of no use before the whole of them has gone by.
    """
    count = _REQUESTS.get(rows, max(20_000 // rows, 1))
    generator = np.random.default_rng(_SEED + rows)
    found = np.empty((0, 4), dtype=np.int64)
    while len(found) < count * rows:
        drawn = generator.integers(_LOWEST, _HIGHEST, size=(2 * count * rows, 4), endpoint=True)
        found = np.unique(np.concatenate([found, drawn]), axis=0)
    chosen = generator.permutation(found)[: count * rows]
    return chosen.reshape(count, rows, 4) / 10
