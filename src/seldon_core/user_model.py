"""What a user's model class may inherit from and give back. The import name that existing classes use.

    from seldon_core.user_model import SeldonComponent

    class Model(SeldonComponent):
        def predict(self, X, names, meta=None):
            return X * 2

Inheriting is optional: any class with some of these methods serves. Imports nothing, so that a user's module loads
fast. Source: specification 4.
"""
# ruff: noqa: ARG002, N803 - the signatures are the contract: users' classes override these methods and use the
# arguments

from typing import Any


class SeldonNotImplementedError(Exception):
    """Raised by the methods that a class does not define. May be raised by a user's method too, to the same effect."""


class SeldonComponent:
    """The methods that a component may define. A class defines those that its place in the graph needs."""

    def __init__(self, **kwargs: Any) -> None:
        """Takes whatever parameters the graph gives, for classes without a constructor of their own."""

    def load(self) -> None:
        """Read the model. Runs once, in a thread, before the component is ready."""

    def predict(self, X: Any, names: list[str], meta: dict[str, Any] | None = None) -> Any:
        """Answer for features `X`: numpy array, bytes, string, list or dictionary."""
        raise SeldonNotImplementedError("predict is not implemented")

    def transform_input(self, X: Any, names: list[str], meta: dict[str, Any] | None = None) -> Any:
        """The features as the next node wants them."""
        raise SeldonNotImplementedError("transform_input is not implemented")

    def transform_output(self, X: Any, names: list[str], meta: dict[str, Any] | None = None) -> Any:
        """The answer as the client wants it."""
        raise SeldonNotImplementedError("transform_output is not implemented")

    def route(self, features: Any, feature_names: list[str]) -> int:
        """The number of the child to ask; -1 for all."""
        raise SeldonNotImplementedError("route is not implemented")

    def aggregate(self, features_list: list[Any], feature_names_list: list[list[str]]) -> Any:
        """One answer from those of all children."""
        raise SeldonNotImplementedError("aggregate is not implemented")

    def send_feedback(
        self, features: Any, feature_names: list[str], reward: float, truth: Any, routing: int | None = None
    ) -> Any:
        """Learn from the reward of an earlier answer."""
        raise SeldonNotImplementedError("send_feedback is not implemented")

    def tags(self) -> dict[str, Any]:
        """What to put under `meta.tags` of each answer."""
        raise SeldonNotImplementedError("tags is not implemented")

    def class_names(self) -> list[str]:
        """Names of the answer's columns."""
        raise SeldonNotImplementedError("class_names is not implemented")

    def feature_names(self) -> list[str]:
        """Has no effect, as in v1.17.1."""
        raise SeldonNotImplementedError("feature_names is not implemented")

    def metrics(self) -> list[dict[str, Any]]:
        """Custom metrics of this request: dictionaries with key, type (COUNTER, GAUGE, TIMER), value and tags."""
        raise SeldonNotImplementedError("metrics is not implemented")

    def health_status(self) -> Any:
        """Anything that can be answered, where the component is well; raises where it is not."""
        raise SeldonNotImplementedError("health_status is not implemented")

    def init_metadata(self) -> dict[str, Any]:
        """The component's metadata: name, versions, platform, inputs, outputs, custom."""
        raise SeldonNotImplementedError("init_metadata is not implemented")


class SeldonResponse:
    """An answer with tags and metrics of its own request, which `tags()` and `metrics()` cannot tell apart."""

    def __init__(
        self, data: Any, tags: dict[str, Any] | None = None, metrics: list[dict[str, Any]] | None = None
    ) -> None:
        self.data = data
        self.tags = tags if tags is not None else {}
        self.metrics = metrics if metrics is not None else []

    @classmethod
    def create(cls, data: Any) -> "SeldonResponse":
        """`data` itself where it is a SeldonResponse already."""
        return data if isinstance(data, cls) else cls(data)
