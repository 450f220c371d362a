"""The metadata of a whole graph, put together from that of its nodes. Source: specification 3 (graph metadata)."""

from typing import Any

import orjson

from .graph import together
from .message import GraphError, Message, Nodes, RawHeaders
from .nodes import Node, Step, called, first, last

_FIELDS = ("name", "platform", "versions", "inputs", "outputs", "custom")


async def of_graph(nodes: Nodes, root: Node, predictor: str, headers: RawHeaders) -> Message:
    """Names, inputs and outputs of every node and of the graph. Raises NodeError, GraphError."""
    servers = called(root)
    answers = await together([nodes.call(node, Step.METADATA, Message(b""), headers) for node in servers])
    models = {node.name: _read(node, answer) for node, answer in zip(servers, answers, strict=True)}
    document = {
        "name": predictor,
        "models": models,
        "graphinputs": models.get(first(root).name, {}).get("inputs", []),
        "graphoutputs": models.get(last(root).name, {}).get("outputs", []),
    }
    return Message(orjson.dumps(document))


def _read(node: Node, answer: Message) -> dict[str, Any]:
    try:
        document = orjson.loads(answer.body)
    except orjson.JSONDecodeError as error:
        raise GraphError(f"{node.name} answered metadata that is no JSON: {error}") from error
    if not isinstance(document, dict):
        raise GraphError(f"{node.name} answered metadata that is no JSON object")
    return {field: document[field] for field in _FIELDS if field in document}
