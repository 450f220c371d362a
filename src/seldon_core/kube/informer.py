"""A local, always current copy of one selection of objects: list once, then watch, for ever.

What can go wrong with a watch is dealt with here, so that nobody else has to think of it: connections that end, break
or freeze, versions that are too old, permissions that come later, an API server that restarts.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from enum import Enum

from .backoff import Backoff
from .client import Client, Selection
from .errors import ApiError, GoneError, NotFoundError, SilentError
from .resources import Key, Object, key_of
from .store import Indexer, Store
from .watch import WatchEvent, watch

_log = logging.getLogger(__name__)


class EventType(Enum):
    """What happened to an object."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"


@dataclass(frozen=True, slots=True)
class Event:
    """A change of the store, told after it was made.

    Attributes:
        type: What happened.
        object: The object as it is now, or as it was last where it is gone.
        old: As it was before; None where it is new, or where that is not known.
    """

    type: EventType
    object: Object
    old: Object | None = None


@dataclass(frozen=True)
class Timings:
    """Every waiting time of an informer, in seconds."""

    lifetime: float = 300.0
    """When the API server ends a watch; up to as much again is added by chance, so that not all end at once."""

    silence: float = 75.0
    """A watch without a byte for so long is dead: bookmarks come about every 60 s."""

    shortest: float = 1.0
    """A watch that ends sooner counts as failed."""

    relist: float = 900.0
    """List anew after so long; up to as much again is added by chance. An event that was never sent is missed by
    nobody else."""

    backoff: Backoff = field(default_factory=lambda: Backoff(first=0.5, longest=10.0))
    """Between attempts that failed."""


class Informer:
    """One selection, kept current in `store` while `run` runs.

    Args:
        client: The API server.
        selection: Which objects.
        indexers: Indexes of the store.
        transform: Applied to every object before it is stored, to keep only what is read of it; where it gives None,
            the object is left out.
        timings: Waiting times.
    """

    def __init__(
        self,
        client: Client,
        selection: Selection,
        *,
        indexers: Mapping[str, Indexer] | None = None,
        transform: Callable[[Object], Object | None] | None = None,
        timings: Timings | None = None,
    ) -> None:
        self.selection = selection
        self.store = Store(indexers)
        self.synced = asyncio.Event()
        """Set while the store is complete; cleared when the kind itself is gone from the API server."""
        self.answered = asyncio.Event()
        """The API server has answered once: with a list, or with a refusal that does not pass by itself."""
        self.last_error: ApiError | None = None
        self._client = client
        self._transform = transform
        self._timings = timings or Timings()
        self._handlers: list[Callable[[Event], None]] = []
        self._sync_handlers: list[Callable[[], None]] = []
        self._learned: dict[Key, int] = {}  # versions of our own writes that the watch has not told yet
        self._seen = 0  # the version up to which the watch has told everything
        self._attempt = 0  # failures since the last event

    def on_event(self, handler: Callable[[Event], None]) -> None:
        """Call a function on every change. It must be quick and must not raise: add a key to a queue, no more."""
        self._handlers.append(handler)

    def on_sync(self, handler: Callable[[], None]) -> None:
        """Call a function whenever the store has become complete, or the kind has gone. The same rules."""
        self._sync_handlers.append(handler)

    def learn(self, obj: Object) -> None:
        """Take over an object that a write of our own has just returned.

        So the next reader sees what was written although the watch has not told yet. No handler is called for it, now
        or when the watch tells; changes by others that came before it are told as ever. What the watch is already past
        is left out: the object may be gone again.
        """
        kept = self._keep(obj)
        if kept is not None and _version(kept) > self._seen and not _is_newer(self.store.at(key_of(kept)), kept):
            self.store.put(kept)
            self._learned[key_of(kept)] = _version(kept)

    def forget(self, obj: Object) -> None:
        """Drop an object that we have just deleted, unless another of its name is there by now."""
        known = self.store.at(key_of(obj))
        if known is not None and known["metadata"].get("uid") == obj["metadata"].get("uid"):
            self.store.remove(key_of(obj))
            self._learned.pop(key_of(obj), None)

    async def run(self) -> None:
        """List and watch until cancelled."""
        while True:
            try:
                await self._watch_from(await self._list())
            except ApiError as error:
                self._report(error)
                if not error.transient:
                    self.answered.set()
                if isinstance(error, NotFoundError):
                    self._lose()
                await self._pause(error)

    def _lose(self) -> None:
        """The kind is not served (any more): its definition is not installed, and with it went all its objects."""
        for key in self.store.all_keys():
            known = self.store.at(key)
            if known is not None:
                self._drop(key, known)
        if self.synced.is_set():
            self.synced.clear()
            self._tell_sync()

    def _tell_sync(self) -> None:
        for handler in self._sync_handlers:
            handler()

    async def _list(self) -> str:
        listed = await self._client.list(self.selection)
        at = int(listed.resource_version) if listed.resource_version.isdigit() else 0
        present: set[Key] = set()
        for obj in listed.items:
            kept = self._keep(obj)
            if kept is not None:
                present.add(key_of(kept))
                self._store(kept, listed=True)
        for key in self.store.all_keys():
            known = self.store.at(key)
            # What we wrote ourselves after the list was made is not in it. All else is as the list says, also where its
            # versions are smaller than those known: the cluster was restored from a backup then.
            ours = known is not None and key in self._learned and _version(known) > at
            if key not in present and known is not None and not ours:
                self._drop(key, known)
        self._seen = at
        self.last_error = None
        self.answered.set()
        if not self.synced.is_set():
            self._attempt = 0
            self.synced.set()
            self._tell_sync()
        return listed.resource_version

    async def _watch_from(self, version: str) -> None:
        """Watch, resuming after ends and breaks, until it is time to list anew.

        Raises:
            ApiError: The version is too old, or the API server refuses.
        """
        clock = asyncio.get_running_loop().time
        until = clock() + _spread(self._timings.relist)
        while (left := until - clock()) > 0:
            lifetime = max(1.0, min(left, _spread(self._timings.lifetime)))
            began = clock()
            try:
                events = watch(
                    self._client,
                    self.selection,
                    version,
                    lifetime_seconds=lifetime,
                    silence_seconds=self._timings.silence,
                )
                async with asyncio.timeout_at(until), aclosing(events):
                    async for event in events:
                        self._attempt = 0
                        if self._is_stale(event):
                            continue
                        version = event.resource_version
                        self._take(event)
                        self._seen = _version(event.object)
                self.last_error = None
                if clock() - began < self._timings.shortest:
                    # An API server that is going down accepts a watch and ends it at once.
                    await self._pause()
            except TimeoutError:
                return
            except SilentError as error:
                # Not worth a warning: if the network is gone, the next connection will say so.
                _log.debug("%s, watching anew", error, extra=self._context())
            except ApiError as error:
                if not error.transient or isinstance(error, GoneError):
                    raise
                self._report(error)
                await self._pause(error)

    def _is_stale(self, event: WatchEvent) -> bool:
        """Whether the watch has told later ones already. Taken as news it could bring back what is gone."""
        return 0 < _version(event.object) <= self._seen

    async def _pause(self, error: ApiError | None = None) -> None:
        delay = self._timings.backoff.delay(self._attempt)
        self._attempt += 1
        await asyncio.sleep(max(delay, error.retry_after or 0.0) if error else delay)

    def _take(self, event: WatchEvent) -> None:
        if event.type == "BOOKMARK":
            return
        kept = self._keep(event.object)
        if kept is not None and event.type != "DELETED":
            self._store(kept)
            return
        # Deleted, or changed into one that is left out.
        known = self.store.at(key_of(event.object))
        if known is not None and not _is_newer(known, event.object):
            self._drop(key_of(event.object), kept or known)

    def _store(self, obj: Object, *, listed: bool = False) -> None:
        key = key_of(obj)
        known = self.store.at(key)
        later = _is_newer(known, obj) and (not listed or key in self._learned)
        if known is None or not (_same(known, obj) or later):
            self._learned.pop(key, None)
            old = self.store.put(obj)
            self._tell(Event(EventType.ADDED if old is None else EventType.MODIFIED, obj, old))
            return
        learned = self._learned.get(key)
        if learned is None:
            return
        # Our own write is no news. A change before it is: the store has it already, the handlers have not. A list
        # does not say whether there was one.
        if _version(obj) >= learned:
            del self._learned[key]
        if listed or _version(obj) < learned:
            self._tell(Event(EventType.MODIFIED, known))

    def _drop(self, key: Key, last: Object) -> None:
        self._learned.pop(key, None)
        old = self.store.remove(key)
        self._tell(Event(EventType.DELETED, last, old))

    def _tell(self, event: Event) -> None:
        for handler in self._handlers:
            handler(event)

    def _keep(self, obj: Object) -> Object | None:
        return self._transform(obj) if self._transform else obj

    def _report(self, error: ApiError) -> None:
        """Say each failure once, not at every attempt."""
        if str(error) != str(self.last_error):
            _log.warning("%s", error, extra=self._context())
        self.last_error = error

    def _context(self) -> dict[str, str]:
        return {"resource": self.selection.resource.rbac_name, "namespace": self.selection.namespace or "*"}


def _spread(seconds: float) -> float:
    """Up to twice as long, by chance: what began together shall not come back together."""
    return seconds * (1.0 + random.random())  # noqa: S311 - spreads load, guards nothing


def _version(obj: Object) -> int:
    """The resource version as a number; 0 where it is none."""
    text = str(obj["metadata"].get("resourceVersion") or "")
    return int(text) if text.isdigit() else 0


def _same(known: Object, other: Object) -> bool:
    ours, theirs = known["metadata"], other["metadata"]
    return bool(ours.get("uid") == theirs.get("uid") and ours.get("resourceVersion") == theirs.get("resourceVersion"))


def _is_newer(known: Object | None, other: Object) -> bool:
    """Whether what is known is a later state than the other one: of the object, or of its successor of that name.

    Versions of one kind are ordered numbers (Kubernetes KEP-5504).
    """
    return known is not None and _version(known) > _version(other)
