"""ROUTER: the first child for small numbers, the second one where any is above a limit. A plain class."""
# ruff: noqa: ARG002, INP001 - a file as users of Seldon Core write it: the class stands alone, the signatures are given

from typing import Any

import numpy as np


class Threshold:
    """`limit` is the graph's parameter."""

    def __init__(self, limit: float) -> None:
        self.limit = limit

    def route(self, features: Any, feature_names: list[str]) -> int:
        """By the largest number."""
        return int(np.max(features) > self.limit)
