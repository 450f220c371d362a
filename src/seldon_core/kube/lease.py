"""Leader election by a Lease: of several processes one holds it, and the others wait for it.

The rules are those of client-go, which the field has tested for years, so both sides of an upgrade from a controller
written with it understand one another: a Lease that has not changed for its own duration, by the clock of who looks at
it, may be taken; clocks of different machines are never compared. In addition every write asks `holds` first, so a
process that was paused and comes back writes nothing, however late it notices that its time is over.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from .client import Client
from .errors import AlreadyExistsError, ApiError, ConflictError, NotFoundError
from .resources import LEASES, Object

_log = logging.getLogger(__name__)

RELEASE_SECONDS = 2.0
"""How long the end of a controller may be held up by giving the Lease back; without that the next one waits."""


@dataclass(frozen=True, kw_only=True)
class LeaseTimings:
    """Waiting times in seconds; each must be longer than the next.

    Attributes:
        duration: For how long the others leave a Lease alone that is not renewed.
        renew_deadline: A holder that could not renew for so long stops working.
        retry_period: Between two tries.
    """

    duration: float = 15.0
    renew_deadline: float = 10.0
    retry_period: float = 2.0

    def __post_init__(self) -> None:
        if not self.duration > self.renew_deadline > self.retry_period > 0:
            raise ValueError(
                f"the Lease's duration ({self.duration:g} s) must be longer than its renew deadline "
                f"({self.renew_deadline:g} s), and that longer than its retry period ({self.retry_period:g} s)"
            )


def elapsed() -> float:
    """Seconds that go on while the machine sleeps, unlike those of `time.monotonic` on Linux."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


class Elector:
    """Takes part in an election while `run` runs.

    Args:
        client: The API server.
        namespace: Of the Lease.
        name: Of the Lease.
        identity: Who we are; no other process that runs may have the same.
        timings: Waiting times.
        clock: Seconds that only go up.
    """

    def __init__(
        self,
        client: Client,
        *,
        namespace: str,
        name: str,
        identity: str,
        timings: LeaseTimings | None = None,
        clock: Callable[[], float] = elapsed,
    ) -> None:
        self._client = client
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._timings = timings or LeaseTimings()
        self._clock = clock
        self._until = 0.0  # we hold it until then
        self._seen: tuple[object, ...] = ()  # the record as it was last seen
        self._seen_at = 0.0
        self._closed = False
        self._turn = asyncio.Lock()
        self.leading = asyncio.Event()
        self.problem = ""
        """Why the election cannot take place, such as a missing permission; empty where it can."""

    def holds(self) -> bool:
        """Whether we may act now."""
        return self._clock() < self._until

    async def run(self) -> None:
        """Take, renew, lose and take again, until cancelled or released."""
        while not self._closed:
            async with self._turn:
                if not self._closed:
                    await self._once()
            self._note()
            await asyncio.sleep(self._timings.retry_period)

    async def release(self) -> None:
        """Let the next one have it at once. Nothing may be under way any more that writes."""
        self._closed = True
        async with self._turn:
            held, self._until = self.holds(), 0.0
        self._note()
        if not held:
            return
        try:
            async with asyncio.timeout(RELEASE_SECONDS):
                lease = await self._client.get(LEASES, self._name, self._namespace)
                if (lease.get("spec") or {}).get("holderIdentity") == self._identity:
                    await self._write(lease, {"holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": _now()})
                    _log.info("released the Lease %s", self._name)
        except (ApiError, TimeoutError) as error:
            _log.warning("the Lease is not released, the next leader has to wait for its end: %s", error)

    async def _once(self) -> None:
        began = self._clock()
        try:
            # A try that hangs must not keep us from noticing that our time is over.
            async with asyncio.timeout(self._timings.renew_deadline):
                if await self._try():
                    self._until = began + self._timings.renew_deadline
            self.problem = ""
        except (AlreadyExistsError, ConflictError):
            self.problem = ""  # somebody was quicker; the next look tells who
        except (ApiError, TimeoutError) as error:
            text = str(error) or f"no answer within {self._timings.renew_deadline:g} s"
            passing = isinstance(error, TimeoutError) or error.transient
            if not passing and text != self.problem:
                _log.warning("the Lease cannot be taken: %s", text)
            self.problem = "" if passing else text

    async def _try(self) -> bool:
        """One look, and one write where the Lease is ours or free."""
        try:
            lease = await self._client.get(LEASES, self._name, self._namespace)
        except NotFoundError:
            await self._create()
            return True
        spec = lease.get("spec") or {}
        record = (spec.get("holderIdentity"), spec.get("renewTime"), lease["metadata"].get("resourceVersion"))
        if record != self._seen:
            self._seen, self._seen_at = record, self._clock()
        holder = spec.get("holderIdentity") or ""
        if holder == self._identity:
            await self._write(lease, {"renewTime": _now()})
            return True
        duration = spec.get("leaseDurationSeconds") or self._timings.duration
        if holder and self._clock() < self._seen_at + duration:
            return False
        transitions = (spec.get("leaseTransitions") or 0) + 1
        await self._write(lease, self._record() | {"leaseTransitions": transitions})
        return True

    async def _create(self) -> None:
        metadata = {"name": self._name, "namespace": self._namespace}
        kind = {"apiVersion": LEASES.api_version, "kind": LEASES.kind}
        await self._client.create(LEASES, {**kind, "metadata": metadata, "spec": self._record()})

    async def _write(self, lease: Object, spec: Object) -> None:
        """Only if nobody has written since."""
        patch = {"metadata": {"resourceVersion": lease["metadata"]["resourceVersion"]}, "spec": spec}
        await self._client.patch(LEASES, self._name, patch, self._namespace)

    def _record(self) -> Object:
        now = _now()
        # The field holds whole seconds.
        duration = max(1, round(self._timings.duration))
        return {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": duration,
            "acquireTime": now,
            "renewTime": now,
        }

    def _note(self) -> None:
        """Tell those who wait whether we lead."""
        if self.holds() and not self.leading.is_set():
            _log.info("leading: holds the Lease %s", self._name, extra={"identity": self._identity})
            self.leading.set()
        elif not self.holds() and self.leading.is_set():
            _log.warning("leading no more: the Lease %s is lost or given up", self._name)
            self.leading.clear()


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
