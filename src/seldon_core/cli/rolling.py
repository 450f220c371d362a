"""Waits, on a watch, until the controller has replaced pods, and tells how far it is."""

import asyncio
import sys
from collections.abc import Sequence

from seldon_core.kube import Client, Event, EventType, Object, key_of
from seldon_core.kube.client import Selection
from seldon_core.kube.resources import Key
from seldon_core.operator.objects.kinds import SELDON_DEPLOYMENTS
from seldon_core.operator.rollout.request import ANNOTATION
from seldon_core.operator.rollout.rollouts import STALLED
from seldon_core.operator.rollout.standing import Hold
from seldon_core.operator.rollout.turns import CONDITION

from .waiting import watch_until

UNSEEN = "waits for the controller"
DONE = "the pods are of this version and serve"


def title(sdep: Object) -> str:
    """Namespace and name, for messages."""
    return "/".join(key_of(sdep))


def progress(asked: Object, now: Object) -> tuple[str, bool | None]:
    """How far the rollout of a SeldonDeployment is.

    Args:
        asked: As it was when the rollout was asked for.
        now: As it is.

    Returns:
        A few words, and whether it is over well (True), stopped (False), or goes on (None).
    """
    status = now.get("status") or {}
    conditions = {each.get("type"): each for each in status.get("conditions") or ()}
    condition = conditions.get(CONDITION, {})
    if condition.get("reason") == STALLED and condition in ((asked.get("status") or {}).get("conditions") or ()):
        return UNSEEN, None  # of an earlier try
    if condition.get("status") == "True":
        return DONE, True
    annotations = [(each["metadata"].get("annotations") or {}).get(ANNOTATION) for each in (asked, now)]
    reason, message = condition.get("reason", ""), str(condition.get("message", ""))
    if reason in {STALLED, Hold.PAUSED.value}:
        return f"{message} {status.get('description', '')}".strip(), False
    if annotations[0] != annotations[1] and reason == Hold.KEPT.value:
        return f"annotation {ANNOTATION} was taken away or changed: set it where the manifest is kept", False
    if reason == Hold.KEPT.value or not condition:
        return UNSEEN, None
    return message, None


async def wait(client: Client, asked: Sequence[Object], namespace: str | None, *, seconds: float) -> int:
    """Wait for all of them, telling on stderr what changes.

    Args:
        client: The API server.
        asked: SeldonDeployments as they were when the rollout was asked for.
        namespace: Where they are; None for several.
        seconds: How long at most.

    Returns:
        The exit status: 0 where all went well, 1 where one stopped or the time is up.
    """
    before: dict[Key, Object] = {key_of(each): each for each in asked}
    said: dict[Key, tuple[str, bool | None]] = dict.fromkeys(before, (UNSEEN, None))
    decided = asyncio.Event()

    def take(event: Event) -> None:
        key = key_of(event.object)
        if key not in before:
            return
        gone = event.type is EventType.DELETED
        found = ("was deleted", False) if gone else progress(before[key], event.object)
        if found != said[key]:
            said[key] = found
            print(f"{'/'.join(key)}: {found[0]}", file=sys.stderr, flush=True)
        if all(over is not None for _, over in said.values()):
            decided.set()

    if not await watch_until(client, Selection(SELDON_DEPLOYMENTS, namespace), take, decided, seconds):
        late = ", ".join("/".join(key) for key, (_, over) in said.items() if over is None)
        print(f"Not over after {seconds:g} s (--timeout waits longer; the rollout goes on): {late}.", file=sys.stderr)
    return 0 if all(over for _, over in said.values()) else 1
