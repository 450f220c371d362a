"""The walk through the graph: one recursive function for predictions, one for feedback.

At a node: transform the input; if it has children, choose some, ask them, join their answers; transform the output. A
payload is parsed only where a router's answer has to be read. Source: specification 3 (graph order, feedback).
"""

import asyncio
import random
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any

from . import routing
from .message import GraphError, Message, Nodes, Payloads, RawHeaders
from .nodes import Node, Step


class Walk:
    """One request on its way through the graph."""

    def __init__(self, nodes: Nodes, payloads: Payloads, headers: RawHeaders) -> None:
        self._nodes = nodes
        self._payloads = payloads
        self._headers = headers
        self.decisions: dict[str, int] = {}
        """For each node that was called: the child it chose, or ALL_CHILDREN."""

    async def predict(self, node: Node, message: Message) -> Message:
        """The answer of a node and everything below it. Raises what Nodes.call raises."""
        if node.input_step is not None:
            message = await self._ask(node, node.input_step, self._payloads.chain(message, node.name))
        if node.children:
            message = await self._children(node, message)
        if node.transforms_output:
            message = await self._ask(node, Step.TRANSFORM_OUTPUT, self._payloads.chain(message, node.name))
        return message

    async def _children(self, node: Node, message: Message) -> Message:
        choice = await self._choose(node, message)
        if choice == routing.NO_CHILDREN:
            return message
        if choice == routing.ALL_CHILDREN:
            answers = await together([self.predict(child, message) for child in node.children])
        else:
            answers = [await self.predict(node.children[choice], message)]
        if not node.aggregates:
            return answers[0]
        return await self._ask(node, Step.AGGREGATE, self._payloads.join(answers, node.name))

    async def _choose(self, node: Node, message: Message) -> int:
        choice = routing.ALL_CHILDREN
        if node.random_ratio is not None:
            choice = 0 if random.random() < node.random_ratio else 1  # noqa: S311 - an A/B test, not a secret
        elif node.routes:
            answer = await self._ask(node, Step.ROUTE, self._payloads.routed(message, node.name))
            choice = self._payloads.branch(answer, node.name, len(node.children))
        self.decisions[node.name] = choice
        return choice

    async def _ask(self, node: Node, step: Step, message: Message) -> Message:
        self.decisions.setdefault(node.name, routing.ALL_CHILDREN)
        return await self._nodes.call(node, step, message, self._headers)

    async def feedback(self, node: Node, message: Message, decisions: Mapping[str, Any]) -> Message:
        """Tell a node and everything below it, children first. Gives the node's answer, or the request without one."""
        if node.children:
            await together([self.feedback(child, message, decisions) for child in _told(node, decisions)])
        if node.learns and node.host:
            return await self._ask(node, Step.FEEDBACK, message)
        return message


def _told(node: Node, decisions: Mapping[str, Any]) -> Sequence[Node]:
    """The children that took part in the answer."""
    choice = decisions.get(node.name, routing.ALL_CHILDREN)
    if choice == routing.ALL_CHILDREN:
        return node.children
    if choice == routing.NO_CHILDREN:
        return ()
    if not isinstance(choice, int) or isinstance(choice, bool) or not 0 <= choice < len(node.children):
        raise GraphError(f"The feedback's routing names child {choice} of {node.name}, which has {len(node.children)}")
    return (node.children[choice],)


async def together(steps: Sequence[Awaitable[Message]]) -> list[Message]:
    """All answers, in order. The first failure ends the others: nobody would read their answers."""
    if len(steps) == 1:
        return [await steps[0]]
    tasks = [asyncio.ensure_future(step) for step in steps]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
