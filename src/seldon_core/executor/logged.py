"""A walk through a graph whose units have loggers: the same walk, and a word to the request logger on the way.

A class of its own, so that graphs without loggers pay nothing. Source: specification 3 (request logger).
"""

import time
from collections.abc import Mapping
from typing import Any

from .cloudevents import ANSWER, FEEDBACK, REQUEST, Event
from .graph import Walk
from .message import Message, Nodes, Payloads, RawHeaders
from .nodes import LogRule, Node
from .request_log import RequestLog

SKIP = "seldon-skip-logging"
"""A request's header field, or metadata over gRPC, that keeps it out of the log."""
_TRUE = frozenset({"true", "on", "1"})


class LoggedWalk(Walk):
    """One request, logged under its puid at the units that ask for it."""

    def __init__(self, nodes: Nodes, payloads: Payloads, headers: RawHeaders, log: RequestLog, puid: str) -> None:
        super().__init__(nodes, payloads, headers)
        self._log = log
        self._puid = puid

    async def predict(self, node: Node, message: Message) -> Message:
        """As of Walk: logged are what the unit was given, and what it and everything below it answered."""
        rule = node.logger
        if rule is None:
            return await super().predict(node, message)
        if rule.requests:
            self._put(REQUEST, rule, node, message)
        answer = await super().predict(node, message)
        if rule.answers:
            self._put(ANSWER, rule, node, answer)
        return answer

    async def feedback(self, node: Node, message: Message, decisions: Mapping[str, Any]) -> Message:
        """As of Walk. Feedback is logged with answers, as v1.17.1 does."""
        if node.logger is not None and node.logger.answers:
            self._put(FEEDBACK, node.logger, node, message)
        return await super().feedback(node, message, decisions)

    def _put(self, kind: str, rule: LogRule, node: Node, message: Message) -> None:
        self._log.put(Event(kind, rule.url, node.name, self._puid, message, time.time()))


def is_skipped(said: str | None) -> bool:
    """Whether a request is to stay out of the log, from what it says in SKIP."""
    return said is not None and said.strip().lower() in _TRUE
