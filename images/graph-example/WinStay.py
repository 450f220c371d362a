"""ROUTER: stays with a branch while it is rewarded, goes on to the next one where it is not (win-stay, lose-shift)."""
# ruff: noqa: ARG002, INP001 - a file as users of Seldon Core write it: the class stands alone, the signatures are given

from typing import Any

from seldon_core.user_model import SeldonComponent

ENOUGH = 0.5


class WinStay(SeldonComponent):
    """`branches` is the graph's parameter: how many children there are."""

    def __init__(self, branches: int = 2) -> None:
        self.branches = branches
        self.branch = 0

    def route(self, features: Any, feature_names: list[str]) -> int:
        """The present branch."""
        return self.branch

    def send_feedback(
        self,
        features: Any,
        feature_names: list[str],
        reward: float,
        truth: Any,
        routing: int | None = None,
    ) -> None:
        """Shift, where the present branch got too little; what is told of another branch comes too late."""
        if routing == self.branch and reward < ENOUGH:
            self.branch = (self.branch + 1) % self.branches
