"""The Open Inference Protocol (v2) over gRPC: inference.GRPCInferenceService. Source: specification 3."""

from google.protobuf.message import DecodeError

from seldon_core import __version__
from seldon_core.proto import inference_pb2
from seldon_core.transport.rpc import RpcError, RpcRequest, Status

from .grpc_api import ExecutorRpc
from .health import Readiness
from .message import GraphError, Message, Nodes
from .metrics import ExecutorMetrics
from .nodes import Node, Step
from .proto_payloads import PROTOBUF, ProtoPayloads
from .request_log import RequestLog
from .settings import Settings

_SERVICE = "/inference.GRPCInferenceService/"
METHODS = {
    Step.PREDICT: f"{_SERVICE}ModelInfer",
    Step.TRANSFORM_INPUT: f"{_SERVICE}ModelInfer",
    Step.TRANSFORM_OUTPUT: f"{_SERVICE}ModelInfer",
    Step.STATUS: f"{_SERVICE}ModelReady",
    Step.METADATA: f"{_SERVICE}ModelMetadata",
}
"""Where nodes are asked."""


class V2ProtoPayloads(ProtoPayloads):
    """Outputs become inputs, contents and raw contents alike."""

    def chain(self, message: Message, name: str) -> Message:
        """A request to the node of that name."""
        if not message.answered:
            return message
        try:
            answer = inference_pb2.ModelInferResponse.FromString(message.body)
        except DecodeError as error:
            raise GraphError("Failed to convert kfserving response so it could be chained to new input") from error
        request = inference_pb2.ModelInferRequest(
            model_name=name, id=answer.id, raw_input_contents=answer.raw_output_contents
        )
        for output in answer.outputs:
            # The same fields under the same numbers.
            request.inputs.add().MergeFromString(output.SerializeToString())
        return Message(request.SerializeToString(), PROTOBUF)

    def inject(self, answer: Message, _: object) -> Message:
        """These messages have no meta."""
        return answer


class V2Rpc(ExecutorRpc):
    """The service, with the orchestrator in the place of a server."""

    def __init__(
        self,
        root: Node,
        nodes: Nodes,
        metrics: ExecutorMetrics,
        settings: Settings,
        readiness: Readiness,
        *,
        log: RequestLog | None = None,
    ) -> None:
        super().__init__(root, nodes, V2ProtoPayloads(), metrics, settings, log=log)
        self._readiness = readiness
        self.methods = {
            f"{_SERVICE}ModelInfer": self._with_puid(self._predict),
            f"{_SERVICE}ModelReady": self._plain(self._model_ready),
            f"{_SERVICE}ModelMetadata": self._plain(self._model_metadata),
            f"{_SERVICE}ServerLive": self._plain(self._live),
            f"{_SERVICE}ServerReady": self._plain(self._ready),
            f"{_SERVICE}ServerMetadata": self._plain(self._server_metadata),
        }

    async def _model_ready(self, request: RpcRequest, puid: str) -> bytes:
        return await self._ask(request, puid, _name(request), Step.STATUS, request.body)

    async def _model_metadata(self, request: RpcRequest, puid: str) -> bytes:
        return await self._ask(request, puid, _name(request), Step.METADATA, request.body)

    async def _live(self, _request: RpcRequest, _puid: str) -> bytes:
        return inference_pb2.ServerLiveResponse(live=True).SerializeToString()

    async def _ready(self, _request: RpcRequest, _puid: str) -> bytes:
        return inference_pb2.ServerReadyResponse(ready=await self._readiness.ready()).SerializeToString()

    async def _server_metadata(self, _request: RpcRequest, _puid: str) -> bytes:
        return inference_pb2.ServerMetadataResponse(name="seldon-core", version=__version__).SerializeToString()


def _name(request: RpcRequest) -> str:
    """The model that is asked for: field 1 of both kinds of request."""
    try:
        return inference_pb2.ModelReadyRequest.FromString(request.body).name
    except DecodeError as error:
        raise RpcError(Status.INVALID_ARGUMENT, "The request names no model.") from error
