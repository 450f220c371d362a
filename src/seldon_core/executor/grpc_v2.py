"""The Open Inference Protocol (v2) over gRPC: inference.GRPCInferenceService. Source: specification 3."""

from google.protobuf.message import DecodeError

from seldon_core import __version__
from seldon_core.proto import inference_pb2
from seldon_core.transport.rpc import RpcError, RpcRequest, Status
from seldon_core.transport.rpc_client import RpcPool

from .grpc_api import ExecutorRpc
from .health import Readiness
from .message import Nodes
from .metrics import ExecutorMetrics
from .nodes import Node, Step
from .request_log import RequestLog
from .settings import Settings
from .v2_payloads import V2ProtoPayloads

_SERVICE = "/inference.GRPCInferenceService/"
METHODS = {
    Step.PREDICT: f"{_SERVICE}ModelInfer",
    Step.TRANSFORM_INPUT: f"{_SERVICE}ModelInfer",
    Step.TRANSFORM_OUTPUT: f"{_SERVICE}ModelInfer",
    Step.ROUTE: f"{_SERVICE}ModelInfer",
    Step.AGGREGATE: f"{_SERVICE}ModelInfer",
    Step.STATUS: f"{_SERVICE}ModelReady",
    Step.METADATA: f"{_SERVICE}ModelMetadata",
}
"""Where nodes are asked."""


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
        kept: RpcPool | None = None,
    ) -> None:
        super().__init__(root, nodes, V2ProtoPayloads(root.name), metrics, settings, log=log)
        self._readiness = readiness
        self.methods = {
            f"{_SERVICE}ModelInfer": self._predictions(kept, METHODS[Step.PREDICT]),
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
