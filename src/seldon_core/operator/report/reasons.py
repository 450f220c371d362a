"""Why a pod does not get ready, in one sentence, read from what the kubelet and the scheduler say of it.

Nobody should have to look at pods to learn that a password is wrong. Source: design, target "a failure's reason in the
status"; the texts are ours.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from seldon_core.api.validation import ENGINE_CONTAINER

from . import pulls
from .redact import redact

LONGEST_MESSAGE = 600
"""Characters of a container's own words that go into a status."""

_STARTING = frozenset({"", "ContainerCreating", "PodInitializing"})
_CRASHED = "CrashLoopBackOff"
_SPOKEN = {
    "InvalidImageName": "has an invalid image name",
    "ErrImageNeverPull": "needs an image that is not on the node and may not be pulled",
    "CreateContainerConfigError": "cannot be configured",
    "CreateContainerError": "cannot be created",
    "RunContainerError": "cannot be started",
}

_OF_THE_POD = frozenset({"FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox"})
"""Events that say why nothing of a pod runs."""

_KILLED = frozenset({137, 143})
"""Exit codes of a container that was told to end, and did or did not: by a probe, a full node, or somebody."""

READY_SECONDS = 15.0
"""So long a container may run without being ready, before a status says so: most are ready by then."""

_PASSING = ("failed to sync secret cache", "failed to sync configmap cache")
"""Words of a kubelet whose own caches are late on a busy node: it tries again a second later. Nothing is wrong yet."""


@dataclass(frozen=True, slots=True)
class LogRequest:
    """Whose last lines would say what a container without a message did not say."""

    pod: str
    namespace: str
    container: str
    previous: bool
    restarts: int
    uid: str


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a pod.

    Attributes:
        reason: One word for conditions, such as `InitContainerFailed`.
        who: What failed, such as `init container classifier-model-initializer of pod p`.
        what: What happened to it, such as `failed with exit code 1`.
        message: The cause in the words of who knows it; may be empty.
        failed: A container failed. Otherwise something is waited for that may still come (room on a node, a volume).
        log: Where to read the cause if the message is empty.
        cause: The same for all pods of a Deployment that have this problem.
        occurrence: Another one each time that it happens.
    """

    reason: str
    who: str
    what: str
    message: str
    failed: bool
    log: LogRequest | None = None
    cause: str = ""
    occurrence: str = ""

    def sentence(self, last_lines: str = "") -> str:
        """One sentence, without secret values.

        Args:
            last_lines: The end of the container's log, used where it left no message.
        """
        said = _tidy(self.message) or _tidy(last_lines)
        return f"{self.who} {self.what}: {said}" if said else f"{self.who} {self.what}."


def problem_of(
    pod: Mapping[str, Any], warnings: Sequence[Mapping[str, Any]] = (), *, now: datetime | None = None
) -> Problem | None:
    """The most telling problem of a pod, or None.

    Init containers come first: nothing behind them runs. A container that failed and runs again is still failing
    until it is ready (an init container: until it has ended well); so the state does not flicker between attempts.

    Args:
        pod: The live object.
        warnings: Warning events about it, such as `FailedMount`.
        now: The time, to tell a container that is not ready for long from one that starts; None tells none.
    """
    metadata, status = pod["metadata"], pod.get("status") or {}
    if metadata.get("deletionTimestamp") or status.get("phase") == "Succeeded":
        return None
    name = metadata["name"]
    if status.get("phase") == "Failed" and status.get("reason"):
        # Taken off its node: what its containers say is how they ended, not why.
        return Problem(
            status["reason"], f"pod {name}", "failed", status.get("message", ""), failed=True, occurrence=name
        )
    for kind, key in (("init container", "initContainerStatuses"), ("container", "containerStatuses")):
        for container in status.get(key) or ():
            found = _Case(pod, container, kind, warnings).problem()
            if found is not None:
                return found
    if status.get("phase") == "Failed":
        return Problem("PodFailed", f"pod {name}", "failed", status.get("message", ""), failed=True, occurrence=name)
    return next(_waits(pod, warnings), None) or next(_unready(pod, warnings, now), None)


def unready_until(pod: Mapping[str, Any], now: datetime) -> float | None:
    """Seconds until it is to be said that a pod is not ready, if it is not by then; None where that is no question."""
    times = [
        (began + timedelta(seconds=READY_SECONDS) - now).total_seconds()
        for container in (pod.get("status") or {}).get("containerStatuses") or ()
        if not container.get("ready") and (began := _began(container))
    ]
    return min((seconds for seconds in times if seconds > 0), default=None)


@dataclass(frozen=True, slots=True)
class _Case:
    """One container of a pod, with the events about the pod."""

    pod: Mapping[str, Any]
    container: Mapping[str, Any]
    kind: str
    warnings: Sequence[Mapping[str, Any]]

    def problem(self) -> Problem | None:
        state, last = self.container.get("state") or {}, self.container.get("lastState") or {}
        waiting, ended = state.get("waiting") or {}, state.get("terminated")
        reason = waiting.get("reason", "")
        if reason in pulls.REASONS or reason in _SPOKEN:
            return self._waiting(reason, waiting.get("message", ""))
        again = ended is None
        if again:
            ended = last.get("terminated")
            if self.container.get("ready") and reason != _CRASHED:
                return None
        if ended is not None and (ended.get("exitCode", 0) or reason == _CRASHED):
            return self._ended(ended, again=again)
        # An unknown reason is an error of a kubelet that is newer than this table.
        if reason in _STARTING or reason == _CRASHED:
            return None
        return self._of(reason, f"cannot start ({reason})", waiting.get("message", ""))

    def _waiting(self, reason: str, message: str) -> Problem:
        if reason in _SPOKEN:
            passing = any(words in message for words in _PASSING)
            return self._of(reason, _SPOKEN[reason], message, failed=not passing)
        image = str(self.container.get("image") or "")
        said = pulls.cause(message, _said_of(self.container["name"], self.warnings, "Failed"))
        return self._of(pulls.REASON, pulls.what(image), pulls.advised(image, said))

    def _ended(self, ended: Mapping[str, Any], *, again: bool) -> Problem:
        """What ended it. `again`: it has begun another time since."""
        if ended.get("reason") == "OOMKilled":
            return self._of("OOMKilled", "used more memory than its limit and was killed", _more_memory(self.kind))
        code, message = ended.get("exitCode", 0), ended.get("message", "")
        probe = "" if message.strip() or code not in _KILLED else self._killing_probe()
        if probe:
            return self._of("Unhealthy", "was killed, because it did not answer its probe", probe)
        metadata = self.pod["metadata"]
        log = LogRequest(
            pod=metadata["name"],
            namespace=metadata["namespace"],
            container=self.container["name"],
            previous=again,
            restarts=self.container.get("restartCount", 0),
            uid=metadata.get("uid", ""),
        )
        what = f"failed with exit code {code}" if code else "ended although it should keep running"
        reason = "InitContainerFailed" if self.kind == "init container" else "ContainerFailed"
        return self._of(reason, what, message, log=log)

    def _killing_probe(self) -> str:
        """What the newest event says of a probe that ends containers; the one of readiness does not."""
        said = _said_of(self.container["name"], self.warnings, "Unhealthy")
        return next((text for text in said if not text.startswith("Readiness")), "")

    def _of(
        self, reason: str, what: str, message: str, *, failed: bool = True, log: LogRequest | None = None
    ) -> Problem:
        pod, name = self.pod["metadata"]["name"], self.container["name"]
        return Problem(
            reason,
            f"{self.kind} {name} of pod {pod}",
            what,
            message,
            failed=failed,
            log=log,
            cause=f"{name}/{reason}",
            occurrence=f"{pod}/{self.container.get('restartCount', 0)}",
        )


def _more_memory(kind: str) -> str:
    if kind == "init container":
        return "give it more in the chart's value storageInitializer.memoryLimit, or in the init container's resources"
    return "give it more memory in resources.limits.memory of its componentSpec"


def _waits(pod: Mapping[str, Any], warnings: Iterable[Mapping[str, Any]]) -> Iterator[Problem]:
    name, status = pod["metadata"]["name"], pod.get("status") or {}
    for condition in status.get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition.get("status") == "False":
            reason = condition.get("reason") or "Unschedulable"
            yield Problem(
                reason,
                f"pod {name}",
                "finds no node",
                condition.get("message", ""),
                failed=False,
                cause=reason,
                occurrence=name,
            )
    if not _is_starting(status):
        return
    for event in sorted(warnings, key=_time_of, reverse=True):
        if event.get("reason") not in _OF_THE_POD:
            continue
        reason, message = event["reason"], event.get("message", "")
        # What is not there does not come by itself; a volume that is slow, or a node's cache that is late, does.
        missing = "not found" in message or "references non-existent" in message
        what = "cannot mount its volumes" if reason == "FailedMount" else "cannot be started"
        yield Problem(reason, f"pod {name}", what, message, failed=missing, cause=reason, occurrence=name)


def _unready(pod: Mapping[str, Any], warnings: Sequence[Mapping[str, Any]], now: datetime | None) -> Iterator[Problem]:
    """Containers that run, and for too long do not answer. The orchestrator waits for the others: it comes last."""
    metadata = pod["metadata"]
    found = (pod.get("status") or {}).get("containerStatuses") or ()
    for container in sorted(found, key=lambda each: bool(each["name"] == ENGINE_CONTAINER)):
        began, name = _began(container), container["name"]
        if now is None or began is None or container.get("ready") or (now - began).total_seconds() < READY_SECONDS:
            continue
        message = next(_said_of(name, warnings, "Unhealthy"), "")
        yield Problem(
            "NotReady",
            f"container {name} of pod {metadata['name']}",
            "runs and is not ready yet",
            message,
            failed=False,
            cause=f"{name}/NotReady",
            occurrence=f"{metadata['name']}/{container.get('restartCount', 0)}",
        )


def _began(container: Mapping[str, Any]) -> datetime | None:
    """Since when a container runs."""
    text = ((container.get("state") or {}).get("running") or {}).get("startedAt")
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None


def _said_of(container: str, warnings: Iterable[Mapping[str, Any]], reason: str) -> Iterator[str]:
    """What events of a reason say about a container, the newest first."""
    for event in sorted(warnings, key=_time_of, reverse=True):
        place = str((event.get("involvedObject") or {}).get("fieldPath", ""))
        if event.get("reason") == reason and place.endswith(f"{{{container}}}"):
            yield str(event.get("message", ""))


def _is_starting(status: Mapping[str, Any]) -> bool:
    """Whether nothing of a pod has run yet."""
    containers = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    return all((c.get("state") or {}).get("waiting") is not None for c in containers)


def _time_of(event: Mapping[str, Any]) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or event["metadata"].get("creationTimestamp") or "")


def _tidy(text: str) -> str:
    """On one line, no longer than a status should be, without secret values."""
    line = "; ".join(part for part in (" ".join(piece.split()) for piece in redact(text).splitlines()) if part)
    return line if len(line) <= LONGEST_MESSAGE else line[: LONGEST_MESSAGE - 1] + "…"
