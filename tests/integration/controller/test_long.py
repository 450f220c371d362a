"""The long forms, some minutes each: collected where SELDON_FAULTS is `long`."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.integration.controller.manifests import TRANSITIONS
from tests.integration.controller.proxy import Faults
from tests.integration.controller.snapshot import Snapshot
from tests.integration.controller.test_faults import live_through_a_cut
from tests.integration.controller.test_killed import SIDES, KillAt, is_killed
from tests.integration.controller.world import World

AT_ONCE = 10
"""Namespaces at the same time: most of a life is waiting for gateways that follow a changed route."""


@pytest.mark.parametrize("forget", [False, True], ids=["connections live on", "connections are lost"])
def test_a_network_cut_of_a_minute(*, forget: bool, world: World, undisturbed: dict[str, Snapshot]) -> None:
    """A watch whose connection is dead is found out by its silence: bookmarks come every minute."""
    seconds = live_through_a_cut(world, undisturbed, 60.0, forget=forget)
    print(f"\nconverged {seconds:.1f} s after the end of the cut")


def test_killed_once_at_every_write_it_comes_to_the_same(world: World, undisturbed: dict[str, Snapshot]) -> None:
    """The long form: for every k one controller that makes k writes in a row is killed there, and one more comes."""
    tried: dict[tuple[str, str], dict[int, str]] = {key: {} for key in itertools.product(TRANSITIONS, SIDES)}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for first in itertools.count(1, AT_ONCE // 2):
            lives = [
                pool.submit(_killed_once, world, undisturbed, tried, number, side)
                for number in range(first, first + AT_ONCE // 2)
                for side in SIDES
            ]
            for life in lives:
                life.result()
            if all("" in writes.values() for writes in tried.values()):
                break
    for (step, side), writes in tried.items():
        last = max(k for k, write in writes.items() if write)
        print(f"\n{step}: {last} writes, killed {side} each")
        print(
            "\n".join(
                f"  {k:3} {write or '(there was no such write in this run)'}" for k, write in sorted(writes.items())
            )
        )


def _killed_once(
    world: World,
    undisturbed: dict[str, Snapshot],
    tried: dict[tuple[str, str], dict[int, str]],
    number: int,
    side: str,
) -> None:
    # A step is over with when a run had no write of that number.
    left = [step for step in TRANSITIONS if "" not in tried[step, side].values()]
    if not left:
        return
    with world.life(f"killed-{side}-{number}") as life:
        life.controller.start()
        for step in list(TRANSITIONS)[: list(TRANSITIONS).index(left[-1]) + 1]:
            life.proxy.faults = faults = KillAt(life.controller, number, side)
            life.apply(TRANSITIONS[step])
            if is_killed(life, undisturbed[step], faults):
                life.proxy.faults = Faults()
                life.controller.start(ready=False)
            life.proxy.faults = Faults()
            life.converges_to(undisturbed[step])
            tried[step, side][number] = faults.write
