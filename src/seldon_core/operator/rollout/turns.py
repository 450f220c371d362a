"""Turns at having pods replaced: so many SeldonDeployments at a time, each until it is ready.

A turn is taken by saying so in the SeldonDeployment's status, before the first pod is replaced. So a controller that
was restarted, or that takes over the work, knows whose turns are not over yet.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from seldon_core.kube import Object
from seldon_core.kube.resources import Key, key_of
from seldon_core.kube.store import Store

CONDITION: Final = "RolledOut"
UNDER_WAY: Final = "RollingOut"
"""The reason of the condition while the turn is taken."""
INDEX: Final = "turn"


def has_turn(sdep: Mapping[str, Any]) -> bool:
    """Whether a SeldonDeployment's status says that it has taken its turn."""
    conditions = (sdep.get("status") or {}).get("conditions") or ()
    return any(c.get("type") == CONDITION and c.get("reason") == UNDER_WAY for c in conditions)


def indexer(sdep: Mapping[str, Any]) -> tuple[str, ...]:
    """For the store of SeldonDeployments, so that those that have a turn are found at once."""
    return (UNDER_WAY,) if has_turn(sdep) else ()


class Turns:
    """Gives them out.

    Args:
        limit: How many there are at a time, 0 for no limit.
        store: The SeldonDeployments, with an index `INDEX` of `indexer`.
        wake: Has a SeldonDeployment looked at soon.
        serves: Whether a SeldonDeployment is served here: the turn of one that has become another controller's is
            nobody's to end.
    """

    def __init__(
        self,
        limit: int,
        store: Store,
        wake: Callable[[Key], None],
        serves: Callable[[Object], bool] = lambda _sdep: True,
    ) -> None:
        self.limit = limit
        self._store = store
        self._wake = wake
        self._serves = serves
        self._promised: set[Key] = set()
        """Given out, and not in a status yet."""
        self._waiting: dict[Key, None] = {}

    def taken(self) -> list[Key]:
        """The SeldonDeployments whose turn it is."""
        said = {key_of(sdep) for sdep in self._store.by_index(INDEX, UNDER_WAY) if self._serves(sdep)}
        return sorted(said | self._promised)

    def take(self, key: Key) -> bool:
        """Take a turn, or wait for one. It is to be said in the status next, and then `settle` called."""
        taken = self.taken()
        if key in taken or not self.limit or len(taken) < self.limit:
            self._promised.add(key)
            self._waiting.pop(key, None)
            return True
        self._waiting[key] = None
        return False

    def leave(self, key: Key) -> None:
        """It needs no turn, or none any more."""
        self._waiting.pop(key, None)

    def settle(self, key: Key) -> None:
        """What was promised is in the status now, or was not written. Whoever can take a turn is woken."""
        self._promised.discard(key)
        if not self._waiting:
            return
        free = self.limit - len(self.taken())
        for waiting in list(self._waiting)[: max(0, free)]:
            # It waits again if somebody else is faster, and is gone from here if it has gone.
            del self._waiting[waiting]
            self._wake(waiting)
