"""The Open Inference Protocol (v2) over gRPC: inference.GRPCInferenceService. Source: its inference_grpc.md."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from google.protobuf.message import DecodeError, Message

from seldon_core import __version__
from seldon_core.proto import inference_pb2
from seldon_core.transport.rpc import RpcAnswer, RpcError, RpcHandler, RpcRequest, Status
from seldon_core.transport.rpc_later import Outcome, RpcLater

from . import infer_proto
from .batching import Joined
from .component import reason
from .errors import LOADING, MicroserviceError
from .infer import InferAnswer, InferRequest
from .infer_api import EXTENSIONS, NAME
from .infer_calls import InferCalls

_LOG = logging.getLogger(__name__)
_SERVICE = "/inference.GRPCInferenceService/"
_INFER = f"{_SERVICE}ModelInfer"
_STATUSES = {400: Status.INVALID_ARGUMENT, 404: Status.NOT_FOUND}


class _Joined(Joined[Outcome]):
    __slots__ = ("_calls", "_message", "_request")

    def __init__(self, calls: InferCalls, message: Any, request: InferRequest, later: RpcLater) -> None:
        super().__init__(later)
        self._calls = calls
        self._message = message
        self._request = request

    def answer(self, rows: Any) -> RpcAnswer:
        answer = _encoded(self._calls, self._message, self._calls.joined(self._request, rows))
        return RpcAnswer(answer.SerializeToString())

    def failed(self, error: BaseException) -> RpcError:
        return _failed(error, _INFER)


class InferRpc:
    """`methods` are what the transport serves. `ready` says whether the component is well."""

    def __init__(self, ready: Callable[[], Awaitable[bool]]) -> None:
        self._ready = ready
        self._calls: InferCalls | None = None
        self._alone = _handler(inference_pb2.ModelInferRequest, self._infer)
        self.methods: Mapping[str, RpcHandler] = {
            f"{_SERVICE}ServerLive": _handler(inference_pb2.ServerLiveRequest, self._live),
            f"{_SERVICE}ServerReady": _handler(inference_pb2.ServerReadyRequest, self._server_ready),
            f"{_SERVICE}ModelReady": _handler(inference_pb2.ModelReadyRequest, self._model_ready),
            f"{_SERVICE}ServerMetadata": _handler(inference_pb2.ServerMetadataRequest, self._server_metadata),
            f"{_SERVICE}ModelMetadata": _handler(inference_pb2.ModelMetadataRequest, self._model_metadata),
            _INFER: self._join,
        }

    def serve(self, calls: InferCalls) -> None:
        """The component is loaded: answer from now on."""
        self._calls = calls

    def _loaded(self, model: str) -> InferCalls:
        if self._calls is None:
            raise RpcError(Status.UNAVAILABLE, LOADING)
        self._calls.check(model)
        return self._calls

    async def _live(self, _: Any) -> Message:
        return inference_pb2.ServerLiveResponse(live=True)

    async def _server_ready(self, _: Any) -> Message:
        return inference_pb2.ServerReadyResponse(ready=await self._ready())

    async def _model_ready(self, request: inference_pb2.ModelReadyRequest) -> Message:
        if self._calls is not None:
            self._calls.check(request.name)
        return inference_pb2.ModelReadyResponse(ready=await self._ready())

    async def _server_metadata(self, _: Any) -> Message:
        return inference_pb2.ServerMetadataResponse(name=NAME, version=__version__, extensions=EXTENSIONS)

    async def _model_metadata(self, request: inference_pb2.ModelMetadataRequest) -> Message:
        metadata = self._loaded(request.name).metadata
        answer = inference_pb2.ModelMetadataResponse(
            name=request.name, versions=metadata["versions"], platform=metadata["platform"]
        )
        for field in ("inputs", "outputs"):
            for one in metadata[field]:
                if isinstance(one, Mapping):  # the Seldon protocol's metadata may describe other things than tensors
                    getattr(answer, field).add(**_tensor(one))
        return answer

    async def _infer(self, request: inference_pb2.ModelInferRequest) -> Message:
        calls = self._loaded(request.model_name)
        return _encoded(calls, request, await calls.infer(infer_proto.decode(request)))

    def _join(self, request: RpcRequest) -> Awaitable[RpcAnswer]:
        """A prediction; one that is answered with others has no coroutine of its own."""
        calls = self._calls
        if calls is None or not calls.batches:
            return self._alone(request)
        later = RpcLater()
        try:
            message = inference_pb2.ModelInferRequest.FromString(request.body)
            calls.check(message.model_name)
            decoded = infer_proto.decode(message)
            if calls.join(decoded, _Joined(calls, message, decoded, later)):
                return later
        except (DecodeError, MicroserviceError):
            pass  # said below
        return self._alone(request)


def _encoded(calls: InferCalls, request: inference_pb2.ModelInferRequest, answer: InferAnswer) -> Message:
    raw = bool(request.raw_input_contents)
    return infer_proto.encode(answer, request.model_name, calls.version, raw=raw)


def _tensor(one: Mapping[str, Any]) -> dict[str, Any]:
    shape = one.get("shape")
    sizes = [size for size in shape if isinstance(size, int)] if isinstance(shape, list) else []
    return {"name": str(one.get("name", "")), "datatype": str(one.get("datatype", "")), "shape": sizes}


def _handler(kind: Any, act: Callable[[Any], Awaitable[Message]]) -> RpcHandler:
    async def handle(request: RpcRequest) -> RpcAnswer:
        try:
            message = kind.FromString(request.body)
        except DecodeError as error:
            raise RpcError(Status.INVALID_ARGUMENT, f"The request is no {kind.DESCRIPTOR.full_name}.") from error
        try:
            return RpcAnswer((await act(message)).SerializeToString())
        except RpcError:
            raise
        except Exception as error:
            raise _failed(error, request.method) from error

    return handle


def _failed(error: BaseException, method: str) -> RpcError:
    if isinstance(error, MicroserviceError):
        _LOG.info("request refused", extra={"method": method, "info": error.info})
        return RpcError(_STATUSES.get(error.status, Status.INTERNAL), error.info)
    _LOG.error("request failed", exc_info=error, extra={"method": method})
    return RpcError(Status.INTERNAL, str(error) or reason(error))
