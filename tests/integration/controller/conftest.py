"""One control plane for all tests of the controller; each test has namespaces of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.integration.controller.manifests import TRANSITIONS
from tests.integration.controller.snapshot import Snapshot
from tests.integration.controller.world import World

collect_ignore = [] if os.environ.get("SELDON_FAULTS") == "long" else ["test_long.py"]


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    with World() as world:
        yield world


@pytest.fixture(scope="session")
def undisturbed(world: World) -> dict[str, Snapshot]:
    """What each step of `TRANSITIONS` comes to where nothing goes wrong."""
    with world.life("undisturbed") as life:
        life.controller.start()
        return {step: life.settled(life.apply(state)) for step, state in TRANSITIONS.items()}
