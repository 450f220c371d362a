"""COMBINER: the mean of all answers. A coroutine, as a class may have."""
# ruff: noqa: ARG002, INP001 - a file as users of Seldon Core write it: the class stands alone, the signatures are given

from typing import Any

import numpy as np

from seldon_core.user_model import SeldonComponent


class Mean(SeldonComponent):
    """Every child's answer counts the same."""

    async def aggregate(self, features_list: list[Any], feature_names_list: list[list[str]]) -> Any:
        """Element by element."""
        return np.mean(features_list, axis=0)

    def tags(self) -> dict[str, Any]:
        """What the answer is."""
        return {"combined": "mean"}
