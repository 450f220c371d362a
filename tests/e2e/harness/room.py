"""Room on the node for a test's pods: waited for before a test begins, and kept for it while it runs.

Pods come and go while a test runs: that another worker's test has few of them now does not mean that there is room for
one more test. So each says how many CPUs it asks for at its height.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from . import capacity, namespaces
from .waiting import wait_for

if TYPE_CHECKING:
    from .cluster import Cluster
    from .timeouts import Timeouts
    from .turns import Turns


class Room:
    """The node's CPUs between the workers of a run."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._kept = turns.folder / "room"
        self._kept.mkdir(exist_ok=True)

    def take(
        self, cluster: Cluster, namespace: str, cpus: float, timeouts: Timeouts, begin: Callable[[], None]
    ) -> None:
        """Wait until the scheduler has `cpus` CPUs to give away, keep them for a namespace, and call `begin`.

        Raises WaitTimeoutError naming the suite's namespaces that still live: one that `--keep` left may hold them.
        """

        def has_room() -> None:
            free = capacity.free(cluster.objects("v1", "Node"), cluster.objects("v1", "Pod"), self.kept())
            assert free >= cpus, f"{free:.2f} CPUs are free, the test needs {cpus:.2f}"

        def living() -> str:
            labels = f"{namespaces.OURS}={namespaces.SUITE}"
            names = ", ".join(namespaces.living(cluster.objects("v1", "Namespace", labels=labels)))
            return f"Namespaces of the suite: {names or 'none'}. Delete those that you have kept and need no more."

        with self._turns.one_at_a_time("room"):
            # Another worker's test takes as long as it takes; what earlier tests left is about to go.
            seconds = timeouts.beside if self.kept() else timeouts.capacity
            wait_for(has_room, what="room for the test's pods", seconds=seconds, detail=living)
            begin()
            (self._kept / namespace).write_text(str(cpus))

    def give_back(self, namespace: str) -> None:
        """A test has ended: what is left of its pods counts as what it is."""
        (self._kept / namespace).unlink(missing_ok=True)

    def kept(self) -> dict[str, float]:
        """The CPUs of tests under way, by namespace."""
        found = {}
        for file in self._kept.iterdir():
            # Who has ended waits for nobody.
            with suppress(FileNotFoundError):
                found[file.name] = float(file.read_text())
        return found
