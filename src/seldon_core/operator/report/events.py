"""Kubernetes Events about what the controller does, for `kubectl describe`. Names: specification 1.6.

Events are a courtesy: they are written beside the work, never waited for, and dropped rather than sent in masses. While
SeldonDeployments wait for their objects, events wait, too.

What was done is an Event each time. What is wrong is one Event for each cause: its name is made of the cause, and its
count goes up when it happens again, also where the controller was started again in between.
"""

import asyncio
import hashlib
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime
from typing import Any

from seldon_core.kube import AlreadyExistsError, ApiError, Client, NotFoundError
from seldon_core.kube.resources import EVENTS

from .redact import redact

_log = logging.getLogger(__name__)

COMPONENT = "seldon-controller-manager"
REPEAT_SECONDS = 1800.0
"""What is still so is told again after so long: the API server forgets events, usually after an hour."""
LATER_SECONDS = 30.0
"""Between two writes of one cause: a container that fails every second is no news every second."""
OCCURRENCE = "seldon.io/occurrence"
"""An event's annotation: which time it was that was told last."""
BURST = 25
REFILL_SECONDS = 10.0
"""An object may have so many events at once, and one more each so many seconds."""
CONCURRENT = 4
"""Events sent at the same time; the work itself needs connections, too."""
LONGEST_QUEUE = 800
"""Events that wait to be sent; further ones are dropped."""
PATIENCE_SECONDS = 20.0
"""So long an event gives way to the work, at most."""
_GLANCE_SECONDS = 0.1
FLUSH_SECONDS = 3.0
_REMEMBERED = 4096
_LONGEST_MESSAGE = 1000  # the API's limit is 1024


class Recorder:
    """Writes events.

    Args:
        client: The API server.
        busy: Whether there is work that events would only delay.
        clock: Seconds, for the limits.
        now: The time that is written.
    """

    def __init__(
        self,
        client: Client,
        *,
        busy: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._client = client
        self._busy = busy
        self._ending = False
        self._clock = clock
        self._now = now
        self._told: OrderedDict[str, tuple[str, float]] = OrderedDict()  # by the event's name: which time, and when
        self._budget: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(CONCURRENT)
        self._gate = asyncio.Lock()

    def normal(self, about: Mapping[str, Any], reason: str, message: str) -> None:
        """Something was done."""
        self._record(about, "Normal", reason, message)

    def warning(self, about: Mapping[str, Any], reason: str, message: str) -> None:
        """Something went wrong. The same for one generation of an object is told once."""
        self.standing(about, reason, message, cause=message, occurrence=str(about["metadata"].get("generation") or ""))

    def standing(
        self,
        about: Mapping[str, Any],
        reason: str,
        message: str,
        *,
        cause: str,
        occurrence: str,
        again: bool = True,
    ) -> float | None:
        """Something is wrong, and stays so for a while: may be called at every look at the object.

        Args:
            about: The object.
            reason: One word.
            message: For people.
            cause: What the Event is one for; not shown.
            occurrence: Another one each time that it happens: the Event's count goes up.
            again: Tell it again while it is still so, as the API server forgets events.

        Returns:
            Seconds after which to call again, because this time could not be told yet; None where it is told.
        """
        metadata = about["metadata"]
        uid = str(metadata.get("uid") or metadata["name"])
        key = hashlib.sha256(f"{uid}\0{reason}\0{cause}".encode()).hexdigest()[:16]
        name = f"{metadata['name'][:200]}.{key}"
        now = self._clock()
        first = name not in self._told
        if not first:
            known, then = self._told[name]
            pause = LATER_SECONDS if known != occurrence else REPEAT_SECONDS
            if now - then < pause if again else known == occurrence:
                return pause - (now - then) if known != occurrence else None
        if not self._has_room(uid):
            return REFILL_SECONDS
        self._told[name] = (occurrence, now)
        while len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)
        event = _event(about, "Warning", reason, redact(message), self._now())
        del event["metadata"]["generateName"]
        event["metadata"] |= {"name": name, "annotations": {OCCURRENCE: occurrence}}
        self._start(self._tell(event, unless_told=first))
        return None

    async def flush(self) -> None:
        """Wait for what is under way, but not for long: the API server may be away, and the process is to end."""
        self._ending = True
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=FLUSH_SECONDS)
            for task in late:
                task.cancel()

    def _record(self, about: Mapping[str, Any], kind: str, reason: str, message: str) -> None:
        metadata = about["metadata"]
        if self._has_room(str(metadata.get("uid") or metadata["name"])):
            self._start(self._send(_event(about, kind, reason, redact(message), self._now())))

    def _start(self, sending: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(sending)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _has_room(self, uid: str) -> bool:
        """Whether an object may have one more event now; then it counts."""
        if len(self._tasks) >= LONGEST_QUEUE:
            return False
        now = self._clock()
        tokens, since = self._budget.get(uid, (float(BURST), now))
        tokens = min(float(BURST), tokens + (now - since) / REFILL_SECONDS)
        if tokens < 1.0:
            return False
        self._budget[uid] = (tokens - 1.0, now)
        while len(self._budget) > _REMEMBERED:
            self._budget.popitem(last=False)
        return True

    async def _tell(self, event: dict[str, Any], *, unless_told: bool) -> None:
        """Write the one Event of a cause. Read before: a former controller may have told of this very time."""
        metadata = event["metadata"]
        try:
            async with self._slots:
                try:
                    known = await self._client.get(EVENTS, metadata["name"], metadata["namespace"])
                except NotFoundError:
                    await self._client.create(EVENTS, event)
                    return
                told = (known["metadata"].get("annotations") or {}).get(OCCURRENCE)
                if unless_told and told == metadata["annotations"][OCCURRENCE]:
                    # Nothing was written now, so the next time may be told at once.
                    if metadata["name"] in self._told:
                        occurrence, then = self._told[metadata["name"]]
                        self._told[metadata["name"]] = (occurrence, then - LATER_SECONDS)
                    return
                changed = {name: event[name] for name in ("message", "lastTimestamp")}
                changed["count"] = (known.get("count") or 1) + 1
                changed["metadata"] = {"annotations": metadata["annotations"]}
                await self._client.patch(EVENTS, metadata["name"], changed, metadata["namespace"])
        except AlreadyExistsError:
            _log.debug("event %s was written by somebody else just now", metadata["name"])
        except ApiError as error:
            _log.info("an event was not written: %s", error)

    async def _send(self, event: dict[str, Any]) -> None:
        await self._give_way()
        try:
            async with self._slots:
                await self._client.create(EVENTS, event)
        except ApiError as error:
            _log.info("an event was not written: %s", error)

    async def _give_way(self) -> None:
        """Wait while there is other work. What is wrong does not wait, only what was done."""
        clock = asyncio.get_running_loop().time
        until = clock() + PATIENCE_SECONDS
        async with self._gate:
            while self._busy() and not self._ending and clock() < until:  # noqa: ASYNC110 - rare, and simpler than telling
                await asyncio.sleep(_GLANCE_SECONDS)


def _event(about: Mapping[str, Any], kind: str, reason: str, message: str, now: datetime) -> dict[str, Any]:
    metadata = about["metadata"]
    stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    namespace = metadata.get("namespace") or "default"
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"generateName": f"{metadata['name'][:200]}.", "namespace": namespace},
        "involvedObject": {
            "apiVersion": about["apiVersion"],
            "kind": about["kind"],
            "name": metadata["name"],
            "namespace": metadata.get("namespace", ""),
            "uid": metadata.get("uid", ""),
            "resourceVersion": metadata.get("resourceVersion", ""),
        },
        "type": kind,
        "reason": reason,
        "message": message if len(message) <= _LONGEST_MESSAGE else message[: _LONGEST_MESSAGE - 1] + "…",
        "source": {"component": COMPONENT},
        "firstTimestamp": stamp,
        "lastTimestamp": stamp,
        "count": 1,
    }
