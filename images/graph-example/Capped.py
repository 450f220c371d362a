"""OUTPUT_TRANSFORMER: no number above a limit. A plain class, without a base."""
# ruff: noqa: ARG002, INP001 - a file as users of Seldon Core write it: the class stands alone, the signatures are given

from typing import Any

import numpy as np


class Capped:
    """`limit` is the graph's parameter."""

    def __init__(self, limit: float) -> None:
        self.limit = limit

    def transform_output(self, answer: Any, names: list[str]) -> Any:
        """The answer, capped."""
        return np.minimum(answer, self.limit)

    def class_names(self) -> list[str]:
        """Of the two columns."""
        return ["first", "second"]

    def tags(self) -> dict[str, Any]:
        """What was done to the answer."""
        return {"limit": self.limit}
