"""Finds the problem of a SeldonDeployment's pods, and asks for a log where the container itself left no message.

Pods that cannot even be made (a quota, a LimitRange, Pod Security) are a problem of their Deployment.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from seldon_core.kube import ApiError, Client, Object
from seldon_core.operator.objects.caches import Caches

from .readiness import Rollout
from .reasons import LogRequest, Problem, problem_of, unready_until
from .refusals import refusal_of
from .status import PodTrouble

_log = logging.getLogger(__name__)

LOG_LINES = 3
LOG_SECONDS = 5.0
"""Longest wait for a log: the node that has it may be down, and a worker is not to stand still for it."""
_REMEMBERED = 512


@dataclass(frozen=True, slots=True)
class Found:
    """What was found.

    Attributes:
        trouble: The problem to report, if any.
        again_after: Seconds until time alone makes one of what is none yet, or None.
    """

    trouble: PodTrouble | None = None
    again_after: float | None = None


class Troubleshooter:
    """Reads pods from the caches, and logs from the API server.

    Args:
        client: The API server.
        caches: Pods and their events.
        log_seconds: Longest wait for a log.
        now: The time.
    """

    def __init__(
        self,
        client: Client,
        caches: Caches,
        *,
        log_seconds: float = LOG_SECONDS,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._client = client
        self._caches = caches
        self._log_seconds = log_seconds
        self._now = now
        self._logs: OrderedDict[LogRequest, str] = OrderedDict()

    async def trouble_of(self, deployments: Iterable[tuple[Rollout, Object]]) -> Found:
        """The problem to report: the first failure, or else the first thing that is waited for.

        Only pods of a Deployment's present version count: those of an older one fail for reasons of their own time.
        """
        waits: tuple[Problem, str] | None = None
        moments: list[float] = []
        now = self._now()
        for rollout, deployment in deployments:
            if rollout.complete or not rollout.observed:
                continue
            pods = self._caches.pods_of(deployment)
            moments += [seconds for pod in pods if (seconds := unready_until(pod, now)) is not None]
            for problem in self._problems(rollout, pods, now):
                if problem.failed:
                    return Found(await self._spoken(problem, rollout.name), min(moments, default=None))
                waits = waits or (problem, rollout.name)
        return Found(await self._spoken(*waits) if waits else None, min(moments, default=None))

    def _problems(self, rollout: Rollout, pods: Sequence[Object], now: datetime) -> Iterable[Problem]:
        if rollout.replica_failure:
            yield refusal_of(rollout.name, rollout.replica_failure)
        for pod in pods:
            problem = problem_of(pod, self._caches.warnings_of(pod), now=now)
            if problem is not None:
                yield problem

    async def _spoken(self, problem: Problem, deployment: str) -> PodTrouble:
        lines = await self._last_lines(problem.log) if problem.log and not problem.message.strip() else ""
        return PodTrouble(
            problem.reason,
            problem.sentence(lines),
            problem.failed,
            cause=f"{deployment}/{problem.cause or problem.reason}",
            occurrence=problem.occurrence,
        )

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
