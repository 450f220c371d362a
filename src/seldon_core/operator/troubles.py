"""Finds the problem of a SeldonDeployment's pods, and asks for a log where the container itself left no message."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Iterable

from seldon_core.kube import ApiError, Client, Object

from .caches import Caches
from .readiness import Rollout
from .reasons import LogRequest, Problem, problem_of
from .status import PodTrouble

_log = logging.getLogger(__name__)

LOG_LINES = 3
LOG_SECONDS = 5.0
"""Longest wait for a log: the node that has it may be down, and a worker is not to stand still for it."""
_REMEMBERED = 512


class Troubleshooter:
    """Reads pods from the caches, and logs from the API server.

    Args:
        client: The API server.
        caches: Pods and their events.
        log_seconds: Longest wait for a log.
    """

    def __init__(self, client: Client, caches: Caches, *, log_seconds: float = LOG_SECONDS) -> None:
        self._client = client
        self._caches = caches
        self._log_seconds = log_seconds
        self._logs: OrderedDict[LogRequest, str] = OrderedDict()

    async def trouble_of(self, deployments: Iterable[tuple[Rollout, Object]]) -> PodTrouble | None:
        """The problem to report: the first failure, or else the first thing that is waited for.

        Only pods of a Deployment's present version count: those of an older one fail for reasons of their own time.
        """
        waits: Problem | None = None
        for rollout, deployment in deployments:
            if rollout.ready or not rollout.observed:
                continue
            for pod in self._caches.pods_of(deployment):
                problem = problem_of(pod, self._caches.warnings_of(pod))
                if problem is not None and problem.failed:
                    return await self._spoken(problem)
                waits = waits or problem
        return await self._spoken(waits) if waits else None

    async def _spoken(self, problem: Problem) -> PodTrouble:
        lines = await self._last_lines(problem.log) if problem.log and not problem.message.strip() else ""
        return PodTrouble(problem.reason, problem.sentence(lines), problem.failed)

    async def _last_lines(self, wanted: LogRequest) -> str:
        if wanted in self._logs:
            return self._logs[wanted]
        try:
            async with asyncio.timeout(self._log_seconds):
                text = await self._client.pod_log(
                    wanted.pod,
                    wanted.namespace,
                    container=wanted.container,
                    previous=wanted.previous,
                    tail_lines=LOG_LINES,
                )
        except (ApiError, TimeoutError) as error:
            text = str(error) or f"no answer within {self._log_seconds:g} s"
            _log.info("no log of pod %s for a status: %s", wanted.pod, text, extra={"namespace": wanted.namespace})
            return ""
        self._logs[wanted] = text
        while len(self._logs) > _REMEMBERED:
            self._logs.popitem(last=False)
        return text
