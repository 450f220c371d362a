"""The way to the API server fails in every way that a network and an API server know: the objects come out the same."""

from __future__ import annotations

import itertools
import json
import re
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from seldon_core.operator.objects.kinds import SELDON_DEPLOYMENTS
from tests.integration.controller.manifests import TRANSITIONS, state_a, state_b, state_c
from tests.integration.controller.proxy import COURTESY, Answer, Counting, Drop, Faults, Request, status
from tests.integration.controller.snapshot import Snapshot
from tests.integration.controller.world import World
from tests.integration.controlplane import until

CUT_SECONDS = 12.0
"""Longer than the Lease's renew deadline (10 s): the controller stops working, and takes it up again. The long form
cuts for 60 s."""
RELIST_SECONDS = 4
"""What the API server tells nobody is found by listing anew: every quarter of an hour, and here so often."""


class Refusing(Faults):
    """Every third write is refused, in all the ways there are, and every fifth read fails."""

    def __init__(self) -> None:
        self._refusals = itertools.cycle(
            [
                status(429, "TooManyRequests", "injected: too many requests", retry_after=1),
                status(409, "Conflict", "injected: the object has been modified"),
                status(500, "InternalError", "injected: etcd leader changed"),
                None,  # the write is done, and the answer is a failure
                status(409, "AlreadyExists", "injected: already exists"),
                status(503, "ServiceUnavailable", "injected: apiserver is shutting down"),
            ]
        )
        self._writes = itertools.count(1)
        self._reads = itertools.count(1)
        self._done: Request | None = None
        self.count = 0

    def request(self, request: Request) -> Answer | None:
        if request.is_watch or request.resource in COURTESY:
            return None
        if not request.is_write:
            return status(500, "InternalError", "injected: no list") if next(self._reads) % 5 == 0 else None
        if next(self._writes) % 3:
            return None
        self.count += 1
        refusal = next(self._refusals)
        if refusal is None:
            self._done = request
        return refusal

    def answer(self, request: Request, answer: Answer) -> Answer:
        return status(500, "InternalError", "injected: timeout") if request is self._done else answer


class Gone(Faults):
    """Watches live for three events; then, or at once, they are told that their version is too old."""

    def __init__(self) -> None:
        self._watches = itertools.count()
        self._left: dict[int, int] = {}
        self.count = 0

    def request(self, request: Request) -> Answer | None:
        if not request.is_watch or next(self._watches) % 3:
            return None
        self.count += 1
        return status(410, "Expired", "injected: too old resource version")

    def event(self, request: Request, line: bytes) -> Iterable[bytes]:
        left = self._left.setdefault(id(request), 3)
        self._left[id(request)] = left - 1
        if left > 0:
            return (line,)
        if left < 0:
            raise Drop
        self.count += 1
        gone = json.loads(status(410, "Expired", "injected: too old resource version").body)
        return (json.dumps({"type": "ERROR", "object": gone}).encode(),)


class Stale(Faults):
    """Behind each event comes an older one of the same object; behind a deletion, that it was there."""

    def __init__(self) -> None:
        self._told: dict[tuple[str, str], bytes] = {}
        self.count = 0

    def event(self, request: Request, line: bytes) -> Iterable[bytes]:
        event: dict[str, Any] = json.loads(line)
        if event["type"] not in {"ADDED", "MODIFIED", "DELETED"}:
            return (line,)
        key = (request.resource, event["object"]["metadata"]["name"])
        older, self._told[key] = self._told.get(key), line
        self.count += older is not None
        return (line, older) if older else (line,)


class Lost(Faults):
    """Every fourth event does not arrive, and the connection breaks with it, in the midst of a line."""

    def __init__(self) -> None:
        self._events = itertools.count(1)
        self.count = 0

    def event(self, _request: Request, line: bytes) -> Iterable[bytes]:
        yield line
        if next(self._events) % 4 == 0:
            self.count += 1
            yield line[: len(line) // 2]
            raise Drop


class Swallowed(Faults):
    """Every second event never arrives, and nothing tells that it is missing."""

    def __init__(self) -> None:
        self._events = itertools.count(1)
        self.count = 0

    def event(self, _request: Request, line: bytes) -> Iterable[bytes]:
        if json.loads(line)["type"] == "BOOKMARK" or next(self._events) % 2:
            return (line,)
        self.count += 1
        return ()


class Deaf(Faults):
    """Every sixth request, read or write, is carried out, and its connection breaks before the answer."""

    def __init__(self) -> None:
        self._answers = itertools.count(1)
        self.count = 0

    def answer(self, _request: Request, answer: Answer) -> Answer:
        if next(self._answers) % 6 == 0:
            self.count += 1
            raise Drop
        return answer


SCENARIOS: dict[str, Callable[[], Any]] = {
    "409, 429 and 5xx answers": Refusing,
    "410 answers and events": Gone,
    "stale events": Stale,
    "lost events": Lost,
    "swallowed events": Swallowed,
    "lost answers": Deaf,
}


@pytest.fixture(scope="module")
def lives(world: World, undisturbed: dict[str, Snapshot]) -> Iterator[dict[str, Future[float]]]:
    """All scenarios at the same time, each in its namespace: a life is mostly waiting."""
    with ThreadPoolExecutor(len(SCENARIOS) + 1) as pool:
        yield {
            **{name: pool.submit(_live, world, undisturbed, name) for name in SCENARIOS},
            "cut": pool.submit(live_through_a_cut, world, undisturbed, CUT_SECONDS, forget=False),
        }


@pytest.mark.parametrize("name", SCENARIOS)
def test_it_comes_to_the_same_with(name: str, lives: dict[str, Future[float]]) -> None:
    count = lives[name].result()
    print(f"\n{name}: {count:g} injected")


def test_it_comes_to_the_same_after_a_network_cut(lives: dict[str, Future[float]]) -> None:
    print(f"\nconverged {lives['cut'].result():.1f} s after the end of a cut of {CUT_SECONDS:g} s")


@pytest.mark.parametrize("kill", [False, True], ids=["asked to end", "killed"])
def test_it_comes_to_the_same_while_the_api_server_restarts(
    *, kill: bool, world: World, undisturbed: dict[str, Snapshot]
) -> None:
    with world.life(f"restart-{kill}".lower()) as life:
        life.controller.start()
        life.becomes(undisturbed["create"], state_a)
        life.proxy.faults = counting = Counting()
        life.apply(state_b)
        until(lambda: counting.count, 30, "the controller does not begin")
        world.plane.stop_apiserver(kill=kill)
        world.plane.start_apiserver()
        life.converges_to(undisturbed["change"])
        life.becomes(undisturbed["remove a predictor"], state_c)


def _live(world: World, undisturbed: dict[str, Snapshot], name: str) -> float:
    """One life with faults all the time."""
    namespace = "faults-" + re.sub("[^a-z0-9]+", "-", name.lower())
    faults = SCENARIOS[name]()
    with world.life(namespace, environment={"RELIST_SECONDS": str(RELIST_SECONDS)}) as life:
        life.proxy.faults = faults
        life.controller.start()
        for step, state in TRANSITIONS.items():
            before = faults.count
            life.becomes(undisturbed[step], state)
            assert faults.count > before, f"nothing went wrong while {step!r} was done: the test proves nothing"
        return float(faults.count)


def live_through_a_cut(world: World, undisturbed: dict[str, Snapshot], seconds: float, *, forget: bool) -> float:
    """One change is made while nothing passes, and one afterwards.

    Args:
        world: The tests' world.
        undisturbed: What each step comes to.
        seconds: How long nothing passes.
        forget: Connections of before stay dead afterwards, and nobody says so.

    Returns:
        Seconds from the end of the cut until the change was made.
    """
    with world.life("network-cut-for-ever" if forget else "network-cut") as life:
        life.controller.start()
        life.becomes(undisturbed["create"], state_a)
        world.proxies.call(life.proxy.freeze)
        life.apply(state_b)
        time.sleep(seconds)  # not a wait for anything: it is the fault
        path = SELDON_DEPLOYMENTS.path(namespace=life.namespace)
        live = world.plane.items(path)[0]
        assert live["status"]["observedGeneration"] < live["metadata"]["generation"], "something passed the cut"
        world.proxies.call(lambda: life.proxy.thaw(forget=forget))
        ended = time.monotonic()
        life.converges_to(undisturbed["change"], seconds=150)
        converged = time.monotonic() - ended
        life.becomes(undisturbed["remove a predictor"], state_c)
        return converged
