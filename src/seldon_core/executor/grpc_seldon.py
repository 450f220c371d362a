"""The Seldon protocol over gRPC: the service seldon.protos.Seldon. Source: specification 3."""

from google.protobuf.message import DecodeError

from seldon_core.proto import prediction_pb2
from seldon_core.transport.rpc import RpcError, RpcRequest, Status
from seldon_core.transport.rpc_client import RpcPool

from .graph import together
from .grpc_api import ExecutorRpc, onward
from .message import GraphError, Message, Nodes
from .metrics import ExecutorMetrics
from .nodes import Node, Step, called, first, last
from .proto_payloads import PROTOBUF, ProtoPayloads
from .request_log import RequestLog
from .settings import Settings

METHODS = {
    Step.PREDICT: "/seldon.protos.Model/Predict",
    Step.TRANSFORM_INPUT: "/seldon.protos.Transformer/TransformInput",
    Step.TRANSFORM_OUTPUT: "/seldon.protos.OutputTransformer/TransformOutput",
    Step.ROUTE: "/seldon.protos.Router/Route",
    Step.AGGREGATE: "/seldon.protos.Combiner/Aggregate",
    Step.FEEDBACK: "/seldon.protos.Model/SendFeedback",
    Step.METADATA: "/seldon.protos.Model/Metadata",
}
"""Where nodes are asked."""
_SERVICE = "/seldon.protos.Seldon/"


class SeldonRpc(ExecutorRpc):
    """The service of the orchestrator."""

    def __init__(
        self,
        root: Node,
        nodes: Nodes,
        metrics: ExecutorMetrics,
        settings: Settings,
        *,
        log: RequestLog | None = None,
        kept: RpcPool | None = None,
    ) -> None:
        super().__init__(root, nodes, ProtoPayloads(), metrics, settings, log=log)
        self.methods = {
            f"{_SERVICE}Predict": self._predictions(kept, METHODS[Step.PREDICT]),
            f"{_SERVICE}SendFeedback": self._with_puid(self._feedback),
            f"{_SERVICE}ModelMetadata": self._plain(self._model_metadata),
            f"{_SERVICE}GraphMetadata": self._plain(self._graph_metadata),
        }

    async def _feedback(self, request: RpcRequest, puid: str) -> bytes:
        message = Message(request.body, PROTOBUF)
        decisions = self._payloads.decisions(message) if self._root.children else {}
        answer = await self._walk(request, puid).feedback(self._root, message, decisions)
        # No node wanted it: the client has to be answered a SeldonMessage, which a feedback is not.
        return b"" if answer is message else answer.body

    async def _model_metadata(self, request: RpcRequest, puid: str) -> bytes:
        try:
            name = prediction_pb2.SeldonModelMetadataRequest.FromString(request.body).name
        except DecodeError as error:
            raise RpcError(Status.INVALID_ARGUMENT, "The request is no SeldonModelMetadataRequest.") from error
        return await self._ask(request, puid, name, Step.METADATA, b"")

    async def _graph_metadata(self, request: RpcRequest, puid: str) -> bytes:
        servers = called(self._root)
        headers = onward(request, puid)
        answers = await together([self._nodes.call(node, Step.METADATA, Message(b""), headers) for node in servers])
        graph = prediction_pb2.SeldonGraphMetadata(name=self._settings.predictor)
        for node, answer in zip(servers, answers, strict=True):
            try:
                graph.models[node.name].MergeFromString(answer.body)
            except DecodeError as error:
                raise GraphError(f"{node.name} answered no SeldonModelMetadata") from error
        if (begin := first(self._root).name) in graph.models:
            graph.inputs.extend(graph.models[begin].inputs)
        if (end := last(self._root).name) in graph.models:
            graph.outputs.extend(graph.models[end].outputs)
        return graph.SerializeToString()
