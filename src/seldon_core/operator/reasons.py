"""Why a pod does not get ready, in one sentence, read from what the kubelet and the scheduler say of it.

Nobody should have to look at pods to learn that a password is wrong. Source: design, target "a failure's reason in the
status"; the texts are ours.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .redact import redact

LONGEST_MESSAGE = 600
"""Characters of a container's own words that go into a status."""

_STARTING = frozenset({"", "ContainerCreating", "PodInitializing"})
_CRASHED = "CrashLoopBackOff"
_SPOKEN = {
    "ErrImagePull": "cannot pull its image",
    "ImagePullBackOff": "cannot pull its image",
    "InvalidImageName": "has an invalid image name",
    "ErrImageNeverPull": "needs an image that is not on the node and may not be pulled",
    "CreateContainerConfigError": "cannot be configured",
    "CreateContainerError": "cannot be created",
    "RunContainerError": "cannot be started",
}


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
    """

    reason: str
    who: str
    what: str
    message: str
    failed: bool
    log: LogRequest | None = None

    def sentence(self, last_lines: str = "") -> str:
        """One sentence, without secret values.

        Args:
            last_lines: The end of the container's log, used where it left no message.
        """
        said = _tidy(self.message) or _tidy(last_lines)
        return f"{self.who} {self.what}: {said}" if said else f"{self.who} {self.what}."


def problem_of(pod: Mapping[str, Any], warnings: Iterable[Mapping[str, Any]] = ()) -> Problem | None:
    """The most telling problem of a pod, or None.

    Init containers come first: nothing behind them runs. A container that failed and runs again is still failing
    until it is ready (an init container: until it has ended well); so the state does not flicker between attempts.

    Args:
        pod: The live object.
        warnings: Warning events about it, such as `FailedMount`.
    """
    metadata, status = pod["metadata"], pod.get("status") or {}
    if metadata.get("deletionTimestamp") or status.get("phase") == "Succeeded":
        return None
    name = metadata["name"]
    for kind, key in (("init container", "initContainerStatuses"), ("container", "containerStatuses")):
        for container in status.get(key) or ():
            found = _container_problem(pod, container, f"{kind} {container['name']} of pod {name}", kind)
            if found is not None:
                return found
    if status.get("phase") == "Failed":
        return Problem(
            status.get("reason") or "PodFailed", f"pod {name}", "failed", status.get("message", ""), failed=True
        )
    return next(_waits(pod, warnings), None)


def _container_problem(pod: Mapping[str, Any], container: Mapping[str, Any], who: str, kind: str) -> Problem | None:
    state, last = container.get("state") or {}, container.get("lastState") or {}
    waiting, ended = state.get("waiting") or {}, state.get("terminated")
    reason = waiting.get("reason", "")
    if reason in _SPOKEN:
        message = waiting.get("message", "")
        return Problem(reason, who, _SPOKEN[reason], message, failed=not any(words in message for words in _PASSING))
    previous = ended is None
    if previous:
        ended = last.get("terminated")
        if container.get("ready") and reason != _CRASHED:
            return None
    if ended is None or (ended.get("exitCode", 0) == 0 and reason != _CRASHED):
        # An unknown reason is an error of a kubelet that is newer than this table.
        unknown = reason not in _STARTING and reason != _CRASHED
        return (
            Problem(reason, who, f"cannot start ({reason})", waiting.get("message", ""), failed=True)
            if unknown
            else None
        )
    metadata = pod["metadata"]
    log = LogRequest(
        pod=metadata["name"],
        namespace=metadata["namespace"],
        container=container["name"],
        previous=previous,
        restarts=container.get("restartCount", 0),
        uid=metadata.get("uid", ""),
    )
    return _ended_problem(ended, who, kind, log)


def _ended_problem(ended: Mapping[str, Any], who: str, kind: str, log: LogRequest) -> Problem:
    code, message = ended.get("exitCode", 0), ended.get("message", "")
    if ended.get("reason") == "OOMKilled":
        advice = "give it more memory in resources.limits.memory of its componentSpec"
        return Problem("OOMKilled", who, "used more memory than its limit and was killed", advice, failed=True)
    init = kind == "init container"
    what = f"failed with exit code {code}" if code else "ended although it should keep running"
    return Problem("InitContainerFailed" if init else "ContainerFailed", who, what, message, failed=True, log=log)


def _waits(pod: Mapping[str, Any], warnings: Iterable[Mapping[str, Any]]) -> Iterator[Problem]:
    name, status = pod["metadata"]["name"], pod.get("status") or {}
    for condition in status.get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition.get("status") == "False":
            reason = condition.get("reason") or "Unschedulable"
            yield Problem(reason, f"pod {name}", "finds no node", condition.get("message", ""), failed=False)
    if not _is_starting(status):
        return
    for event in sorted(warnings, key=_time_of, reverse=True):
        message = event.get("message", "")
        # "not found" does not go away by itself; a volume that is slow, or a node's cache that is late, does.
        missing = "not found" in message
        what = "cannot mount its volumes" if event.get("reason") == "FailedMount" else "cannot be started"
        yield Problem(event.get("reason", ""), f"pod {name}", what, message, failed=missing)


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
