"""TensorFlow Serving over gRPC: PredictionService and ModelService. Source: specification 3.

Predict walks the graph. What else there is concerns one model: it is asked of the graph's root.
"""

from google.protobuf.message import DecodeError

from seldon_core.proto import serving_pb2
from seldon_core.transport.rpc import RpcRequest

from .grpc_api import Action, ExecutorRpc, onward
from .grpc_nodes import GrpcNodes
from .message import GraphError, Message
from .metrics import ExecutorMetrics
from .nodes import Node, Step, first
from .proto_payloads import PROTOBUF, ProtoPayloads
from .request_log import RequestLog
from .settings import Settings

_PREDICT = "/tensorflow.serving.PredictionService/Predict"
METHODS = {Step.PREDICT: _PREDICT, Step.TRANSFORM_INPUT: _PREDICT, Step.TRANSFORM_OUTPUT: _PREDICT}
"""Where nodes are asked."""
_OF_ONE_MODEL = (
    "/tensorflow.serving.PredictionService/Classify",
    "/tensorflow.serving.PredictionService/Regress",
    "/tensorflow.serving.PredictionService/MultiInference",
    "/tensorflow.serving.PredictionService/GetModelMetadata",
    "/tensorflow.serving.ModelService/GetModelStatus",
)


class TensorflowProtoPayloads(ProtoPayloads):
    """Outputs become inputs."""

    def chain(self, message: Message, name: str) -> Message:
        """A request to the node of that name."""
        if not message.answered:
            return message
        try:
            answer = serving_pb2.PredictResponse.FromString(message.body)
        except DecodeError as error:
            raise GraphError("Failed to convert tensorflow response so it could be chained to new input") from error
        request = serving_pb2.PredictRequest(inputs=answer.outputs)
        request.model_spec.name = name
        return Message(request.SerializeToString(), PROTOBUF)

    def inject(self, answer: Message, _: object) -> Message:
        """These messages have no meta."""
        return answer


class TensorflowRpc(ExecutorRpc):
    """The services, with the orchestrator in the place of a server."""

    def __init__(
        self,
        root: Node,
        nodes: GrpcNodes,
        metrics: ExecutorMetrics,
        settings: Settings,
        *,
        log: RequestLog | None = None,
    ) -> None:
        super().__init__(root, nodes, TensorflowProtoPayloads(), metrics, settings, log=log)
        self.methods = {_PREDICT: self._with_puid(self._predict)} | {
            method: self._with_puid(self._passed_on(nodes.with_methods({Step.PREDICT: method})))
            for method in _OF_ONE_MODEL
        }

    def _passed_on(self, nodes: GrpcNodes) -> Action:
        server = first(self._root)

        async def act(request: RpcRequest, puid: str) -> bytes:
            message = Message(request.body, PROTOBUF)
            return (await nodes.call(server, Step.PREDICT, message, onward(request, puid))).body

        return act
