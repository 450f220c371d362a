"""The suite on two workers (pytest-xdist): how many, which tests stay on one of them, and what they tell the run."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from xdist.scheduler import LoadScopeScheduling

WORKERS = 2
"""More would wait for each other: a node with two CPUs has room for the models of two tests."""
RUN_ENV = "PYTEST_XDIST_TESTRUNUID"
_WORKER_ENV = "PYTEST_XDIST_WORKER"
_TOLD = "e2e-loads"


def wanted(config: pytest.Config) -> int:
    """How many workers `-n auto` means: none, with their start, for tests that somebody has picked out."""
    picked = config.option.keyword or any("::" in argument for argument in config.args)
    return 0 if picked else min(WORKERS, len(os.sched_getaffinity(0)))


def folder(scratch: Path) -> Path:
    """The folder of the run, below which each worker has its own scratch folder."""
    return (scratch.parent if _WORKER_ENV in os.environ else scratch) / "shared"


def scheduler(config: pytest.Config, log: Any, together: Collection[str]) -> LoadScopeScheduling:
    """Who gives tests to workers, one by one in their order; those of a module that is in `together` to one worker."""
    from xdist.scheduler import LoadScopeScheduling  # a run without workers needs no xdist

    class InOrder(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            module = nodeid.partition("::")[0]
            return module if Path(module).name in together else nodeid

        def _reschedule(self, node: Any) -> None:
            # A worker must know its next test, but no more: what waits behind a long one, the other could have run.
            if not self.workqueue or self._pending_of(self.assigned_work[node]) <= 1:
                super()._reschedule(node)

    config.option.loadscopereorder = False
    return InOrder(config, log)


def tell(config: pytest.Config, loads: list[str]) -> None:
    """Leave what a worker has to say of its loads for the run's report; nothing where this process is no worker."""
    if hasattr(config, "workeroutput"):
        config.workeroutput[_TOLD] = loads


def told(node: Any) -> list[str]:
    """What a worker that has ended had to say; nothing where it broke down."""
    loads: list[str] = getattr(node, "workeroutput", {}).get(_TOLD, [])
    return loads
