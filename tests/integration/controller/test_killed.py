"""The controller killed before and after each of its writes: the one that comes after it makes the same objects."""

from __future__ import annotations

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor

from tests.integration.controller.manifests import TRANSITIONS
from tests.integration.controller.process import Controller
from tests.integration.controller.proxy import COURTESY, Answer, Drop, Faults, Request
from tests.integration.controller.snapshot import Snapshot
from tests.integration.controller.world import CONVERGE_SECONDS, POLL_SECONDS, Life, World
from tests.integration.controlplane import until

SIDES = ("before", "after")
MOST_KILLS = 200
"""Of one step. A step has some thirty writes; one that never ends undoes what it did."""


class KillAt(Faults):
    """Kills the controller at its k-th write, and lets nothing pass any more then.

    Before: the API server never sees the write. After: the API server has answered, the controller has not heard it.
    Leases and events are not counted: they make no object.
    """

    def __init__(self, controller: Controller, number: int, side: str) -> None:
        self._controller = controller
        self._number = number
        self._side = side
        self._count = 0
        self._last: Request | None = None
        self.killed = threading.Event()
        self.write = ""

    def request(self, request: Request) -> Answer | None:
        if self._last is not None:
            raise Drop
        if not request.is_write or request.resource in COURTESY:
            return None
        self._count += 1
        if self._count == self._number:
            self._last = request
            if self._side == "before":
                self._kill()
        return None

    def answer(self, request: Request, answer: Answer) -> Answer:
        if request is self._last:
            self._kill()
        return answer

    def _kill(self) -> None:
        self._controller.kill()
        self.write = str(self._last)
        self.killed.set()
        raise Drop


def test_killed_at_each_write_in_turn_it_comes_to_the_same(world: World, undisturbed: dict[str, Snapshot]) -> None:
    """No controller lives for more than one write.

    Each is killed after its first one, before it hears of it; in another namespace, before its second one is sent.
    """
    with ThreadPoolExecutor(len(SIDES)) as pool:
        runs = [pool.submit(_killed_in_turn, world, undisturbed, side) for side in SIDES]
        found = {side: run.result() for side, run in zip(SIDES, runs, strict=True)}
    for side, step in itertools.product(SIDES, TRANSITIONS):
        writes = found[side][step]
        print(f"\n{step}: {len(writes)} kills, each {side} a write")
        print("\n".join(f"  {k:3} {write}" for k, write in enumerate(writes, 1)))
        assert len(writes) > 5, f"{step}: the controller was killed {side} {writes} alone"


def _killed_in_turn(world: World, undisturbed: dict[str, Snapshot], side: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {step: [] for step in TRANSITIONS}
    with world.life(f"one-write-{side}") as life:
        life.controller.start()
        for step, state in TRANSITIONS.items():
            # The first write of all is killed before, too; the later controllers get one through.
            life.proxy.faults = faults = KillAt(life.controller, 1, side)
            life.apply(state)
            while is_killed(life, undisturbed[step], faults):
                found[step].append(faults.write)
                assert len(found[step]) < MOST_KILLS, f"{step} never ends: {found[step]}"
                life.proxy.faults = faults = KillAt(life.controller, 1 if side == "after" else 2, side)
                life.controller.start(ready=False)
            life.proxy.faults = Faults()
            life.converges_to(undisturbed[step])
    return found


def is_killed(life: Life, wanted: Snapshot, faults: KillAt) -> bool:
    """Wait until the controller is killed and gone, or has come to the end without that."""
    until(
        lambda: faults.killed.wait(POLL_SECONDS) or life.holds(wanted),
        CONVERGE_SECONDS,
        lambda: f"neither killed nor at the end: {life.difference_to(wanted)}\n{life.controller.tail()}",
    )
    if faults.killed.is_set():
        life.controller.buried()
    return faults.killed.is_set()
