"""The spans of a model server: one for each call of the user's class, named as v1.17.1's wrapper named them.

Without tracing every method gives back what it was given. Source: specification 3 (tracing).
"""

from collections.abc import Mapping

from seldon_core.transport import tracing_settings
from seldon_core.transport.messages import Handler
from seldon_core.transport.rpc import RpcHandler
from seldon_core.transport.tracing_settings import TracingSettings

from .errors import StartError
from .settings import Identity

_NAMES = {
    "/predict": "Predict",
    "/transform-input": "TransformInput",
    "/transform-output": "TransformOutput",
    "/route": "Route",
    "/aggregate": "Aggregate",
    "/send-feedback": "SendFeedback",
    **{f"/api/{version}/predictions": "Predict" for version in ("v0.1", "v1.0")},
    **{f"/api/{version}/feedback": "SendFeedback" for version in ("v0.1", "v1.0")},
}
_V2_NAMES = {"infer": "ModelInfer", "route": "Route", "aggregate": "Aggregate"}
_CLOSE_SECONDS = 2.0


class Spans:
    """Raises StartError where tracing is asked for and cannot be."""

    def __init__(self, settings: TracingSettings | None, identity: Identity) -> None:
        attributes = {
            "seldon.deployment": identity.deployment,
            "seldon.predictor": identity.predictor,
            "seldon.unit": identity.unit,
        }
        try:
            self._tracing = tracing_settings.begin(settings, attributes)
        except ValueError as error:
            raise StartError(str(error)) from error

    def handler(self, handler: Handler) -> Handler:
        """A handler of HTTP."""
        return handler if self._tracing is None else self._tracing.handler(handler, _name)

    def methods(self, methods: Mapping[str, RpcHandler]) -> Mapping[str, RpcHandler]:
        """Methods of gRPC."""
        return methods if self._tracing is None else self._tracing.methods(methods)

    async def close(self) -> None:
        """Export what waits."""
        if self._tracing is not None:
            await self._tracing.close(_CLOSE_SECONDS)


def _name(path: str) -> str:
    """The span of a path; "" for probes, metadata and documentation."""
    return _NAMES.get(path) or (_V2_NAMES.get(path.rpartition("/")[2], "") if path.startswith("/v2/models/") else "")
