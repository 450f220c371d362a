"""MODEL or TRANSFORMER: features * slope + offset. Reports tags and metrics of each request."""
# ruff: noqa: ARG002, INP001 - a file as users of Seldon Core write it: the class stands alone, the signatures are given

import os
from typing import Any

import numpy as np

from seldon_core.user_model import SeldonComponent, SeldonResponse


class Linear(SeldonComponent):
    """`slope` and `offset` are the graph's parameters."""

    def __init__(self, slope: float = 1.0, offset: float = 0.0) -> None:
        self.slope, self.offset = slope, offset

    def predict(self, features: Any, names: list[str], meta: dict[str, Any] | None = None) -> SeldonResponse:
        """Two tags of its own, and one metric of each kind."""
        answer = np.asarray(features) * self.slope + self.offset
        metrics: list[dict[str, Any]] = [
            {"type": "COUNTER", "key": "linear_rows", "value": len(answer)},
            {"type": "GAUGE", "key": "linear_largest", "value": float(answer.max())},
            {"type": "TIMER", "key": "linear_pause", "value": 250, "tags": {"slope": str(self.slope)}},
        ]
        unit = os.environ["PREDICTIVE_UNIT_ID"]
        return SeldonResponse(
            answer, tags={f"{unit}.slope": self.slope, f"{unit}.offset": self.offset}, metrics=metrics
        )

    def transform_input(self, features: Any, names: list[str], meta: dict[str, Any] | None = None) -> Any:
        """The numbers alone."""
        return np.asarray(features) * self.slope + self.offset

    def send_feedback(
        self, features: Any, feature_names: list[str], reward: float, truth: Any, routing: int | None = None
    ) -> None:
        """A reward is counted by the server; there is nothing to learn here."""
