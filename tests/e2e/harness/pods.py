"""What pods say about themselves, in the few words that a failure's message has room for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

CONTAINER_STATUSES = ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")


def container_statuses(pod: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The status of every container that the kubelet knows of: init containers first."""
    for field in CONTAINER_STATUSES:
        yield from pod.get("status", {}).get(field) or ()


def describe(pods: Iterable[Mapping[str, Any]]) -> str:
    """One line for each pod and each container that waits or has ended: reasons, exit codes and messages."""
    lines = [line for pod in pods for line in _lines(pod)]
    return "\n".join(lines) or "no pods"


def _lines(pod: Mapping[str, Any]) -> Iterator[str]:
    status = pod.get("status", {})
    name = pod["metadata"]["name"]
    yield f"pod {name}: {status.get('phase', 'unknown')}"
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") != "True":
            yield f"  not scheduled: {condition.get('message', condition.get('reason', ''))}"
    for container in container_statuses(pod):
        for when, state in (("now", container.get("state") or {}), ("before", container.get("lastState") or {})):
            for kind in ("waiting", "terminated"):
                if kind in state:
                    yield f"  container {container['name']} {when} {kind}: {_reason(state[kind])}"


def _reason(state: Mapping[str, Any]) -> str:
    parts = [str(state.get("reason", ""))]
    if "exitCode" in state:
        parts.append(f"exit code {state['exitCode']}")
    if state.get("message"):
        parts.append(str(state["message"]).strip())
    return ", ".join(part for part in parts if part)
