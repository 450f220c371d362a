"""The microservice's gRPC API: every service of the Seldon protocol, whatever the unit's type. Source: specification 4.

Errors have v1.17.1's status UNKNOWN and its text in front, because clients know them; what was wrong follows. While the
model is being loaded the status is UNAVAILABLE: the one that asks clients to try again.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from google.protobuf.message import DecodeError

from seldon_core.proto import prediction_pb2
from seldon_core.transport.rpc import RpcAnswer, RpcError, RpcHandler, RpcRequest, Status
from seldon_core.transport.rpc_later import Outcome, RpcLater

from . import protojson
from .batching import Joined
from .calls import Calls
from .component import reason
from .errors import LOADING, MicroserviceError
from .payload import Codec, Payload
from .proto_codec import ProtoCodec

_LOG = logging.getLogger(__name__)
_PROTO = ProtoCodec()
_PREFIX = "Exception calling application: "
_GRAPH_METADATA = "GraphMetadata not available on the Model level."

_Act = Callable[[Calls, Any], Awaitable[Any]]
"""From a request's message to that of its answer."""


class _Joined(Joined[Outcome]):
    __slots__ = ("_calls", "_decoded", "_method")

    def __init__(self, calls: Calls, decoded: Payload, later: RpcLater, method: str) -> None:
        super().__init__(later)
        self._calls = calls
        self._decoded = decoded
        self._method = method

    def answer(self, rows: Any) -> RpcAnswer:
        return RpcAnswer(self._calls.joined(_PROTO, self._decoded, rows).SerializeToString())

    def failed(self, error: BaseException) -> RpcError:
        return _failed(error, self._method)


class MicroserviceRpc:
    """Answers calls: UNAVAILABLE until `serve` gives it a loaded component. `methods` are what the transport serves."""

    def __init__(self) -> None:
        self._calls: Calls | None = None
        self._metadata: bytes | MicroserviceError = b""
        messages, feedbacks = prediction_pb2.SeldonMessage, prediction_pb2.Feedback
        self._alone = self._handler(messages, _with_proto(Calls.predict))
        predict = self._predict
        transform_input = self._handler(messages, _with_proto(Calls.transform_input))
        transform_output = self._handler(messages, _with_proto(Calls.transform_output))
        route = self._handler(messages, _with_proto(Calls.route))
        aggregate = self._handler(prediction_pb2.SeldonMessageList, _with_proto(Calls.aggregate))
        feedback = self._handler(feedbacks, Calls.feedback)
        services: Mapping[str, Mapping[str, RpcHandler]] = {
            "Generic": {
                "TransformInput": transform_input,
                "TransformOutput": transform_output,
                "Route": route,
                "Aggregate": aggregate,
                "SendFeedback": feedback,
            },
            "Model": {"Predict": predict, "SendFeedback": feedback, "Metadata": self._describe},
            "Router": {"Route": route, "SendFeedback": feedback},
            "Transformer": {"TransformInput": transform_input},
            "OutputTransformer": {"TransformOutput": transform_output},
            "Combiner": {"Aggregate": aggregate},
            "Seldon": {
                "Predict": predict,
                "SendFeedback": feedback,
                "ModelMetadata": self._describe,
                "GraphMetadata": _graph_metadata,
            },
        }
        self.methods: Mapping[str, RpcHandler] = {
            f"/seldon.protos.{service}/{method}": handler
            for service, methods in services.items()
            for method, handler in methods.items()
        }

    def serve(self, calls: Calls, metadata: dict[str, Any] | MicroserviceError) -> None:
        """The component is loaded: answer from now on. `metadata` is its document, or what is wrong with it."""
        self._metadata = _described(metadata)
        self._calls = calls

    async def ready(self) -> bool:
        """Whether the component is loaded and says that it is well."""
        if self._calls is None:
            return False
        try:
            await self._calls.health_status()
        except Exception as error:  # noqa: BLE001 - a user's code may raise anything
            _LOG.info("component is not well", extra={"error": reason(error)})
            return False
        return True

    def _handler(self, kind: Any, act: _Act) -> RpcHandler:
        """A method whose requests are messages of `kind`."""
        parse = kind.FromString

        async def handle(request: RpcRequest) -> RpcAnswer:
            calls = self._calls
            if calls is None:
                raise RpcError(Status.UNAVAILABLE, LOADING)
            try:
                message = parse(request.body)
            except DecodeError as error:
                raise RpcError(Status.INVALID_ARGUMENT, f"The request is no {kind.DESCRIPTOR.full_name}.") from error
            try:
                answer = await act(calls, message)
                return RpcAnswer(answer.SerializeToString())
            except Exception as error:
                raise _failed(error, request.method) from error

        return handle

    def _predict(self, request: RpcRequest) -> Awaitable[RpcAnswer]:
        """A prediction; one that is answered with others has no coroutine of its own."""
        calls = self._calls
        if calls is None or not calls.batches:
            return self._alone(request)
        later = RpcLater()
        try:
            decoded = _PROTO.decode(prediction_pb2.SeldonMessage.FromString(request.body))
            if calls.join(decoded, _Joined(calls, decoded, later, request.method)):
                return later
        except (DecodeError, MicroserviceError):
            pass  # said below
        return self._alone(request)

    async def _describe(self, _: RpcRequest) -> RpcAnswer:
        if self._calls is None:
            raise RpcError(Status.UNAVAILABLE, LOADING)
        if isinstance(self._metadata, MicroserviceError):
            raise _application_error(self._metadata.info)
        return RpcAnswer(self._metadata)


async def _graph_metadata(_: RpcRequest) -> RpcAnswer:
    raise _application_error(_GRAPH_METADATA)


def _failed(error: BaseException, method: str) -> RpcError:
    if isinstance(error, MicroserviceError):
        _LOG.info("request refused", extra={"method": method, "info": error.info})
        return _application_error(error.info)
    # Its text is the caller's, as in v1.17.1; the traceback goes to the log alone.
    _LOG.error("request failed", exc_info=error, extra={"method": method})
    return _application_error(str(error) or reason(error))


def _application_error(text: str) -> RpcError:
    return RpcError(Status.UNKNOWN, _PREFIX + text)


def _with_proto(method: Callable[[Calls, Codec, Any], Awaitable[Any]]) -> _Act:
    return lambda calls, message: method(calls, _PROTO, message)


def _described(metadata: dict[str, Any] | MicroserviceError) -> bytes | MicroserviceError:
    if isinstance(metadata, MicroserviceError):
        return metadata
    custom = {str(key): str(value) for key, value in metadata["custom"].items()}  # a map of strings on the wire
    try:
        message = protojson.parse(
            {**metadata, "custom": custom}, prediction_pb2.SeldonModelMetadata(), "The metadata has no form in protobuf"
        )
    except MicroserviceError as error:
        return error
    return message.SerializeToString()
